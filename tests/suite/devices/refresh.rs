//! `/oauth/token` with the refresh grant: a new secret for the same token, and every reason why a session ends.

use std::collections::HashSet;

use reqwest::StatusCode;
use time::Duration;

use crate::devices::token::error;
use crate::harness::callers::{MANY, all_at_once};
use crate::harness::device::{Got, PROGRAM};
use crate::harness::{TestServer, database};

async fn works(server: &TestServer, token: &str) -> bool {
    server.anonymous().token("alice", token, &[]).await.status == StatusCode::OK
}

async fn refused(server: &TestServer, refresh: &str) -> String {
    refused_as("invalid_grant", server, refresh).await
}

async fn refused_as(code: &str, server: &TestServer, refresh: &str) -> String {
    let answer = server.anonymous().refresh(refresh).await;
    assert_eq!(error(&answer), code);
    answer.json()["error_description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_refresh_writes_a_new_secret_on_the_same_row_and_the_old_one_works_a_minute_more() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let first = server.device(&alice, "laptop").await;
    let id = server.text("SELECT id FROM token").await;
    server.clock.advance(Duration::days(1));
    let answer = server.anonymous().refresh(&first.refresh).await;
    let second = Got::of(&answer);
    assert_eq!(
        (answer.json()["username"].as_str(), answer.json()["scope"].as_str()),
        (Some("alice"), Some("repo:admin"))
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_ne!(second.refresh, first.refresh, "it is rotated");
    assert_ne!(second.token, first.token);
    assert_eq!(server.text("SELECT id FROM token").await, id);
    let hint = format!("{}…{}", &second.token[..10], &second.token[40..]);
    assert_eq!(server.text("SELECT hint FROM token").await, hint);
    assert!(works(&server, &first.token).await && works(&server, &second.token).await);
    server.clock.advance(Duration::seconds(59));
    assert!(works(&server, &first.token).await);
    server.clock.advance(Duration::SECOND);
    assert!(!works(&server, &first.token).await && works(&server, &second.token).await);
    let dump = server.dump().await;
    assert!(!database::holds(&dump, &second.token) && !database::holds(&dump, &second.refresh));
    server.tidy().await;
    assert_eq!(server.count("previous_secret").await, 0);
}

#[tokio::test]
async fn a_refresh_says_the_level_that_the_owner_left_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let id = server.text("SELECT id FROM token").await;
    for level in ["repo:read", "repo:public_read", "repo:admin"] {
        let form = [("description", "laptop"), ("permission", level)];
        assert_eq!(alice.post(&format!("/settings/tokens/{id}"), &form).await.status, StatusCode::SEE_OTHER);
        assert_eq!(server.anonymous().refresh(&got.refresh).await.json()["scope"], level);
    }
}

#[tokio::test]
async fn forty_refreshes_at_once_all_get_the_same_pair() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let all = all_at_once(|_| {
        let (caller, refresh) = (server.anonymous(), got.refresh.clone());
        async move { Got::of(&caller.refresh(&refresh).await) }
    })
    .await;
    let different: HashSet<(&String, &String)> = all.iter().map(|got| (&got.token, &got.refresh)).collect();
    assert_eq!((all.len(), different.len(), server.count("token").await), (MANY, 1, 1));
    server.clock.advance(Duration::MINUTE);
    assert!(!works(&server, &got.token).await && works(&server, &all[0].token).await);
    let id = server.text("SELECT id FROM token").await;
    alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await;
    assert_eq!(server.count("previous_secret").await, 0);
}

#[tokio::test]
async fn a_secret_works_all_the_while_that_refreshes_replace_it_and_one_another() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let refused = all_at_once(|_| {
        let (caller, got) = (server.anonymous(), got.clone());
        async move {
            let mut refused = Vec::new();
            for _ in 0..4 {
                Got::of(&caller.refresh(&got.refresh).await);
                let answer = caller.token("alice", &got.token, &[]).await;
                refused.extend((answer.status != StatusCode::OK).then_some(answer.body));
            }
            refused
        }
    })
    .await;
    assert_eq!(refused.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_holds_an_older_secret_of_a_deleted_token_is_told_so_too() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let told = async |got: &Got| {
        server.anonymous().token("alice", &got.token, &[]).await.json()["errors"][0]["message"].clone()
    };
    for by_closing in [false, true] {
        let first = server.device(&alice, "laptop").await;
        server.clock.advance(Duration::MINUTE);
        let second = Got::of(&server.anonymous().refresh(&first.refresh).await);
        server.clock.advance(Duration::MINUTE);
        let third = Got::of(&server.anonymous().refresh(&second.refresh).await);
        if by_closing {
            alice.post("/settings/close", &[("password", crate::harness::PASSWORD)]).await;
        } else {
            let id = server.text("SELECT id FROM token").await;
            alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await;
        }
        assert_eq!(server.count("token").await, 0);
        let sentence = format!(
            "access token \"laptop (docker-credential-dockpass)\" was deleted on {}: sign in again on the device \
             (PAT-DELETED)",
            server.clock.now().date()
        );
        for moments in [0, 61] {
            server.clock.advance(Duration::seconds(moments));
            assert_eq!((told(&second).await, told(&third).await), (sentence.as_str().into(), sentence.as_str().into()));
            assert!(told(&first).await.as_str().unwrap().ends_with("(AUTH-FAILED)"), "it was over before");
        }
    }
}

#[tokio::test]
async fn an_old_secret_is_as_inactive_as_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    server.anonymous().refresh(&got.refresh).await;
    let id = server.text("SELECT id FROM token").await;
    alice.post(&format!("/settings/tokens/{id}/deactivate"), &[]).await;
    assert!(server.anonymous().token("alice", &got.token, &[]).await.body.contains("PAT-INACTIVE"));
}

#[tokio::test]
async fn whoever_refreshes_or_uses_it_keeps_a_session_and_whoever_does_neither_loses_it() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let mut alice = server.signed_in("alice").await;
    let (used, refreshed, unused) = (
        server.device(&alice, "used").await,
        server.device(&alice, "refreshed").await,
        server.device(&alice, "unused").await,
    );
    server.clock.advance(Duration::days(29));
    assert!(works(&server, &used.token).await);
    let renewed = Got::of(&server.anonymous().refresh(&refreshed.refresh).await);
    assert_eq!(server.tidy().await, 0);
    server.clock.advance(Duration::DAY);
    assert_eq!(
        refused(&server, &unused.refresh).await,
        "the sign-in of this device was not used for 30 days: sign in again",
        "exactly, not when someone tidies up"
    );
    assert_eq!(server.count("token").await, 3);
    assert_eq!(server.tidy().await, 1);
    assert_eq!(server.count("token").await, 2);
    assert!(refused(&server, &unused.refresh).await.contains("not used for 30 days"), "told afterwards, too");
    assert!(server.anonymous().token("alice", &unused.token, &[]).await.body.contains("PAT-DELETED"));
    assert!(works(&server, &used.token).await && works(&server, &renewed.token).await);
    alice = server.signed_in("alice").await;
    let log = alice.get("/settings/activity?kind=device_idle").await.body;
    assert!(log.contains("Unused device token deleted:</strong> unused (docker-credential-dockpass)"), "{log}");
}

#[tokio::test]
async fn after_thirty_days_an_unused_token_opens_nothing_before_anyone_tidies_up() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (used, refreshed, unused) = (
        server.device(&alice, "used").await,
        server.device(&alice, "refreshed").await,
        server.device(&alice, "unused").await,
    );
    server.clock.advance(Duration::days(30) - Duration::milliseconds(4));
    assert!(works(&server, &used.token).await, "in the last moment");
    server.flush().await;
    let refreshed = Got::of(&server.anonymous().refresh(&refreshed.refresh).await);
    server.clock.advance(Duration::milliseconds(3));
    let told = format!(
        "access token \"unused (docker-credential-dockpass)\" expired on {}: sign in again on the device (PAT-EXPIRED)",
        (server.clock.now() + Duration::MILLISECOND).date()
    );
    server.clock.advance(Duration::MILLISECOND);
    for _ in 0..2 {
        let answer = server.anonymous().token("alice", &unused.token, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["errors"][0]["message"], told, "and this was no use of it");
        server.flush().await;
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM token WHERE last_used_at IS NULL").await, Some(2));
    assert!(server.anonymous().token("bob", &unused.token, &[]).await.body.contains("PAT-WRONG-USER"));
    assert!(works(&server, &used.token).await && works(&server, &refreshed.token).await);
    assert_eq!(server.count("token").await, 3);
    assert_eq!(server.tidy().await, 1);
}

#[tokio::test]
async fn how_long_nobody_may_use_it_is_a_setting_and_no_token_made_by_hand_has_such_an_end() {
    let server = TestServer::start_with(|settings| settings.device_idle_days = "7".into()).await;
    let alice = server.account_signed_in("alice").await;
    let (first, second) = (server.device(&alice, "first").await, server.device(&alice, "second").await);
    let manual = alice.generate("ci", "repo:read", "never").await;
    server.clock.advance(Duration::days(7) - Duration::milliseconds(3));
    assert!(works(&server, &first.token).await);
    server.clock.advance(Duration::milliseconds(2));
    assert!(!works(&server, &second.token).await && works(&server, &manual.secret).await);
}

#[tokio::test]
async fn after_180_days_a_session_is_over_however_it_was_used() {
    let server = TestServer::start_with(|settings| settings.device_idle_days = "90".into()).await;
    let alice = server.account_signed_in("alice").await;
    let mut got = server.device(&alice, "laptop").await;
    let mut life = 0;
    for _ in 0..2 {
        server.clock.advance(Duration::days(89));
        let answer = server.anonymous().refresh(&got.refresh).await;
        got = Got::of(&answer);
        life = answer.json()["expires_in"].as_i64().unwrap();
    }
    assert!(life < 2 * 24 * 3600, "{life}: its end is nearer than 90 days");
    server.clock.advance(Duration::days(2));
    assert!(refused(&server, &got.refresh).await.contains("older than 180 days"));
    assert_eq!(server.tidy().await, 1);
    assert!(refused(&server, &got.refresh).await.contains("older than 180 days"));
    let log = server.signed_in("alice").await.get("/settings/activity").await.body;
    assert!(log.contains("Device token deleted at its maximum age:</strong> laptop"), "{log}");
    server.clock.advance(Duration::days(91));
    server.tidy().await;
    assert_eq!(server.count("device_session").await, 0);
    assert!(refused(&server, &got.refresh).await.contains("is not known"));
}

#[tokio::test]
async fn the_longest_life_of_tokens_is_that_of_a_devices_too() {
    for (most, device_max, days) in [("7", "180", 7), ("90", "14", 14)] {
        let server = TestServer::start_with(|settings| {
            settings.max_token_lifetime_days = Some(most.into());
            settings.device_max_days = device_max.into();
        })
        .await;
        let alice = server.account_signed_in("alice").await;
        let codes = server.anonymous().begin("laptop").await;
        let review = alice.post("/device", &[("user_code", &codes.user_code)]).await.body;
        assert!(review.contains(&format!("or {days} days pass.")), "{review}");
        alice.decide(&codes, "approve").await;
        let answer = server.anonymous().poll(&codes).await;
        assert_eq!(answer.json()["expires_in"], days * 24 * 3600);
        let life = server.number("SELECT expires_at - created_at FROM token").await;
        assert_eq!(life, Some(days * 24 * 3600 * 1000));
    }
}

#[tokio::test]
async fn whatever_ended_it_is_said() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let id = server.text("SELECT id FROM token").await;
    alice.post(&format!("/settings/tokens/{id}/deactivate"), &[]).await;
    // The device must not forget its sign-in for a reason that can be undone.
    assert!(refused_as("access_denied", &server, &got.refresh).await.contains("was deactivated"));
    alice.post(&format!("/settings/tokens/{id}/activate"), &[]).await;
    let got = Got::of(&server.anonymous().refresh(&got.refresh).await);
    server.sql("UPDATE account SET disabled_at = 1").await;
    assert!(refused_as("access_denied", &server, &got.refresh).await.contains("the account is disabled"));
    server.sql("UPDATE account SET disabled_at = NULL").await;
    let got = Got::of(&server.anonymous().refresh(&got.refresh).await);
    let other = [("grant_type", "refresh_token"), ("refresh_token", &got.refresh), ("client_id", "another")];
    let answer = server.anonymous().post("/oauth/token", &other).await;
    assert_eq!(error(&answer), "invalid_grant");
    assert!(answer.body.contains("another program"));
    alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await;
    assert_eq!(refused(&server, &got.refresh).await, "the token of this device was deleted: sign in again");
    server.tidy().await;
    assert!(refused(&server, &got.refresh).await.contains("was deleted"));
}

#[tokio::test]
async fn what_is_no_refresh_token_renews_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let manual = alice.generate("ci", "repo:read", "30").await;
    let mut mistyped = got.refresh.clone();
    mistyped.pop();
    for secret in [&got.token, &manual.secret, &mistyped, "x"] {
        assert!(refused(&server, secret).await.contains("is not known"), "{secret}");
    }
    let form = [("grant_type", "refresh_token"), ("client_id", PROGRAM)];
    assert_eq!(error(&server.anonymous().post("/oauth/token", &form).await), "invalid_request");
    assert!(works(&server, &got.token).await);
}
