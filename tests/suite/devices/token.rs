//! `/oauth/token` with the device grant: every response of RFC 8628, and one token for one client.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use time::Duration;

use crate::harness::callers::all_at_once;
use crate::harness::device::{DEVICE_GRANT, Got, PROGRAM};
use crate::harness::{Answer, TestServer, claims, database};

/// The code of an error response. Checks that it has a sentence and is not cached.
pub fn error(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::BAD_REQUEST, "no-store"), "{answer:?}");
    assert!(!answer.json()["error_description"].as_str().unwrap().is_empty());
    answer.json()["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_approved_device_gets_a_token_that_stands_in_the_table() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let program = server.anonymous();
    let codes = program.begin("laptop").await;
    assert_eq!(error(&program.poll(&codes).await), "authorization_pending");
    alice.decide(&codes, "approve").await;
    assert_eq!(server.count("token").await, 0, "it is made when the device takes it");
    server.clock.advance(Duration::seconds(5));
    let answer = program.poll(&codes).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let json = answer.json();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["username"], "alice");
    assert_eq!(json["scope"], "repo:admin");
    assert_eq!(json["expires_in"], 30 * 24 * 3600);
    let got = Got::of(&answer);
    assert!(got.token.starts_with("dp_dev_") && got.token.len() == 43, "{}", got.token);
    assert!(got.refresh.starts_with("dp_ref_") && got.refresh.len() == 43, "{}", got.refresh);
    let dump = server.dump().await;
    assert!(!database::holds(&dump, &got.token) && !database::holds(&dump, &got.refresh));
    let registry = program.token("alice", &got.token, &["repository:alice/app:pull,push,delete"]).await;
    assert_eq!(registry.status, StatusCode::OK, "{}", registry.body);
    let granted = claims(registry.json()["token"].as_str().unwrap());
    assert_eq!(granted["access"][0]["actions"], serde_json::json!(["pull", "push", "delete"]));
    let page = alice.get("/settings/tokens").await.body;
    for part in ["laptop (docker-credential-dockpass)", "Auto-generated", "Read, Write, Delete", &got.token[..10]] {
        assert!(page.contains(part), "{part}");
    }
    let log = alice.get("/settings/activity").await.body;
    assert!(log.contains("Device sign-in approved") && log.contains("Token generated"));
    assert_eq!(program.token("alice", &got.refresh, &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_device_without_a_name_is_called_by_its_program() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.device(&alice, "").await;
    assert_eq!(server.text("SELECT description FROM token").await, PROGRAM);
    assert_eq!(server.text("SELECT source FROM token").await, "auto-generated");
}

#[tokio::test]
async fn such_a_token_is_edited_switched_off_and_deleted_like_any_other() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let id = server.text("SELECT id FROM token").await;
    let path = |verb: &str| format!("/settings/tokens/{id}{verb}");
    let registry = async || server.anonymous().token("alice", &got.token, &[]).await;
    alice.post(&path(""), &[("description", "old laptop"), ("permission", "repo:read")]).await;
    assert_eq!(server.text("SELECT description FROM token").await, "old laptop");
    alice.post(&path("/deactivate"), &[]).await;
    assert!(registry().await.body.contains("PAT-INACTIVE"));
    alice.post(&path("/activate"), &[]).await;
    assert_eq!(registry().await.status, StatusCode::OK);
    alice.post(&path("/delete"), &[]).await;
    assert!(registry().await.body.contains(": sign in again on the device (PAT-DELETED)"));
}

#[tokio::test]
async fn each_poll_that_comes_too_early_slows_the_code_down_for_good() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let program = server.anonymous();
    let (codes, other) = (program.begin("laptop").await, program.begin("other").await);
    for (after, said) in [
        (0, "authorization_pending"),
        (4, "slow_down"),
        (9, "slow_down"),
        (14, "slow_down"),
        (20, "authorization_pending"),
        (19, "slow_down"),
    ] {
        server.clock.advance(Duration::seconds(after));
        assert_eq!(error(&program.poll(&codes).await), said, "{after} seconds later");
    }
    assert_eq!(server.number("SELECT MAX(interval_ms) FROM device_code").await, Some(25_000));
    assert_eq!(error(&program.poll(&other).await), "authorization_pending", "another code has its own pace");
    alice.decide(&codes, "approve").await;
    Got::of(&program.poll(&codes).await);
}

#[tokio::test]
async fn a_denied_sign_in_stays_denied() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let program = server.anonymous();
    let codes = program.begin("laptop").await;
    let page = alice.decide(&codes, "deny").await;
    assert!(page.status == StatusCode::OK && page.body.contains("<h1>Denied</h1>"), "{}", page.body);
    for _ in 0..2 {
        assert_eq!(error(&program.poll(&codes).await), "access_denied");
    }
    let late = alice.decide(&codes, "approve").await;
    assert!(late.body.contains("<h1>Denied</h1>"), "a decision stands");
    assert_eq!(error(&program.poll(&codes).await), "access_denied");
    assert_eq!(server.count("token").await, 0);
    assert!(alice.get("/settings/activity").await.body.contains("Device sign-in denied"));
}

#[tokio::test]
async fn a_code_ends_after_ten_minutes_approved_or_not() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let program = server.anonymous();
    let (waiting, approved) = (program.begin("waiting").await, program.begin("approved").await);
    alice.decide(&approved, "approve").await;
    server.clock.advance(Duration::minutes(10) - Duration::MILLISECOND);
    assert_eq!(error(&program.poll(&waiting).await), "authorization_pending");
    server.clock.advance(Duration::MILLISECOND);
    assert_eq!(error(&program.poll(&waiting).await), "expired_token");
    let late = alice.decide(&waiting, "approve").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.body.contains("This code has expired."));
    server.clock.advance(Duration::seconds(5));
    for codes in [&waiting, &approved] {
        assert_eq!(error(&program.poll(codes).await), "expired_token");
    }
    assert_eq!(server.count("token").await, 0);
    server.clock.advance(Duration::days(2));
    server.tidy().await;
    assert_eq!(server.count("device_code").await, 0);
    assert_eq!(error(&program.poll(&waiting).await), "invalid_grant");
}

#[tokio::test]
async fn what_is_approved_in_the_last_moment_waits_for_one_more_poll() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let program = server.anonymous();
    let (prompt, slowed) = (program.begin("prompt").await, program.begin("slowed").await);
    for said in ["authorization_pending", "slow_down", "slow_down"] {
        assert_eq!(error(&program.poll(&slowed).await), said);
    }
    server.clock.advance(Duration::minutes(10) - Duration::MILLISECOND);
    for codes in [&prompt, &slowed] {
        assert_eq!(error(&program.poll(codes).await), "authorization_pending");
        assert!(alice.decide(codes, "approve").await.body.contains("<h1>Approved</h1>"));
    }
    server.clock.advance(Duration::seconds(5));
    Got::of(&program.poll(&prompt).await);
    assert_eq!(error(&program.poll(&prompt).await), "invalid_grant", "once, as ever");
    server.clock.advance(Duration::seconds(10));
    Got::of(&program.poll(&slowed).await);
}

#[tokio::test]
async fn of_forty_callers_at_once_one_gets_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    alice.decide(&codes, "approve").await;
    let answers = all_at_once(|_| {
        let (caller, codes) = (server.anonymous(), codes.clone());
        async move { caller.poll(&codes).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| error(answer) == "invalid_grant"), "{lost:?}");
    assert_eq!((server.count("token").await, server.count("device_session").await), (1, 1));
}

#[tokio::test]
async fn an_account_that_is_disabled_meanwhile_gives_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    alice.decide(&codes, "approve").await;
    server.sql("UPDATE account SET disabled_at = 1").await;
    assert_eq!(error(&server.anonymous().poll(&codes).await), "invalid_grant");
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_oauths_words() {
    let server = TestServer::start().await;
    let caller = server.anonymous();
    let codes = caller.begin("laptop").await;
    let code = codes.device_code.as_str();
    let (grant, client) = (("grant_type", DEVICE_GRANT), ("client_id", PROGRAM));
    for (form, said) in [
        (vec![], "invalid_request"),
        (vec![client, ("device_code", code)], "invalid_request"),
        (vec![("grant_type", "password"), client], "unsupported_grant_type"),
        (vec![("grant_type", "authorization_code"), client], "unsupported_grant_type"),
        (vec![grant, ("device_code", code)], "invalid_request"),
        (vec![grant, client], "invalid_request"),
        (vec![grant, client, ("device_code", code), ("device_code", code)], "invalid_request"),
        (vec![grant, client, ("device_code", code), ("client_secret", "x")], "invalid_client"),
        (vec![grant, client, ("device_code", "unknown")], "invalid_grant"),
        (vec![grant, client, ("device_code", &codes.user_code)], "invalid_grant"),
        (vec![grant, ("client_id", "another"), ("device_code", code)], "invalid_grant"),
    ] {
        assert_eq!(error(&caller.post("/oauth/token", &form).await), said, "{form:?}");
    }
    let form = [grant, client, ("device_code", code)];
    let answer = caller.post_with("/oauth/token", &form, &[("authorization", "Basic eDp5")]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")));
    assert_eq!(error(&caller.send(Method::POST, "/oauth/token", None, HeaderMap::new()).await), "invalid_request");
    let cookieless = caller.poll(&codes).await;
    assert!(cookieless.headers.get("set-cookie").is_none());
    assert_eq!(error(&cookieless), "authorization_pending", "none of these counted as a poll");
}

#[tokio::test]
async fn a_change_of_the_credentials_ends_an_approval() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (before, after) = (server.anonymous().begin("before").await, server.anonymous().begin("after").await);
    alice.decide(&before, "approve").await;
    server.sql("UPDATE account SET credentials_version = credentials_version + 1").await;
    server.signed_in("alice").await.decide(&after, "approve").await;
    for _ in 0..2 {
        let answer = server.anonymous().poll(&before).await;
        assert_eq!(error(&answer), "invalid_grant");
        assert!(answer.body.contains("changed after the approval: sign in again"), "{}", answer.body);
    }
    Got::of(&server.anonymous().poll(&after).await);
    assert_eq!(server.count("token").await, 1);
}

#[tokio::test]
async fn a_change_of_the_credentials_during_the_poll_comes_before_it_or_after_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let codes = server.anonymous().begin("laptop").await;
    alice.decide(&codes, "approve").await;
    let changing = server.writing("UPDATE account SET credentials_version = credentials_version + 1").await;
    let program = server.anonymous();
    let poll = tokio::spawn(async move { program.poll(&codes).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    changing.commit().await.unwrap();
    assert_eq!(error(&poll.await.unwrap()), "invalid_grant");
    assert_eq!(server.count("token").await, 0);
}
