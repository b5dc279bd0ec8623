//! `/settings/close`: closing one's own account.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::factor::Enrolled;
use crate::harness::{Answer, Browser, PASSWORD, TestServer, claims};

async fn close(browser: &Browser, password: &str) -> Answer {
    browser.post("/settings/close", &[("password", password)]).await
}

/// A server with another administrator.
async fn start() -> TestServer {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    server
}

#[tokio::test]
async fn the_question_names_what_goes() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.get("/settings/close").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    for part in [
        "Close the account alice permanently?",
        "All your tokens stop working.",
        "You are signed out everywhere.",
        "The username alice stays reserved",
        "type=\"password\" autocomplete=\"current-password\"",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(alice.get("/settings").await.body.contains("href=\"/settings/close\""));
}

#[tokio::test]
async fn a_wrong_password_closes_nothing_and_counts() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    for password in ["", "not this harbour", "3", "4", "5"] {
        let answer = close(&alice, password).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::UNPROCESSABLE_ENTITY, "no-store"));
        assert!(answer.body.contains("id=\"password-error\">Incorrect password."));
        assert!(!answer.body.contains("not this harbour"));
    }
    assert_eq!(close(&alice, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(alice.get("/settings").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_right_one_ends_everything_at_once() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    let other = server.signed_in("alice").await;
    let tokens = [alice.generate("ci", "repo:read", "30").await, alice.generate("laptop", "repo:admin", "never").await];
    alice.post("/settings", &[("display_name", "Alice Liddell"), ("time_zone", "Europe/Berlin")]).await;
    let calendar = alice.post("/settings/tokens/calendar", &[]).await.shown_once();
    let answer = close(&alice, PASSWORD).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
    for browser in [&alice, &other] {
        assert_eq!(browser.get("/settings").await.status, StatusCode::SEE_OTHER);
    }
    for token in &tokens {
        let refused = server.anonymous().token("alice", &token.secret, &[]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(refused.body.contains("(PAT-DELETED)"), "{}", refused.body);
    }
    assert_eq!(server.anonymous().token("alice", PASSWORD, &[]).await.status, StatusCode::UNAUTHORIZED);
    let sign_in = server.anonymous().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(sign_in.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.anonymous().get(&calendar).await.status, StatusCode::NOT_FOUND);
    assert_eq!((server.count("token").await, server.count("session").await), (0, 0));
    let row = server.rows("account").await.join("\n");
    assert!(!row.contains("Alice Liddell") && !row.contains("Europe/Berlin"), "what names the person is gone: {row}");
}

#[tokio::test]
async fn the_second_factor_goes_with_it() {
    let server = start().await;
    let Enrolled { browser, .. } = server.enrolled("alice").await;
    assert_eq!(close(&browser, PASSWORD).await.status, StatusCode::SEE_OTHER);
    let kept = "SELECT COUNT(*) FROM account WHERE totp_sealed IS NOT NULL OR recovery_salt IS NOT NULL";
    assert_eq!((server.number(kept).await, server.count("recovery_code").await), (Some(0), 0));
}

#[tokio::test]
async fn nobody_inherits_the_name() {
    let server = TestServer::start_with(|settings| settings.signup = "open".into()).await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    close(&alice, PASSWORD).await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    for answer in
        [server.anonymous().post("/signup", &form).await, admin.post("/admin/accounts", &[("username", "alice")]).await]
    {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("This username isn’t available."), "{}", answer.body);
    }
    let id = server.text("SELECT id FROM account WHERE username = 'alice'").await;
    for verb in ["enable", "password-link", "disable"] {
        admin.post(&format!("/admin/accounts/{id}/{verb}"), &[]).await;
    }
    assert_eq!(server.count("password_link").await, 0);
    let sign_in = server.anonymous().post("/login", &form).await;
    assert_eq!(sign_in.status, StatusCode::UNAUTHORIZED, "and nothing brings it back");
}

#[tokio::test]
async fn what_was_public_or_shared_is_closed_to_everyone_else() {
    let server = start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    alice.post("/settings/repositories/new", &[("name", "alice/app"), ("visibility", "public")]).await;
    let id = server.text("SELECT id FROM repository").await;
    server.execute("UPDATE repository SET is_public = TRUE").await;
    let share = [("username", "bob"), ("share", "push")];
    alice.post(&format!("/settings/repositories/{id}/share"), &share).await;
    assert_eq!(server.count("repository_share").await, 1);
    let granted = async || {
        let answer = server.anonymous().get("/token?scope=repository:alice/app:pull").await;
        claims(answer.json()["token"].as_str().unwrap())["access"].as_array().unwrap().len()
    };
    assert_eq!(granted().await, 1);
    close(&alice, PASSWORD).await;
    assert_eq!((granted().await, server.count("repository_share").await), (0, 0));
}

#[tokio::test]
async fn the_last_administrator_cannot_be_closed() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    server.account("alice").await;
    let token = admin.generate("ci", "repo:read", "30").await;
    let answer = close(&admin, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("You’re the only administrator."));
    assert_eq!(admin.get("/settings").await.status, StatusCode::OK);
    assert_eq!(server.anonymous().token("root-of-all", &token.secret, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn after_a_while_the_password_is_asked_for_once_and_is_enough() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    server.clock.advance(Duration::minutes(30));
    let question = close(&alice, PASSWORD).await;
    assert!(question.status == StatusCode::FORBIDDEN && question.body.contains("confirm_password"));
    let answer = alice.post("/settings/close", &[("confirm_password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"), "{}", answer.body);
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE closed_at IS NOT NULL").await, Some(1));
}

#[tokio::test]
async fn an_answer_to_a_question_that_was_not_asked_closes_nothing() {
    let server = start().await;
    let alice = server.account_signed_in("alice").await;
    for form in [[("confirm_password", PASSWORD)], [("confirm_password", "not this harbour")]] {
        assert_eq!(alice.post("/settings/close", &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(alice.get("/settings").await.status, StatusCode::OK);
}
