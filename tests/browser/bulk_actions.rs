//! Bulk actions: several tokens are selected, confirmed, and deactivated or deleted together.

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn ticked_tokens_are_named_in_one_question_and_changed_together() {
    selected(&ENGLISH).await;
}

#[tokio::test]
async fn ticked_tokens_are_changed_together_in_chinese() {
    selected(&CHINESE).await;
}

async fn tick(window: &Window, description: &str) {
    window.click("checkbox", &window.words.select(description)).await;
}

async fn selected(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 8).await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        assert!(window.all("button", words.delete).await.is_empty(), "nothing is ticked, nothing can be done");
        tick(window, "Service 008").await;
        tick(window, "Service 005").await;
        window.find("button", words.delete).await;
        window.show("selection").await;
        window.click("button", words.deactivate).await;
        window.find("dialog", words.deactivate_tokens).await;
        let named = window.text("dialog .named").await;
        assert!(named.contains("Service 008") && named.contains("Service 005"), "{named}");
        assert!(!named.contains("Service 007"), "{named}");
        window.show("selection-deactivate").await;
        window.press('\u{e00c}').await;
        window.holds("!document.querySelector('dialog')").await;
        let ticked = "document.querySelectorAll('tbody .tick :checked').length === 2";
        window.holds(ticked).await;
        window.click("button", words.deactivate).await;
        window.find("dialog", words.deactivate_tokens).await;
        window.click("button", words.deactivate_tokens).await;
        window.status_becomes("Service 008", words.inactive).await;
        window.status_becomes("Service 005", words.inactive).await;
        window.status_becomes("Service 007", words.active).await;
        window.reads("#notice", "2").await;
        window.holds("!document.querySelector('.tick :checked')").await;
        window.holds("document.activeElement !== document.body").await;

        tick(window, "Service 008").await;
        tick(window, "Service 005").await;
        window.holds("document.querySelector('#announcement').textContent.includes('2')").await;
        window.click("button", words.activate).await;
        window.find("dialog", words.activate_tokens).await;
        window.show("selection-activate").await;
        window.click("button", words.activate_tokens).await;
        window.status_becomes("Service 008", words.active).await;
        tick(window, "Service 008").await;
        tick(window, "Service 005").await;
        window.click("button", words.deactivate).await;
        window.click("button", words.deactivate_tokens).await;
        window.status_becomes("Service 008", words.inactive).await;

        // All tokens that match the filter, and no others.
        window.find("searchbox", words.find).await.send_keys("service 00").await.unwrap();
        window.choose(words.columns[2], "inactive").await;
        window.until("four are left", async || (window.descriptions().await.len() == 4).then_some(())).await;
        window.click("checkbox", words.select_all).await;
        window.holds("document.querySelectorAll('tbody .tick :checked').length === 4").await;
        window.click("button", words.delete).await;
        window.find("dialog", words.delete_tokens).await;
        window.show("selection-delete").await;
        window.click("button", words.delete_tokens).await;
        window.element(".empty").await;
        window.goto("/settings/tokens").await;
        assert_eq!(window.descriptions().await, ["Service 007", "Service 004", "Service 002", "Service 001"]);
    })
    .await;
}

#[tokio::test]
async fn select_all_follows_the_boxes() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 3).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        let all = "document.querySelector('[data-tick-all]')";
        tick(window, "Service 001").await;
        window.holds(&format!("{all}.indeterminate && !{all}.checked")).await;
        tick(window, "Service 002").await;
        tick(window, "Service 003").await;
        window.holds(&format!("!{all}.indeterminate && {all}.checked")).await;
        window.click("checkbox", "Select all on this page").await;
        window.holds("!document.querySelector('.tick :checked')").await;
        assert!(window.all("button", "Delete").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn several_are_changed_without_javascript() {
    let server = TestServer::start().await;
    server.account("alice").await;
    server.many_tokens("alice", 4).await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        assert!(window.all("checkbox", "Select all on this page").await.is_empty(), "it could do nothing");
        tick(window, "Service 001").await;
        tick(window, "Service 002").await;
        window.show("plain-selection").await;
        window.element("#selection [value=delete]").await.click().await.unwrap();
        window.reads("dialog .named", "Service 001").await;
        window.show("plain-selection-delete").await;
        window.click("button", "Delete tokens").await;
        window.reads("#notice", "2 tokens").await;
        assert_eq!(window.descriptions().await, ["Service 004", "Service 003"]);
    })
    .await;
}
