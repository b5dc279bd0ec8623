//! The sentences with which `/token` refuses.

use data_encoding::BASE64;
use reqwest::StatusCode;
use serde_json::json;
use time::Duration;

use crate::harness::{Answer, PASSWORD, TestServer, basic};

const FAILED: &str = "incorrect username or password; with two-factor authentication on, use a personal access token as \
                      the password (AUTH-FAILED)";
/// A well-formed token with a right checksum that does not exist.
const UNKNOWN: &str = "dp_pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr";

fn assert_refused(answer: &Answer, message: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::UNAUTHORIZED, "application/json"));
    assert_eq!(answer.json(), json!({"errors": [{"code": "DENIED", "message": message}]}));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.headers.get("www-authenticate").is_none(), "clients would ask again and not show the sentence");
    assert!(!answer.body.contains('\n'), "one line");
}

#[tokio::test]
async fn an_inactive_token_says_where_to_activate_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    let message = format!(
        "access token \"ci push\" is inactive: activate it at {} (PAT-INACTIVE)",
        server.url("/settings/tokens")
    );
    assert_refused(&server.anonymous().token("alice", &token.secret, &[]).await, &message);
}

#[tokio::test]
async fn an_expired_token_says_since_when() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let token = server.signed_in("alice").await.generate("ci push", "repo:read", "7").await;
    let end = server.clock.now() + Duration::days(7);
    server.clock.advance(Duration::days(7) - Duration::MILLISECOND);
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK, "to its end");
    server.clock.advance(Duration::MILLISECOND);
    let message = format!(
        "access token \"ci push\" expired on {}: generate a new one at {} (PAT-EXPIRED)",
        end.date(),
        server.url("/settings/tokens")
    );
    assert_refused(&server.anonymous().token("alice", &token.secret, &[]).await, &message);
}

#[tokio::test]
async fn a_token_under_another_name_does_not_say_whose_it_is() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:read", "30").await;
    let message = "access token \"ci push\" belongs to another account: log in with its owner's username \
                   (PAT-WRONG-USER)";
    for name in ["bob", "nobody-here", "", "alice2"] {
        assert_refused(&server.anonymous().token(name, &token.secret, &[]).await, message);
    }
}

#[tokio::test]
async fn a_token_of_a_disabled_account_says_so() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:read", "30").await;
    server.sql("UPDATE account SET disabled_at = 1").await;
    let message = "this account is disabled: ask an administrator of this registry to enable it (ACCOUNT-DISABLED)";
    assert_refused(&server.anonymous().token("alice", &token.secret, &[]).await, message);
}

#[tokio::test]
async fn a_push_beyond_a_tokens_list_says_that_it_is_limited() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:write", "30").await;
    server.sql("UPDATE token SET repositories = 'alice/web'").await;
    let message = "this access token is limited to other repositories: it cannot push to alice/app (PAT-REPOSITORY)";
    let answer = server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
    assert_refused(&answer, message);
}

#[tokio::test]
async fn the_public_url_stands_in_the_sentence() {
    let server = TestServer::start_with(|settings| settings.public_url = Some("https://hub.example.com".into())).await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:read", "7").await;
    server.clock.advance(Duration::days(8));
    let answer = server.anonymous().token("alice", &token.secret, &[]).await;
    assert!(answer.body.contains("generate a new one at https://hub.example.com/settings/tokens (PAT-EXPIRED)"));
}

#[tokio::test]
async fn every_other_failure_gets_one_answer() {
    let server = TestServer::start().await;
    for name in ["alice", "carol"] {
        server.account(name).await;
    }
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'carol'").await;
    let token = server.signed_in("alice").await.generate("ci", "repo:read", "30").await;
    let mistyped = format!("{}!", &token.secret[..42]);
    let cut = &token.secret[..30];
    let refresh = "dp_ref_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr";
    let encode = |text: &[u8]| format!("Basic {}", BASE64.encode(text));
    let given = |name: &str, secret: &str| basic(name, secret).to_str().unwrap().to_owned();
    let headers = [
        given("alice", "not this harbour at all"),
        given("nobody-here", PASSWORD),
        given("carol", PASSWORD),
        given("alice", ""),
        given("", ""),
        given("ali\0ce", PASSWORD),
        given("alice", &mistyped),
        given("alice", cut),
        given("alice", UNKNOWN),
        given("alice", refresh),
        given("alice", "dp_"),
        given("nobody-here", UNKNOWN),
        encode(b"no colon in it"),
        encode(b"\xff\xfe:x"),
        "Basic".to_owned(),
        "Basic !!!".into(),
        format!("Bearer {}", token.secret),
        "Digest username=alice".into(),
        "x".into(),
    ];
    let mut answers = Vec::new();
    for header in &headers {
        let answer = server.anonymous().get_with("/token?service=dockpass", &[("authorization", header)]).await;
        assert_refused(&answer, FAILED);
        let mut seen: Vec<(String, String)> = answer
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        seen.sort();
        answers.push((seen, answer.body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "not one of them differs in anything");
}

#[tokio::test]
async fn a_password_costs_one_argon2_verification_whatever_the_answer() {
    let server = TestServer::start().await;
    for name in ["alice", "carol"] {
        server.account(name).await;
    }
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'carol'").await;
    let attempts = [
        ("alice", PASSWORD),
        ("alice", "not this harbour at all"),
        ("nobody-here", PASSWORD),
        ("carol", PASSWORD),
        ("", ""),
        ("alice", ""),
        ("", PASSWORD),
        ("a/b c", PASSWORD),
    ];
    for (name, password) in attempts {
        for post in [false, true] {
            // A wrong secret is answered from memory for a minute.
            server.clock.advance(Duration::MINUTE);
            let before = server.app.hasher.verifications();
            let form = [("grant_type", "password"), ("username", name), ("password", password)];
            if post {
                server.anonymous().post("/token", &form).await;
            } else {
                server.anonymous().token(name, password, &[]).await;
            }
            assert_eq!(server.app.hasher.verifications() - before, 1, "{name:?} {password:?}");
        }
    }
}

#[tokio::test]
async fn what_has_a_tokens_form_never_costs_an_argon2() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (good, gone) = (alice.generate("a", "repo:read", "30").await, alice.generate("b", "repo:read", "30").await);
    alice.post(&format!("/settings/tokens/{}/delete", gone.id), &[]).await;
    let long = format!("dp_pat_{}", "x".repeat(500));
    let before = server.app.hasher.verifications();
    for secret in [&good.secret, &gone.secret, UNKNOWN, "dp_pat_", "dp_dev_x", "dp_ref_x", "dp_", &long] {
        for name in ["alice", "nobody-here"] {
            server.anonymous().token(name, secret, &[]).await;
        }
    }
    assert_eq!(server.app.hasher.verifications(), before);
}

#[tokio::test]
async fn a_weak_digest_is_replaced_here_too() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let server = TestServer::start().await;
    server.account("alice").await;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
    let weak = argon2.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]).unwrap().to_string();
    server.sql(&format!("UPDATE account SET password_hash = '{weak}'")).await;
    assert_eq!(server.anonymous().token("alice", PASSWORD, &[]).await.status, StatusCode::OK);
    let renewed = server.text("SELECT password_hash FROM account").await;
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
}
