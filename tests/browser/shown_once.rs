//! A secret is shown only once: the page warns before it is lost, and shows it nowhere afterwards.

use serde_json::Value;

use crate::driver::{journey, journey_at};
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::ENGLISH;

/// The whole content of the page and the browser's storage, as one text.
const ALL_THAT_IS_KEPT: &str = "return JSON.stringify([document.documentElement.outerHTML, \
    [...document.querySelectorAll('input, textarea, output')].map(field => field.value), \
    Object.entries(sessionStorage), Object.entries(localStorage), history.state, location.href, document.cookie, \
    performance.getEntries().map(entry => entry.name)]);";

impl Window {
    async fn kept(&self) -> String {
        let kept = self.script(ALL_THAT_IS_KEPT).await;
        let source = self.driver().source().await.unwrap();
        format!("{}{source}", kept.as_str().unwrap())
    }

    /// Checks that neither the page, the browser's storage nor the server's current response contains the secret.
    pub async fn assert_nowhere(&self, secret: &str) {
        assert!(!self.kept().await.contains(secret), "the secret is still in the page");
        let again = "const done = arguments[0]; Promise.all(['/settings/tokens', '/settings/tokens/new', '/settings'].map( \
                     path => fetch(path).then(answer => answer.text()))).then(pages => done(pages.join()));";
        let said: Value = self.driver().execute_async(again, vec![]).await.unwrap().json().clone();
        let said = said.as_str().unwrap();
        assert!(said.contains("</html>") && !said.contains(secret), "the server says the secret again");
    }
}

#[tokio::test]
async fn the_secret_is_gone_after_close_reload_back_and_forward() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        let secret = window.generate("laptop").await;
        assert!(window.kept().await.contains(&secret), "what is looked for can be found");
        window.copy_and_close().await;
        window.assert_nowhere(&secret).await;
        window.driver().refresh().await.unwrap();
        window.assert_nowhere(&secret).await;
        window.goto("/settings").await;
        window.driver().back().await.unwrap();
        window.arrive("/settings/tokens").await;
        window.assert_nowhere(&secret).await;
    })
    .await;
}

#[tokio::test]
async fn the_secret_is_gone_when_the_page_is_left_with_the_dialog_open() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        // The page goes into the back-forward cache, so it records its content when it is left.
        window
            .script("addEventListener('pagehide', () => { sessionStorage.left = document.querySelector('#secret').value; });")
            .await;
        let secret = window.generate("laptop").await;
        window.goto("/settings").await;
        assert_eq!(window.script("return sessionStorage.left").await, "", "emptied as the page is left");
        window.driver().back().await.unwrap();
        window.arrive("/settings/tokens").await;
        window.assert_nowhere(&secret).await;
        window.driver().forward().await.unwrap();
        window.arrive("/settings").await;
        window.assert_nowhere(&secret).await;

        window.goto("/settings/tokens").await;
        let secret = window.generate("desktop").await;
        window.driver().refresh().await.unwrap();
        window.find("heading", "Personal access tokens").await;
        window.assert_nowhere(&secret).await;
    })
    .await;
}

#[tokio::test]
async fn closing_before_it_was_copied_asks_once_by_button_and_by_escape() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        let question = "dialog [role=alert]";
        window.generate("by button").await;
        assert!(!window.element(question).await.is_displayed().await.unwrap());
        window.click("button", "Close").await;
        window.reads(question, "haven’t copied").await;
        window.secret().await;
        window.show("created-not-copied").await;
        window.click("button", "Close").await;
        window.holds("!document.querySelector('dialog')").await;
        window.holds("document.activeElement.id === 'generate'").await;

        window.generate("by Escape").await;
        window.press('\u{e00c}').await;
        window.reads(question, "haven’t copied").await;
        window.secret().await;
        window.press('\u{e00c}').await;
        window.holds("!document.querySelector('dialog')").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_copied_by_keyboard_counts_as_copied() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        let secret = window.generate("by keyboard").await;
        window.element("#secret").await.click().await.unwrap();
        window.press_control('a').await;
        window.press_control('c').await;
        assert_eq!(window.clipboard().await, secret);
        window.press('\u{e00c}').await;
        window.holds("!document.querySelector('dialog')").await;
        window.assert_nowhere(&secret).await;
    })
    .await;
}

#[tokio::test]
async fn over_plain_http_copy_selects_the_token_and_says_so() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let base = format!("http://registry.example:{}", server.address.port());
    journey_at(base, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        assert_eq!(window.script("return navigator.clipboard === undefined").await, true);
        let secret = window.generate("over plain http").await;
        window.click("button", "Copy").await;
        window.reads(".secret + [data-copy-said]", "Ctrl+C").await;
        let selected = "const field = document.activeElement; \
                        return field.value.slice(field.selectionStart, field.selectionEnd);";
        assert_eq!(window.script(selected).await, secret);
        window.show("created-by-hand").await;
        window.click("button", "Close").await;
        window.reads("dialog [role=alert]", "haven’t copied").await;
        window.element("#secret").await.click().await.unwrap();
        window.press_control('a').await;
        window.press_control('c').await;
        window.click("button", "Close").await;
        window.holds("!document.querySelector('dialog')").await;
    })
    .await;
}

#[tokio::test]
async fn a_form_that_was_already_posted_says_already_created() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[409], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill("Description", "posted twice").await;
        let post = "const done = arguments[0]; const form = document.querySelector('dialog form'); \
                    fetch(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form))}) \
                    .then(answer => answer.text()).then(done);";
        let page: Value = window.driver().execute_async(post, vec![]).await.unwrap().json().clone();
        let secret = page.as_str().unwrap().split(">dp_pat_").nth(1).unwrap()[..36].to_owned();
        window.click("button", "Generate").await;
        window.find("dialog", "Token already created").await;
        window.reads("dialog", "can’t be shown again").await;
        window.assert_nowhere(&secret).await;
        window.show("already-created").await;
        window.click("button", "Close").await;
        window.holds("!document.querySelector('dialog')").await;
        window.driver().refresh().await.unwrap();
        assert_eq!(window.table().await.len(), 1, "one token was made");
    })
    .await;
}
