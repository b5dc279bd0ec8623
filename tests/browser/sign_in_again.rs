//! A session that ends while a form is filled in: nothing that was typed is lost.

use serde_json::json;
use time::Duration;

use crate::driver::journey;
use crate::harness::factor::Enrolled;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const IDLE: Duration = Duration::hours(24);

/// The title of the question, and the button that leaves it.
fn texts(words: &Words) -> (&'static str, &'static str) {
    if words.suffix.is_empty() { ("Sign in again", "Cancel") } else { ("重新登录", "取消") }
}

async fn answer(window: &Window) {
    window.fill(window.words.password, PASSWORD).await;
    window.click("button", window.words.sign_in).await;
}

/// Asks the server when the session ends, as a page does when it is looked at again.
async fn look_again(window: &Window) {
    window.script("document.dispatchEvent(new Event('visibilitychange'))").await;
}

#[tokio::test]
async fn a_form_in_a_dialog_comes_back_by_cancel_and_goes_on_after_the_sign_in() {
    dialog(&ENGLISH).await;
}

#[tokio::test]
async fn a_form_in_a_dialog_goes_on_in_chinese_too() {
    dialog(&CHINESE).await;
}

async fn dialog(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (title, cancel) = texts(words);
    journey(&server, words, &[401, 422], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill(words.description, "CI & \"quotes\" <b>").await;
        window.choose(words.expiration, "30").await;
        window.click("radio", words.levels[3]).await;
        server.clock.advance(IDLE);
        window.click("button", words.generate).await;
        window.find("dialog", title).await;
        window.holds("document.querySelector('dialog').matches(':modal')").await;
        window.holds("document.activeElement.id === 'sign_in_password'").await;
        assert_eq!(window.path().await, "/settings/tokens", "the question comes in place");
        window.show("sign-in-again").await;

        // Cancel and Escape lead back to the form.
        for leave in ["cancel", "escape"] {
            if leave == "cancel" {
                window.click("link", cancel).await;
            } else {
                window.press('\u{e00c}').await;
            }
            window.find("dialog", words.generate_new).await;
            window.holds("document.querySelector('dialog').matches(':modal')").await;
            let kept = "return [document.querySelector('#description').value, \
                        document.querySelector('#expiration').value, \
                        document.querySelector('[name=permission]:checked').value];";
            assert_eq!(window.script(kept).await, json!(["CI & \"quotes\" <b>", "30", "repo:admin"]), "{leave}");
            window.click("button", words.generate).await;
            window.find("dialog", title).await;
        }
        window.fill(words.password, "not my password at all").await;
        window.click("button", words.sign_in).await;
        window.element("#sign_in_password-error").await;
        window.holds("document.activeElement.id === 'sign_in_password'").await;
        window.holds("document.title.startsWith(document.body.dataset.errorBefore)").await;
        window.show("sign-in-again-wrong").await;
        answer(window).await;
        let secret = window.secret().await;
        window.holds("!document.title.startsWith(document.body.dataset.errorBefore)").await;
        window.allow_clipboard().await;
        window.copy_and_close().await;
        window.assert_nowhere(&secret).await;
        let row = window.table().await.remove(0);
        assert_eq!(row[..3], ["CI & \"quotes\" <b>", words.levels[3], words.active]);
    })
    .await;
}

#[tokio::test]
async fn the_code_is_asked_for_in_place_too() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    journey(&server, &ENGLISH, &[401], async |window| {
        window.sign_in_with("alice", PASSWORD).await;
        window.fill("Authentication code", &server.next_code(&authenticator)).await;
        window.click("button", "Sign in").await;
        window.arrive("/settings/tokens").await;
        window.open_form().await;
        window.fill("Description", "laptop").await;
        server.clock.advance(IDLE);
        window.click("button", "Generate").await;
        answer(window).await;
        window.holds("document.activeElement.id === 'sign_in_code'").await;
        window.show("sign-in-again-code").await;
        window.fill("Authentication code or recovery code", &server.next_code(&authenticator)).await;
        window.click("button", "Sign in").await;
        window.secret().await;
    })
    .await;
}

#[tokio::test]
async fn another_account_gets_its_own_empty_page() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.account("bob").await;
    journey(&server, &ENGLISH, &[401], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill("Description", "of alice").await;
        server.clock.advance(IDLE);
        window.click("button", "Generate").await;
        window.fill("Username", "bob").await;
        answer(window).await;
        window.reads("#notice", "You’re signed in as bob.").await;
        window.element(".empty").await;
        window.open_form().await;
        window.holds("document.querySelector('#description').value === ''").await;
    })
    .await;
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn a_form_that_is_no_dialog_stays_behind_the_question() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401, 422], async |window| {
        window.sign_in("alice").await;
        window.goto("/settings").await;
        window.fill("Display name", "Alice <A.>").await;
        server.clock.advance(IDLE);
        window.click("button", "Save settings").await;
        window.find("dialog", "Sign in again").await;
        window.click("link", "Cancel").await;
        window.holds("!document.querySelector('dialog')").await;
        window.holds("document.querySelector('#display_name').value === 'Alice <A.>'").await;
        window.click("button", "Save settings").await;
        answer(window).await;
        window.reads("#notice", "Settings saved.").await;
        window.holds("document.querySelector('#display_name').value === 'Alice <A.>'").await;
    })
    .await;
    assert_eq!(server.text("SELECT display_name FROM account").await, "Alice <A.>");
}

#[tokio::test]
async fn without_javascript_the_question_is_a_page() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401, 422], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.goto("/settings").await;
        window.fill("Display name", "Alice A.").await;
        server.clock.advance(IDLE);
        window.click("button", "Save settings").await;
        window.find("heading", "Sign in again").await;
        window.show("plain-sign-in-again").await;
        window.fill("Password", "wrong").await;
        window.click("button", "Sign in").await;
        window.element("#sign_in_password-error").await;
        answer(window).await;
        window.reads("#notice", "Settings saved.").await;
        window.holds("document.querySelector('#display_name').value === 'Alice A.'").await;
    })
    .await;
}

#[tokio::test]
async fn cancel_at_confirm_its_you_returns_to_the_form() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[403], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill("Description", "laptop").await;
        server.clock.advance(Duration::minutes(31));
        window.click("button", "Generate").await;
        window.find("dialog", "Confirm it’s you").await;
        window.click("link", "Cancel").await;
        window.find("dialog", "Generate new token").await;
        window.holds("document.querySelector('#description').value === 'laptop'").await;
        window.click("button", "Generate").await;
        window.fill("Password", PASSWORD).await;
        window.click("button", "Continue").await;
        window.secret().await;
    })
    .await;
}

#[tokio::test]
async fn two_minutes_before_the_end_a_notice_offers_to_stay() {
    stay(&ENGLISH, "Stay signed in").await;
}

#[tokio::test]
async fn the_notice_is_in_chinese_too() {
    stay(&CHINESE, "保持登录").await;
}

async fn stay(words: &'static Words, stay: &str) {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (title, _) = texts(words);
    let ends = async || server.number("SELECT MAX(expires_at) FROM session").await.unwrap();
    journey(&server, words, &[401], async |window| {
        window.sign_in("alice").await;
        server.clock.advance(IDLE - Duration::minutes(3));
        look_again(window).await;
        server.clock.advance(Duration::minutes(1));
        let before = ends().await;
        look_again(window).await;
        window.element(".session-end[role=alert]").await;
        window.show("session-ends").await;
        assert_eq!(ends().await, before, "the notice extends nothing");

        // Another tab stays signed in: the notice goes by itself.
        window.script("fetch('/settings/session', {method: 'POST'})").await;
        window.holds("!document.querySelector('.session-end')").await;
        assert!(ends().await > before);

        server.clock.advance(IDLE - Duration::minutes(1));
        look_again(window).await;
        window.click("button", stay).await;
        window.holds("!document.querySelector('.session-end')").await;
        assert_eq!(ends().await, (server.clock.now() + IDLE).millis());

        // With a form open, it is in the dialog; the form stays while the person signs in again.
        window.open_form().await;
        window.fill(words.description, "laptop").await;
        server.clock.advance(IDLE);
        look_again(window).await;
        window.element("dialog .session-end").await;
        window.show("session-over").await;
        window.click("button", title).await;
        window.find("dialog", title).await;
        answer(window).await;
        window.find("dialog", words.generate_new).await;
        window.holds("document.querySelector('#description').value === 'laptop'").await;
        window.holds("!document.querySelector('.session-end')").await;
        window.click("button", words.generate).await;
        window.secret().await;
    })
    .await;
}

#[tokio::test]
async fn at_its_longest_time_the_session_can_only_be_renewed_by_signing_in() {
    let change = |settings: &mut dockpass::config::Settings| settings.session_max_days = "1".into();
    let server = TestServer::start_with(change).await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401], async |window| {
        window.sign_in("alice").await;
        server.clock.advance(IDLE - Duration::minutes(1));
        look_again(window).await;
        window.reads(".session-end", "maximum length").await;
        assert!(window.all("button", "Stay signed in").await.is_empty());
        window.click("button", "Sign in again").await;
        answer(window).await;
        window.holds("!document.querySelector('dialog') && !document.querySelector('.session-end')").await;
        server.clock.advance(Duration::hours(23));
        window.goto("/settings").await;
        window.find("heading", "General").await;
    })
    .await;
}
