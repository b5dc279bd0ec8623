//! A recent sign-in is requested in place: afterwards the request continues, and no input is lost.

use serde_json::json;
use time::Duration;

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn long_after_the_sign_in_generating_asks_for_the_password_and_goes_on() {
    generate(&ENGLISH).await;
}

#[tokio::test]
async fn long_after_the_sign_in_generating_goes_on_in_chinese_too() {
    generate(&CHINESE).await;
}

async fn generate(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, words, &[403, 422], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill(words.description, "CI & \"quotes\" <b>").await;
        window.choose(words.expiration, "30").await;
        window.click("radio", words.levels[3]).await;
        server.clock.advance(Duration::minutes(31));
        window.click("button", words.generate).await;
        window.find("dialog", words.confirm_title).await;
        window.holds("document.querySelector('dialog').matches(':modal')").await;
        window.holds("document.activeElement.id === 'confirm_password'").await;
        assert_eq!(window.path().await, "/settings/tokens", "the question comes in place");
        window.show("fresh").await;
        window.fill(words.password, "not my password at all").await;
        window.click("button", words.go_on).await;
        window.element("#confirm_password-error").await;
        window.show("fresh-wrong").await;
        window.fill(words.password, PASSWORD).await;
        window.click("button", words.go_on).await;
        let secret = window.secret().await;
        window.holds("document.querySelectorAll('dialog').length === 1").await;
        window.allow_clipboard().await;
        window.copy_and_close().await;
        window.assert_nowhere(&secret).await;
        let row = window.table().await.remove(0);
        assert_eq!(row[..3], ["CI & \"quotes\" <b>", words.levels[3], words.active]);
        let end = window.script("return document.querySelectorAll('.tokens tbody time')[1].dateTime").await;
        let expected = (server.clock.now() + Duration::days(30)).date().to_string();
        assert!(end.as_str().unwrap().starts_with(&expected), "{end}");

        // For the next half hour the password is not requested again.
        server.clock.advance(Duration::minutes(29));
        window.generate("second").await;
    })
    .await;
}

#[tokio::test]
async fn activating_and_widening_ask_too_and_switching_off_does_not() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[403], async |window| {
        window.sign_in("alice").await;
        server.clock.advance(Duration::minutes(31));
        window.driver().refresh().await.unwrap();
        window.open_actions("laptop").await;
        window.click("menuitem", "Deactivate").await;
        window.status_becomes("laptop", "Inactive").await;
        window.open_actions("laptop").await;
        window.click("menuitem", "Activate").await;
        window.find("dialog", "Confirm it’s you").await;
        window.press('\u{e00c}').await;
        window.holds("!document.querySelector('dialog')").await;
        assert_eq!(window.table().await[0][2], "Inactive", "asked, not answered: nothing is changed");
        window.open_actions("laptop").await;
        window.click("menuitem", "Activate").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Continue").await;
        window.status_becomes("laptop", "Active").await;
        window.holds("!document.querySelector('dialog')").await;

        server.clock.advance(Duration::minutes(31));
        window.open_actions("laptop").await;
        window.click("menuitem", "Edit").await;
        window.fill("Description", "the new laptop").await;
        window.click("radio", "Read & Write").await;
        window.click("button", "Save token").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Continue").await;
        window.status_becomes("the new laptop", "Active").await;
        assert_eq!(window.table().await[0][1], "Read & Write");
    })
    .await;
}

#[tokio::test]
async fn without_javascript_the_question_is_a_page_and_the_form_goes_on_too() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[403], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.goto("/settings/tokens/new").await;
        window.fill("Description", "laptop").await;
        window.click("radio", "Read & Write").await;
        server.clock.advance(Duration::minutes(31));
        window.click("button", "Generate").await;
        window.find("heading", "Confirm it’s you").await;
        window.show("plain-fresh").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Continue").await;
        window.secret().await;
        window.goto("/settings/tokens").await;
        assert_eq!(json!(window.table().await[0][..2]), json!(["laptop", "Read & Write"]));
    })
    .await;
}
