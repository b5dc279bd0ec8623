//! `/oauth/revoke` (RFC 7009).

use reqwest::StatusCode;

use crate::devices::token::error;
use crate::harness::callers::{MANY, all_at_once};
use crate::harness::device::PROGRAM;
use crate::harness::{Answer, TestServer};

async fn revoke(server: &TestServer, token: &str) -> Answer {
    let form = [("token", token), ("token_type_hint", "refresh_token"), ("client_id", PROGRAM)];
    server.anonymous().post("/oauth/revoke", &form).await
}

async fn assert_silent(server: &TestServer, token: &str) {
    let answer = revoke(server, token).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_device_gives_its_token_back_by_either_secret() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for by_refresh in [true, false] {
        let got = server.device(&alice, "laptop").await;
        assert_silent(&server, if by_refresh { &got.refresh } else { &got.token }).await;
        assert_eq!(server.count("token").await, 0);
        assert!(server.anonymous().token("alice", &got.token, &[]).await.body.contains("PAT-DELETED"));
        let late = server.anonymous().refresh(&got.refresh).await;
        assert!(late.body.contains("this device signed out"), "{}", late.body);
    }
    let log = alice.get("/settings/activity?kind=device_signed_out").await.body;
    assert_eq!(log.matches("laptop (docker-credential-dockpass)").count(), 2);
}

#[tokio::test]
async fn a_secret_that_a_refresh_replaced_gives_it_back_too_while_it_works() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    server.anonymous().refresh(&got.refresh).await;
    assert_silent(&server, &got.token).await;
    assert_eq!(server.count("token").await, 0);
}

/// Personal access tokens cannot be revoked here, whether they exist or not.
async fn assert_unsupported(server: &TestServer, token: &str) {
    let answer = revoke(server, token).await;
    assert_eq!(error(&answer), "unsupported_token_type");
    assert!(!answer.body.contains(token));
}

#[tokio::test]
async fn a_personal_access_token_is_refused_by_its_form_and_what_is_unknown_is_left_alone() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let manual = alice.generate("ci", "repo:read", "30").await;
    let got = server.device(&alice, "laptop").await;
    for token in ["x", "dp_dev_000000000000000000000000000000000000", &got.token[..42], &manual.secret[..42]] {
        assert_silent(&server, token).await;
    }
    for token in [&manual.secret, "dp_pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr"] {
        assert_unsupported(&server, token).await;
    }
    assert_eq!(server.anonymous().token("alice", &manual.secret, &[]).await.status, StatusCode::OK);
    assert_eq!(server.count("token").await, 2);
    let missing = server.anonymous().post("/oauth/revoke", &[("client_id", PROGRAM)]).await;
    assert_eq!((missing.status, missing.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")));
}

#[tokio::test]
async fn of_forty_at_once_one_finds_it_and_all_succeed() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let answers = all_at_once(|number| {
        let (caller, got) = (server.anonymous(), got.clone());
        async move {
            match number % 3 {
                0 => caller.post("/oauth/revoke", &[("token", got.refresh.as_str())]).await,
                1 => caller.post("/oauth/revoke", &[("token", got.token.as_str())]).await,
                _ => caller.refresh(&got.refresh).await,
            }
        }
    })
    .await;
    let known = [StatusCode::OK, StatusCode::BAD_REQUEST];
    assert!(answers.iter().all(|answer| known.contains(&answer.status)), "{answers:?}");
    assert_eq!(server.count("token").await, 0);
    // There is a tombstone for each secret that a refresh replaced.
    assert_eq!(server.number("SELECT COUNT(DISTINCT token_id) FROM deleted_token").await, Some(1));
    assert_eq!(server.number("SELECT COUNT(*) FROM activity WHERE kind = 'device_signed_out'").await, Some(1));
}

#[tokio::test]
async fn whoever_gives_a_token_back_that_is_just_being_renewed_leaves_none() {
    let server = TestServer::start_with(|settings| settings.auto_token_slots = "100".into()).await;
    let alice = server.account_signed_in("alice").await;
    for _ in 0..3 {
        let mut devices = Vec::new();
        for number in 0..MANY {
            devices.push(server.device(&alice, &format!("device {number}")).await);
        }
        let revoked = all_at_once(|number| {
            let (caller, got) = (server.anonymous(), devices[number].clone());
            async move {
                let revoke = async {
                    // With different delays, so that some run while a refresh commits.
                    for _ in 0..number {
                        tokio::task::yield_now().await;
                    }
                    caller.post("/oauth/revoke", &[("token", got.token.as_str())]).await
                };
                tokio::join!(caller.refresh(&got.refresh), revoke, caller.refresh(&got.refresh)).1
            }
        })
        .await;
        assert!(revoked.iter().all(|answer| answer.status == StatusCode::OK), "{revoked:?}");
        assert_eq!(server.count("token").await, 0);
        assert_eq!(server.number("SELECT COUNT(*) FROM device_session WHERE ended_at IS NULL").await, Some(0));
    }
}

#[tokio::test]
async fn whoever_makes_secrets_up_waits_for_nobody_and_nobody_waits_for_them() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    // Another transaction holds the write lock.
    let writing = server.app.db.write().await.unwrap();
    let made_up = "dp_ref_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr";
    assert_silent(&server, made_up).await;
    assert_silent(&server, &made_up.replace("ref", "dev")).await;
    assert_unsupported(&server, &token.secret).await;
    assert!(server.anonymous().refresh(made_up).await.body.contains("not known"));
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", "made up"),
        ("client_id", PROGRAM),
    ];
    let polled = server.anonymous().post("/oauth/token", &form).await;
    assert_eq!((polled.status, polled.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    drop(writing);
}
