//! The main journey in both languages: generate a token, see it once, and use every action of its row.

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn a_token_is_generated_copied_and_gone_then_changed_and_deleted() {
    main_journey(&ENGLISH).await;
}

#[tokio::test]
async fn the_same_in_chinese() {
    main_journey(&CHINESE).await;
}

async fn main_journey(words: &'static Words) {
    let server = TestServer::start().await;
    let link = server.setup_link.clone().unwrap();
    journey(&server, words, &[422], async |window| {
        window.allow_clipboard().await;
        first_account(window, &link).await;
        the_way_to_the_page(window).await;
        let secret = generate(window).await;
        gone(window, &secret).await;
        edit(window).await;
        switch_and_delete(window).await;
    })
    .await;
}

async fn first_account(window: &Window, link: &str) {
    let words = window.words;
    window.goto(link).await;
    window.fill(words.username, "alice").await;
    window.fill(words.password, PASSWORD).await;
    window.click("button", words.create_account).await;
    window.arrive("/settings/tokens").await;
    window.show("tokens-empty").await;
    window.click("button", words.account_menu).await;
    window.click("menuitem", words.sign_out).await;
    window.arrive("/login").await;
    window.show("signed-out").await;
    window.sign_in("alice").await;
}

/// Opens the account menu, then Account settings, then Personal access tokens.
async fn the_way_to_the_page(window: &Window) {
    let words = window.words;
    window.goto("/").await;
    window.click("button", words.account_menu).await;
    window.find("menu", words.account_menu).await;
    window.show("account-menu").await;
    window.click("menuitem", words.account_settings).await;
    window.arrive("/settings").await;
    window.find("navigation", words.account_settings).await;
    window.find("heading", words.general).await;
    window.show("general").await;
    window.click("link", words.tokens).await;
    window.arrive("/settings/tokens").await;
    window.find("heading", words.tokens).await;
}

async fn generate(window: &Window) -> String {
    let words = window.words;
    window.open_form().await;
    assert_eq!(window.path().await, "/settings/tokens", "the form is a dialog over the table");
    window.holds("document.activeElement.id === 'description'").await;
    window.find("group", words.permissions).await;
    for level in words.levels {
        window.find("radio", level).await;
    }
    let preselected = "return [document.querySelector('#expiration').value, \
                       document.querySelector('[name=permission]:checked').value]";
    assert_eq!(window.script(preselected).await, serde_json::json!(["90", "repo:read"]));
    window.show("new").await;

    window.choose(words.expiration, "custom").await;
    window.click("radio", words.levels[2]).await;
    window.click("button", words.generate).await;
    window.element("#description-error").await;
    window.element("#expiration_date-error").await;
    window.holds("document.querySelector('dialog').matches(':modal')").await;
    window.holds("document.activeElement.id === 'description'").await;
    let kept = window.script(preselected).await;
    assert_eq!(kept, serde_json::json!(["custom", "repo:write"]), "what was chosen is kept");
    window.show("new-wrong").await;

    window.fill(words.description, "CI on main").await;
    window.choose(words.expiration, "30").await;
    window.click("button", words.generate).await;
    let secret = window.secret().await;
    window.show("created").await;
    let recipe = window.text(".tab .code").await;
    let host = window.script("return location.host").await;
    assert_eq!(recipe, format!("docker login {} -u alice", host.as_str().unwrap()));

    window.click("button", words.copy).await;
    window.until("the clipboard has the token", async || (window.clipboard().await == secret).then_some(())).await;
    window.show("created-copied").await;
    window.click("button", words.close).await;
    window.holds("!document.querySelector('dialog')").await;
    secret
}

async fn gone(window: &Window, secret: &str) {
    let words = window.words;
    window.assert_nowhere(secret).await;
    for column in words.columns {
        window.find("columnheader", column).await;
    }
    let row = window.table().await.remove(0);
    assert_eq!(row[..4], ["CI on main", words.levels[2], words.active, words.manual]);
    assert_eq!(row[5], words.never_used);
    let hint = window.text(".tokens th small").await;
    assert!(hint.starts_with(&secret[..8]) && !hint.contains(&secret[12..40]), "{hint}");
    window.show("tokens-one").await;
}

async fn edit(window: &Window) {
    let words = window.words;
    window.open_actions("CI on main").await;
    window.show("row-menu").await;
    window.click("menuitem", words.edit).await;
    window.element("dialog:modal").await;
    window.find("link", words.same_settings).await;
    assert!(window.all("combobox", words.expiration).await.is_empty(), "the expiry can never be changed");
    window.show("edit").await;
    window.fill(words.description, " ").await;
    window.click("button", words.save).await;
    window.element("#description-error").await;
    window.show("edit-wrong").await;
    window.fill(words.description, "CI on every branch").await;
    window.click("radio", words.levels[3]).await;
    window.click("button", words.save).await;
    window.reads("#notice", "CI on every branch").await;
    window.holds("!document.querySelector('dialog')").await;
    let row = window.table().await.remove(0);
    assert_eq!(row[..2], ["CI on every branch", words.levels[3]]);
    window.show("edited").await;
}

async fn switch_and_delete(window: &Window) {
    let (words, name) = (window.words, "CI on every branch");
    window.open_actions(name).await;
    window.click("menuitem", words.deactivate).await;
    window.status_becomes(name, words.inactive).await;
    window.reads("#notice", name).await;
    window.show("deactivated").await;
    window.open_actions(name).await;
    assert!(window.all("menuitem", words.deactivate).await.is_empty());
    window.click("menuitem", words.activate).await;
    window.status_becomes(name, words.active).await;

    window.open_actions(name).await;
    window.click("menuitem", words.delete).await;
    window.reads("dialog", name).await;
    window.show("delete").await;
    window.element("dialog button.danger").await.click().await.unwrap();
    window.element(".empty").await;
    window.reads("#notice", name).await;
    window.show("deleted").await;
}
