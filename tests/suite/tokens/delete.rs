//! `/settings/tokens/{id}/delete`: the question, the deletion, and the tombstone.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, MadeToken, TestServer};

async fn message(server: &TestServer, name: &str, token: &MadeToken) -> String {
    let answer = server.anonymous().token(name, &token.secret, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    answer.json()["errors"][0]["message"].as_str().unwrap().to_owned()
}

async fn delete(browser: &Browser, token: &MadeToken) {
    let answer = browser.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
}

#[tokio::test]
async fn it_asks_first_and_names_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    let path = format!("/settings/tokens/{}/delete", token.id);
    let page = alice.get(&path).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.starts_with("<!doctype html>"));
    let question = "Delete “ci push”? Anything that uses it will lose access. This can’t be undone.";
    assert!(page.body.contains(question), "{}", page.body);
    assert!(page.body.contains(&format!("<form method=\"post\" action=\"{path}\"")));
    assert!(page.body.contains(&format!("{}…", &token.secret[..10])), "and shows its hint");
    let fragment = alice.htmx_get(&path).await;
    assert!(fragment.body.trim_start().starts_with("<dialog") && fragment.body.contains(question));
    assert_eq!(server.count("token").await, 1, "asking deletes nothing");
}

#[tokio::test]
async fn deleting_is_for_good() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    delete(&alice, &token).await;
    let page = alice.get("/settings/tokens").await;
    assert!(page.body.contains("“ci push” deleted. Access already granted ends within 6 minutes."));
    assert!(page.body.contains("No tokens yet"));
    assert_eq!(server.count("token").await, 0);
    for end in ["", "/edit", "/delete"] {
        let path = format!("/settings/tokens/{}{end}", token.id);
        assert_eq!(alice.get(&path).await.status, StatusCode::NOT_FOUND, "{end}");
    }
    let again = alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn htmx_gets_the_table_without_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    let answer = alice.htmx_post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.body.contains("<div id=\"tokens\" hx-swap-oob=\"true\">"));
    assert!(answer.body.contains("No tokens yet") && answer.body.contains("“ci push” deleted."));
}

#[tokio::test]
async fn an_expired_token_can_be_deleted() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let token = server.signed_in("alice").await.generate("ci", "repo:read", "7").await;
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    assert_eq!(alice.get(&format!("/settings/tokens/{}/delete", token.id)).await.status, StatusCode::OK);
    delete(&alice, &token).await;
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn whoever_uses_a_deleted_token_is_told_for_90_days() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "never").await;
    delete(&alice, &token).await;
    let told = format!(
        "access token \"ci push\" was deleted on {}: generate a new one at {} (PAT-DELETED)",
        server.clock.now().date(),
        server.url("/settings/tokens"),
    );
    assert_eq!(message(&server, "alice", &token).await, told);
    assert!(message(&server, "bob", &token).await.ends_with("(PAT-WRONG-USER)"));
    server.clock.advance(Duration::days(90));
    assert_eq!(message(&server, "alice", &token).await, told, "the 90th day");
    server.clock.advance(Duration::DAY);
    assert!(message(&server, "alice", &token).await.ends_with("(AUTH-FAILED)"), "after 90 days");
    assert!(message(&server, "bob", &token).await.ends_with("(AUTH-FAILED)"), "after 90 days, whoever asks");
}

#[tokio::test]
async fn a_tombstone_is_cleared_away_after_90_days() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "never").await;
    delete(&alice, &token).await;
    let tidy = async || {
        server.tidy().await;
        server.count("deleted_token").await
    };
    server.clock.advance(Duration::days(90));
    assert_eq!(tidy().await, 1);
    server.clock.advance(Duration::DAY);
    assert_eq!(tidy().await, 0);
}
