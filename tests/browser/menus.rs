//! Menus and dialogs by keyboard.

use crate::driver::journey;
use crate::harness::TestServer;
use crate::words::ENGLISH;

const UP: char = '\u{e013}';
const DOWN: char = '\u{e015}';
const HOME: char = '\u{e011}';
const END: char = '\u{e010}';
const ESCAPE: char = '\u{e00c}';
const ENTER: char = '\u{e007}';
const TAB: char = '\u{e004}';

const FOCUSED: &str = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()";

#[tokio::test]
async fn menus_are_walked_with_the_arrow_keys_and_give_focus_back() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        let focus_is = async |name: &str| window.holds(&format!("({FOCUSED}) === '{name}'")).await;
        window.sign_in("alice").await;
        let button = window.find("button", "Actions for laptop").await;
        button.focus().await.unwrap();
        window.press(ENTER).await;
        focus_is("Deactivate").await;
        assert_eq!(button.attr("aria-expanded").await.unwrap().as_deref(), Some("true"));
        for (key, name) in [
            (DOWN, "Edit"),
            (DOWN, "Generate similar token"),
            (DOWN, "Delete"),
            (DOWN, "Deactivate"),
            (UP, "Delete"),
            (HOME, "Deactivate"),
            (END, "Delete"),
        ] {
            window.press(key).await;
            focus_is(name).await;
        }
        window.press(ESCAPE).await;
        focus_is("Actions for laptop").await;
        window.holds("document.activeElement.ariaExpanded === 'false'").await;

        window.press(ENTER).await;
        focus_is("Deactivate").await;
        window.press(DOWN).await;
        window.press(ENTER).await;
        window.element("dialog:modal").await;
        window.holds("document.activeElement.id === 'description'").await;
        window.press(ESCAPE).await;
        window.holds("!document.querySelector('dialog')").await;
        focus_is("Actions for laptop").await;

        window.press(ENTER).await;
        focus_is("Deactivate").await;
        window.press(ENTER).await;
        window.status_becomes("laptop", "Inactive").await;
        focus_is("Actions for laptop").await;

        window.find("button", "Account menu").await.focus().await.unwrap();
        window.press(ENTER).await;
        focus_is("Account settings").await;
        window.press(DOWN).await;
        focus_is("Sign out").await;
        window.press(ESCAPE).await;
        focus_is("Account menu").await;
    })
    .await;
}

#[tokio::test]
async fn a_dialog_keeps_the_focus_and_gives_it_back_to_what_opened_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("laptop", "repo:read", "30").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.find("link", "Generate new token").await.focus().await.unwrap();
        window.press(ENTER).await;
        window.holds("document.activeElement.id === 'description'").await;
        let inside = "document.activeElement === document.body || document.activeElement.closest('dialog')";
        for _ in 0..10 {
            window.press(TAB).await;
            window.holds(inside).await;
        }
        window.click("link", "Cancel").await;
        window.holds("!document.querySelector('dialog')").await;
        window.holds("document.activeElement.id === 'generate'").await;

        // After Delete the row and its button are gone, so the heading gets the focus.
        window.open_actions("laptop").await;
        window.click("menuitem", "Delete").await;
        window.holds("document.activeElement.matches('dialog [data-close]')").await;
        window.element("dialog button.danger").await.click().await.unwrap();
        window.element(".empty").await;
        window.holds("document.activeElement.matches('h1')").await;
    })
    .await;
}
