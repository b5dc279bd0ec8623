//! `POST /settings/tokens/{id}/activate` and `/deactivate`.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::TestServer;

#[tokio::test]
async fn a_token_is_switched_off_and_on_again() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    let works = async || server.anonymous().token("alice", &token.secret, &[]).await.status == StatusCode::OK;
    let path = |verb: &str| format!("/settings/tokens/{}/{verb}", token.id);
    assert!(works().await);
    let off = alice.post(&path("deactivate"), &[]).await;
    assert_eq!((off.status, off.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    assert!(!works().await, "from the next token request on");
    let page = alice.get("/settings/tokens").await;
    let said = "“ci push” is inactive. New requests are refused now; access already granted ends within 6 minutes.";
    assert!(page.body.contains(said) && page.body.contains(">Inactive</span>"), "{}", page.body);
    let on = alice.post(&path("activate"), &[]).await;
    assert_eq!((on.status, on.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    assert!(works().await);
    let page = alice.get("/settings/tokens").await;
    assert!(page.body.contains("“ci push” is active again") && page.body.contains(">Active</span>"));
}

#[tokio::test]
async fn htmx_gets_the_table_and_the_sentence() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    for (verb, word) in [("deactivate", "Inactive"), ("activate", "Active")] {
        let answer = alice.htmx_post(&format!("/settings/tokens/{id}/{verb}"), &[]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
        assert!(answer.body.trim_start().starts_with("<div id=\"tokens\" hx-swap-oob=\"true\">"));
        assert!(answer.body.contains(&format!(">{word}</span>")) && answer.body.contains("id=\"notice\""));
    }
}

#[tokio::test]
async fn switching_twice_is_no_fault() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    for verb in ["deactivate", "deactivate", "activate", "activate"] {
        assert_eq!(alice.post(&format!("/settings/tokens/{id}/{verb}"), &[]).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn an_expired_token_cannot_be_switched() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let id = server.signed_in("alice").await.generate("ci", "repo:read", "7").await.id;
    server.clock.advance(Duration::days(7));
    let alice = server.signed_in("alice").await;
    let before = server.rows("token").await;
    for verb in ["deactivate", "activate"] {
        let page = alice.post(&format!("/settings/tokens/{id}/{verb}"), &[]).await;
        assert_eq!(page.status, StatusCode::CONFLICT, "{verb}");
        assert!(page.body.starts_with("<!doctype html>") && page.body.contains("This token has expired"));
        let fragment = alice.htmx_post(&format!("/settings/tokens/{id}/{verb}"), &[]).await;
        assert_eq!(fragment.status, StatusCode::CONFLICT);
        assert!(fragment.body.trim_start().starts_with("<dialog"));
    }
    assert_eq!(server.rows("token").await, before);
}

#[tokio::test]
async fn a_link_switches_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let before = server.rows("token").await;
    for verb in ["deactivate", "activate"] {
        let answer = alice.get(&format!("/settings/tokens/{id}/{verb}")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(server.rows("token").await, before);
}
