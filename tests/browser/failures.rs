//! A server that fails or is away while a dialog is open, and error pages.

use serde_json::json;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::ENGLISH;

async fn offline(window: &Window, is_offline: bool) {
    window.devtools("Network.enable", json!({})).await;
    let network = json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    window.devtools("Network.emulateNetworkConditions", network).await;
}

#[tokio::test]
async fn a_fault_in_a_dialog_is_said_once_and_the_form_is_kept() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[500], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill("Description", "laptop").await;
        server.sql("ALTER TABLE token RENAME TO hidden_token").await;
        for _ in 0..2 {
            window.click("button", "Generate").await;
            window.reads("dialog [role=alert]", "Something went wrong").await;
            window.holds("document.body.innerText.split('Something went wrong').length === 2").await;
            window.holds("document.querySelector('#description').value === 'laptop'").await;
        }
        window.show("dialog-fault").await;
        server.sql("ALTER TABLE hidden_token RENAME TO token").await;
        window.click("button", "Generate").await;
        window.secret().await;
        window.holds("!document.body.innerText.includes('Something went wrong')").await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_away_is_said_once_until_it_answers() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in("alice").await;
        window.open_form().await;
        window.fill("Description", "laptop").await;
        offline(window, true).await;
        for _ in 0..3 {
            window.click("button", "Generate").await;
            window.reads("dialog [role=alert]", "The server didn’t respond.").await;
        }
        window.holds("document.querySelectorAll('[data-no-answer]').length === 1").await;
        window.show("server-away").await;
        offline(window, false).await;
        // Chromium's own messages about the network.
        window.driver().browser_log().await.unwrap();
        window.click("button", "Generate").await;
        window.secret().await;
        window.holds("!document.querySelector('[data-no-answer]')").await;
        window.goto("/settings").await;
        window.fill("Display name", "Alice A.").await;
        offline(window, true).await;
        window.click("button", "Save settings").await;
        window.reads("[role=alert]", "The server didn’t respond.").await;
        window.holds("document.querySelector('#display_name').value === 'Alice A.'").await;
        offline(window, false).await;
        window.driver().browser_log().await.unwrap();
        window.click("button", "Save settings").await;
        window.reads("#notice", "Settings saved.").await;
    })
    .await;
}

#[tokio::test]
async fn error_pages_show_who_is_signed_in_and_lead_back() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[404, 500], async |window| {
        window.sign_in("alice").await;
        window.goto("/settings/activity").await;
        window.script("location.assign('/nowhere')").await;
        window.find("heading", "Not found").await;
        window.find("button", "Account menu").await;
        window.show("error-not-found").await;
        window.click("link", "Go back").await;
        window.arrive("/settings/activity").await;
        server.sql("ALTER TABLE token RENAME TO hidden_token").await;
        window.goto("/settings/tokens").await;
        window.find("heading", "Something went wrong").await;
        window.show("error-fault").await;
        server.sql("ALTER TABLE hidden_token RENAME TO token").await;
        window.click("link", "Try again").await;
        window.find("heading", "Personal access tokens").await;
    })
    .await;
}
