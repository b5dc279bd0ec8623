//! `/token` for accounts with two-factor authentication: it accepts tokens, and does not tell whether a password is
//! right.

use reqwest::StatusCode;

use crate::harness::factor::Enrolled;
use crate::harness::{Answer, PASSWORD, TestServer};

const FAILED: &str = "incorrect username or password; with two-factor authentication on, use a personal access token as \
                      the password (AUTH-FAILED)";

async fn post(server: &TestServer, name: &str, secret: &str) -> Answer {
    let form = [("grant_type", "password"), ("service", "dockpass"), ("username", name), ("password", secret)];
    server.anonymous().post("/token", &form).await
}

/// Everything in a response except the request id and the time.
fn seen(answer: &Answer) -> (StatusCode, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

#[tokio::test]
async fn the_password_is_refused_right_or_wrong_in_one_answer_on_get_and_post() {
    let server = TestServer::start().await;
    let Enrolled { browser, .. } = server.enrolled("alice").await;
    let token = browser.generate("ci", "repo:read", "30").await;
    let nobody = server.anonymous().token("nobody-here", "not this harbour", &[]).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.json()["errors"][0]["message"], FAILED);
    for secret in [PASSWORD, "not this harbour", "", "dp_pat_nonsense"] {
        let answers = [server.anonymous().token("alice", secret, &[]).await, post(&server, "alice", secret).await];
        for answer in answers {
            assert_eq!(seen(&answer), seen(&nobody), "{secret}");
        }
        server.sql("DELETE FROM sign_in_failure").await;
    }
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    assert_eq!(post(&server, "alice", &token.secret).await.status, StatusCode::OK);
}

#[tokio::test]
async fn each_refused_password_costs_one_argon2_verification_and_renews_nothing() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    server.account("bob").await;
    let before = server.text("SELECT password_hash FROM account WHERE username = 'alice'").await;
    for (name, secret) in [
        ("alice", PASSWORD),
        ("alice", "not this harbour"),
        ("alice", ""),
        ("bob", "not this harbour"),
        ("nobody-here", PASSWORD),
    ] {
        for by_post in [false, true] {
            // A wrong secret is answered from memory for a minute.
            server.clock.advance(time::Duration::MINUTE);
            let count = server.app.hasher.verifications();
            let answer = if by_post {
                post(&server, name, secret).await
            } else {
                server.anonymous().token(name, secret, &[]).await
            };
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {secret}");
            assert_eq!(server.app.hasher.verifications() - count, 1, "{name} {secret} {by_post}");
        }
        server.sql("DELETE FROM sign_in_failure").await;
    }
    assert_eq!(server.text("SELECT password_hash FROM account WHERE username = 'alice'").await, before);
}

#[tokio::test]
async fn where_it_is_required_passwords_are_refused_and_tokens_taken() {
    let server = TestServer::start_with(|settings| settings.require_2fa = "true".into()).await;
    server.account("bob").await;
    let Enrolled { browser, .. } = server.enrolled("alice").await;
    let token = browser.generate("ci", "repo:read", "30").await;
    for name in ["alice", "bob", "nobody-here"] {
        for answer in [server.anonymous().token(name, PASSWORD, &[]).await, post(&server, name, PASSWORD).await] {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
            assert_eq!(answer.json()["errors"][0]["message"], FAILED);
        }
    }
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
}
