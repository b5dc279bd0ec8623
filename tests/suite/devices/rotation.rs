//! Refresh tokens rotate (RFC 9700 section 4.14): lost answers, several servers, and copies of a sign-in.

use reqwest::StatusCode;
use time::Duration;

use crate::devices::token::error;
use crate::harness::callers::all_at_once;
use crate::harness::device::Got;
use crate::harness::{Browser, TestServer};

const COPIED: &str = "this sign-in is used on another computer too";

async fn refresh(server: &TestServer, refresh: &str) -> Got {
    Got::of(&server.anonymous().refresh(refresh).await)
}

async fn token(server: &TestServer, token: &str) -> (StatusCode, String) {
    let answer = server.anonymous().token("alice", token, &["repository:alice/app:pull"]).await;
    (answer.status, answer.body)
}

async fn works(server: &TestServer, secret: &str) -> bool {
    token(server, secret).await.0 == StatusCode::OK
}

async fn assert_copied(server: &TestServer, refresh: &str) {
    let answer = server.anonymous().refresh(refresh).await;
    assert_eq!((error(&answer).as_str(), &answer.json()["error_description"]), ("invalid_grant", &COPIED.into()));
}

async fn signed_in() -> (TestServer, Browser, Got) {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    (server, alice, got)
}

fn pair(got: &Got) -> (&str, &str) {
    (&got.token, &got.refresh)
}

#[tokio::test]
async fn a_lost_answer_is_given_again_until_one_of_its_secrets_is_used() {
    let (server, _, first) = signed_in().await;
    let second = refresh(&server, &first.refresh).await;
    // The device has only the old token, which it uses for a minute more.
    assert!(works(&server, &first.token).await);
    server.clock.advance(Duration::days(20));
    for _ in 0..2 {
        assert_eq!(pair(&refresh(&server, &first.refresh).await), pair(&second));
    }
    server.clock.advance(Duration::days(20));
    assert!(works(&server, &second.token).await, "the repeated refresh kept the session");
    assert_copied(&server, &first.refresh).await;
}

#[tokio::test]
async fn within_a_minute_a_refresh_is_repeated_whatever_was_used() {
    let (server, _, first) = signed_in().await;
    let second = refresh(&server, &first.refresh).await;
    assert!(works(&server, &second.token).await);
    let third = refresh(&server, &second.refresh).await;
    server.clock.advance(Duration::MINUTE - Duration::MILLISECOND);
    assert_eq!(pair(&refresh(&server, &first.refresh).await), pair(&second));
    assert_eq!(pair(&refresh(&server, &second.refresh).await), pair(&third));
    assert!(works(&server, &third.token).await && works(&server, &second.token).await);
    server.clock.advance(Duration::MILLISECOND);
    assert!(works(&server, &third.token).await && !works(&server, &second.token).await);
    assert_copied(&server, &first.refresh).await;
}

#[tokio::test]
async fn a_copy_ends_the_session_and_the_owner_sees_why() {
    let (server, alice, first) = signed_in().await;
    let second = refresh(&server, &first.refresh).await;
    server.clock.advance(Duration::MINUTE);
    // The use is journalled, but not written yet.
    assert!(works(&server, &second.token).await);
    for old in [&first.refresh, &first.refresh, &second.refresh] {
        assert_copied(&server, old).await;
    }
    assert_eq!(server.count("token").await, 0);
    let (status, body) = token(&server, &second.token).await;
    assert!(status == StatusCode::UNAUTHORIZED && body.contains("(PAT-DELETED)"), "{body}");
    server.flush().await;
    let log = alice.get("/settings/activity?kind=device_copied").await.body;
    let row = "Device token deleted because its sign-in is used on another computer too:</strong> laptop (";
    assert!(log.matches(row).count() == 1 && log.contains("127.0.0.1"), "{log}");
    let page = alice.get("/settings/tokens").await.body;
    let hint = "This sign-in was used on another computer too. Sign in again on each of them.";
    assert!(page.contains(hint) && !page.contains("Sign in again on the device."), "{page}");
}

#[tokio::test]
async fn a_copy_is_known_after_several_rotations() {
    for is_unused in [true, false] {
        let (server, _, first) = signed_in().await;
        let second = refresh(&server, &first.refresh).await;
        server.clock.advance(Duration::DAY);
        let third = refresh(&server, &second.refresh).await;
        server.clock.advance(Duration::DAY);
        if is_unused {
            assert_eq!(pair(&refresh(&server, &second.refresh).await), pair(&third), "a lost answer");
        }
        assert_copied(&server, &first.refresh).await;
        assert_copied(&server, &third.refresh).await;
        server.clock.advance(Duration::days(100));
        server.tidy().await;
        assert_eq!((server.count("device_session").await, server.count("previous_refresh").await), (0, 0));
    }
}

#[tokio::test]
async fn only_so_many_old_refresh_tokens_are_remembered() {
    let (server, _, mut got) = signed_in().await;
    for _ in 0..203 {
        got = refresh(&server, &got.refresh).await;
    }
    assert_eq!(server.count("previous_refresh").await, 200);
}

#[tokio::test]
async fn another_server_gives_the_same_pair_and_knows_a_copy() {
    let (server, _, mut got) = signed_in().await;
    let other = server.beside().await;
    for _ in 0..3 {
        let answers = all_at_once(|number| {
            let caller = if number % 2 == 0 { server.anonymous() } else { other.anonymous() };
            let refresh = got.refresh.clone();
            async move { Got::of(&caller.refresh(&refresh).await) }
        })
        .await;
        assert!(answers.iter().all(|next| pair(next) == pair(&answers[0])), "{answers:?}");
        server.clock.advance(Duration::DAY);
        assert_eq!(pair(&refresh(&other, &got.refresh).await), pair(&answers[0]));
        assert!(works(&other, &answers[0].token).await && works(&server, &answers[0].token).await);
        other.flush().await;
        got = answers[0].clone();
    }
    let next = refresh(&server, &got.refresh).await;
    assert!(works(&other, &next.token).await);
    other.flush().await;
    server.clock.advance(Duration::MINUTE);
    assert_copied(&server, &got.refresh).await;
}

#[tokio::test]
async fn a_deactivated_token_repeats_nothing_until_it_is_activated() {
    let (server, alice, first) = signed_in().await;
    let second = refresh(&server, &first.refresh).await;
    let id = server.text("SELECT id FROM token").await;
    alice.post(&format!("/settings/tokens/{id}/deactivate"), &[]).await;
    assert_eq!(error(&server.anonymous().refresh(&first.refresh).await), "access_denied");
    alice.post(&format!("/settings/tokens/{id}/activate"), &[]).await;
    assert_eq!(pair(&refresh(&server, &first.refresh).await), pair(&second));
}

#[tokio::test]
async fn an_old_refresh_token_signs_out_too() {
    let (server, _, first) = signed_in().await;
    refresh(&server, &first.refresh).await;
    server.anonymous().post("/oauth/revoke", &[("token", &first.refresh)]).await;
    assert_eq!(server.count("token").await, 0);
    assert!(server.anonymous().refresh(&first.refresh).await.body.contains("this device signed out"));
}
