//! A token's whole life without JavaScript.

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn everything_works_without_javascript() {
    without_javascript(&ENGLISH).await;
}

#[tokio::test]
async fn everything_works_without_javascript_in_chinese() {
    without_javascript(&CHINESE).await;
}

async fn without_javascript(words: &'static Words) {
    let server = TestServer::start().await;
    let link = server.setup_link.clone().unwrap();
    journey(&server, words, &[409, 422], async |window| {
        window.without_scripts().await;
        window.goto(&link).await;
        window.fill(words.username, "alice").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.create_account).await;
        window.arrive("/settings/tokens").await;
        assert_eq!(window.script("return typeof window.htmx").await, "undefined", "no script of the page runs");
        window.click("button", words.account_menu).await;
        window.click("button", words.sign_out).await;
        window.arrive("/login").await;
        window.sign_in("alice").await;
        window.click("button", words.account_menu).await;
        window.click("link", words.account_settings).await;
        window.arrive("/settings").await;
        window.click("link", words.tokens).await;
        window.arrive("/settings/tokens").await;
        generate(window).await;
        manage(window).await;
    })
    .await;
}

async fn generate(window: &Window) {
    let words = window.words;
    window.click("link", words.generate_new).await;
    window.arrive("/settings/tokens/new").await;
    window.show("plain-new").await;
    window.choose(words.expiration, "custom").await;
    window.click("radio", words.levels[3]).await;
    window.click("button", words.generate).await;
    window.element("#description-error").await;
    window.element("#expiration_date-error").await;
    window.show("plain-new-wrong").await;
    window.fill(words.description, "laptop").await;
    window.choose(words.expiration, "365").await;
    window.click("button", words.generate).await;
    let secret = window.secret().await;
    assert!(window.all("button", words.copy).await.is_empty(), "no button that could do nothing");
    window.show("plain-created").await;

    // Reloading sends the form again.
    window.driver().refresh().await.unwrap();
    window.holds("!document.querySelector('#secret')").await;
    assert!(!window.driver().source().await.unwrap().contains(&secret));
    window.show("plain-already-created").await;
    window.click("button", words.close).await;
    window.arrive("/settings/tokens").await;
    let table = window.table().await;
    assert_eq!(table.len(), 1, "one token was made");
    assert_eq!(table[0][..3], ["laptop", words.levels[3], words.active]);
    window.driver().back().await.unwrap();
    assert!(!window.driver().source().await.unwrap().contains(&secret));
    window.goto("/settings/tokens").await;
}

async fn manage(window: &Window) {
    let words = window.words;
    window.open_actions("laptop").await;
    let page = window.path().await.trim_end_matches('?').to_owned();
    window.click("button", words.deactivate).await;
    window.reads("#notice", "laptop").await;
    assert_eq!(window.path().await, page, "from a token's page one comes back to it");
    window.driver().refresh().await.unwrap();
    window.holds("!document.querySelector('#notice .notice')").await;
    window.goto("/settings/tokens").await;
    window.status_becomes("laptop", words.inactive).await;
    window.open_actions("laptop").await;
    window.click("button", words.activate).await;
    window.reads(".badge", words.active).await;

    window.click("link", words.edit).await;
    window.fill(words.description, "the old laptop").await;
    window.show("plain-edit").await;
    window.click("button", words.save).await;
    window.reads("h1", "the old laptop").await;
    assert_eq!(window.path().await, page);
    window.goto("/settings/tokens").await;
    window.status_becomes("the old laptop", words.active).await;

    window.open_actions("the old laptop").await;
    window.click("link", words.delete).await;
    window.reads("dialog", "the old laptop").await;
    window.show("plain-delete").await;
    window.element("dialog button.danger").await.click().await.unwrap();
    window.element(".empty").await;
    window.reads("#notice", "the old laptop").await;

    window.click("button", words.account_menu).await;
    window.click("button", words.sign_out).await;
    window.arrive("/login").await;
    window.goto("/settings/tokens").await;
    window.find("heading", words.sign_in).await;
}
