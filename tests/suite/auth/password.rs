//! `POST /settings/security/password`.

use reqwest::StatusCode;

use crate::harness::{Answer, Browser, PASSWORD, TestServer, database};

const NEW: &str = "another harbour at dusk";

async fn change(browser: &Browser, current: &str, new: &str) -> Answer {
    browser.post("/settings/security/password", &[("current_password", current), ("new_password", new)]).await
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_says_so() {
    let server = TestServer::start().await;
    let here = server.account_signed_in("alice").await;
    let others = [server.signed_in("alice").await, server.signed_in("alice").await];
    let bob = server.account_signed_in("bob").await;
    let token = here.generate("ci", "repo:read", "30").await;
    let answer = change(&here, PASSWORD, NEW).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/security"));
    let page = here.get("/settings/security").await;
    assert!(page.body.contains("Password changed. You were signed out of 2 other sessions."), "{}", page.body);
    for other in &others {
        assert_eq!(other.get("/settings").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(bob.get("/settings").await.status, StatusCode::OK);
    let sign_in = async |password: &str| {
        server.anonymous().post("/login", &[("username", "alice"), ("password", password)]).await.status
    };
    assert_eq!((sign_in(PASSWORD).await, sign_in(NEW).await), (StatusCode::UNAUTHORIZED, StatusCode::SEE_OTHER));
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK, "tokens stay");
    assert!(!database::holds(&server.dump().await, NEW));
}

#[tokio::test]
async fn wrong_input_changes_nothing_and_is_said_beside_its_field() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let other = server.signed_in("alice").await;
    let before = server.text("SELECT password_hash FROM account").await;
    for (current, new, field, sentence) in [
        ("not this harbour", NEW, "current_password", "Incorrect password."),
        (PASSWORD, "", "new_password", "Enter a password."),
        (PASSWORD, "fourteen chars", "new_password", "Use at least 15 characters."),
        (PASSWORD, "alicealicealicealice", "new_password", "This password is too easy to guess."),
        (PASSWORD, "dp_pat_as_a_password", "new_password", "Passwords can’t start with dp_"),
    ] {
        let answer = change(&alice, current, new).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::UNPROCESSABLE_ENTITY, "no-store"));
        assert!(answer.body.contains(&format!("id=\"{field}-error\">{sentence}")), "{new}: {}", answer.body);
        assert!(!answer.body.contains(current) && (new.is_empty() || !answer.body.contains(new)));
    }
    assert_eq!(server.text("SELECT password_hash FROM account").await, before);
    assert_eq!(other.get("/settings").await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_guesses_at_the_current_one_must_wait() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for _ in 0..5 {
        assert_eq!(change(&alice, "not this harbour", NEW).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(change(&alice, PASSWORD, NEW).await.status, StatusCode::TOO_MANY_REQUESTS);
}
