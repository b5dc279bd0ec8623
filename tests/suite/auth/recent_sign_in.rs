//! Recent sign-in: actions that change who has access ask for the password again after half an hour.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::factor::Enrolled;
use crate::harness::{Answer, Browser, MadeToken, PASSWORD, TestServer};

const STALE: Duration = Duration::minutes(30);

fn asks(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN
        && answer.header("cache-control") == "no-store"
        && answer.body.contains("<input id=\"confirm_password\" name=\"confirm_password\" type=\"password\"")
}

/// The hidden fields of the question, to post them again.
fn carried(answer: &Answer) -> Vec<(String, String)> {
    let fields = answer.body.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |field: &str| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        let value = rest.split('"').next().unwrap();
        let marks = [("&#34;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        (name.to_owned(), marks.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
    };
    fields.map(field).filter(|(name, _)| !matches!(name.as_str(), "back")).collect()
}

/// Answers the question with a password and, if there is one, a code.
async fn confirm(browser: &Browser, path: &str, question: &Answer, password: &str, code: &str) -> Answer {
    let mut fields = carried(question);
    fields.push(("confirm_password".to_owned(), password.to_owned()));
    if !code.is_empty() {
        fields.push(("confirm_code".to_owned(), code.to_owned()));
    }
    let form: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &form).await
}

/// Every action that needs a recent sign-in, with its form.
fn guarded(on: &MadeToken, off: &MadeToken) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let new = vec![
        ("form_key", "0123456789abcdefghijkl"),
        ("description", "a new one"),
        ("expiration", "30"),
        ("permission", "repo:read"),
    ];
    let passwords = vec![("current_password", PASSWORD), ("new_password", "another harbour at dusk")];
    vec![
        ("/settings/tokens".into(), new),
        (format!("/settings/tokens/{}", on.id), vec![("description", "wider"), ("permission", "repo:admin")]),
        (format!("/settings/tokens/{}/activate", off.id), vec![]),
        ("/settings/security/password".into(), passwords),
        ("/settings/security/two-factor".into(), vec![]),
        ("/settings/security/two-factor/confirm".into(), vec![("code", "123456"), ("current_code", "654321")]),
        ("/settings/security/two-factor/off".into(), vec![("code", "123456")]),
        ("/settings/security/recovery-codes".into(), vec![("code", "123456")]),
        ("/settings/sessions/others/end".into(), vec![]),
        ("/settings/close".into(), vec![("password", PASSWORD)]),
    ]
}

async fn two_tokens(browser: &Browser) -> (MadeToken, MadeToken) {
    let (on, off) =
        (browser.generate("on", "repo:read", "never").await, browser.generate("off", "repo:read", "never").await);
    browser.post(&format!("/settings/tokens/{}/deactivate", off.id), &[]).await;
    (on, off)
}

#[tokio::test]
async fn every_guarded_action_asks_in_place_and_changes_nothing_meanwhile() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let Enrolled { browser, .. } = server.enrolled("alice").await;
    let (on, off) = two_tokens(&browser).await;
    server.signed_in("root-of-all").await;
    server.clock.advance(STALE);
    browser.get("/settings").await;
    let tables = ["account", "token", "recovery_code", "activity"];
    let mut before = Vec::new();
    for table in tables {
        before.push(server.rows(table).await);
    }
    for (path, form) in guarded(&on, &off) {
        for answer in [browser.post(&path, &form).await, browser.htmx_post(&path, &form).await] {
            assert!(asks(&answer), "{path}: {} {}", answer.status, answer.body);
            assert!(answer.body.contains(&format!("<form method=\"post\" action=\"{path}\"")), "{path}");
            assert!(answer.body.contains("name=\"confirm_code\""), "two-factor authentication is on: {path}");
            let fields = carried(&answer);
            for (name, value) in &form {
                let is_secret = name.contains("password") || name.ends_with("code");
                let is_carried = fields.contains(&((*name).to_owned(), (*value).to_owned()));
                assert_eq!(is_carried, !is_secret, "{path} {name}");
                assert!(!is_secret || !answer.body.contains(value), "{path} {name}");
            }
        }
    }
    for (table, before) in tables.iter().zip(before) {
        assert_eq!(server.rows(table).await, before, "{table}");
    }
}

#[tokio::test]
async fn the_password_goes_on_with_what_was_asked_under_a_new_session_id() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    server.clock.advance(STALE);
    let form = [
        ("form_key", key.as_str()),
        ("description", "a \"quoted\" & <odd> 名"),
        ("expiration", "30"),
        ("permission", "repo:write"),
    ];
    let question = alice.post("/settings/tokens", &form).await;
    assert!(asks(&question) && !question.body.contains("confirm_code"), "{}", question.body);
    assert!(question.body.contains("value=\"a &#34;quoted&#34; &#38; &#60;odd&#62; 名\""));
    let wrong = confirm(&alice, "/settings/tokens", &question, "not this harbour", "").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("id=\"confirm_password-error\">Incorrect password."));
    assert!(
        wrong.body.contains("a &#34;quoted&#34;") && !wrong.body.contains("not this harbour"),
        "all is kept but it"
    );
    assert_eq!(server.count("token").await, 0);
    let old = alice.cookie("dockpass").unwrap();
    let mut all = form.to_vec();
    all.push(("confirm_password", PASSWORD));
    let made = alice.post("/settings/tokens", &all).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(server.text("SELECT description FROM token").await, "a \"quoted\" & <odd> 名");
    assert_ne!(alice.cookie("dockpass").unwrap(), old);
    let thief = server.anonymous().with_cookie("dockpass", &old);
    assert_eq!(thief.get("/settings").await.status, StatusCode::SEE_OTHER, "the old id is worth nothing");
    assert_eq!(server.count("session").await, 1);
}

#[tokio::test]
async fn it_ends_after_half_an_hour_however_much_it_is_used() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for number in 0..2 {
        server.clock.advance((STALE - Duration::MILLISECOND) / 2);
        alice.generate(&format!("token {number}"), "repo:read", "30").await;
    }
    server.clock.advance(Duration::milliseconds(2));
    let path = "/settings/sessions/others/end";
    assert!(asks(&alice.post(path, &[]).await));
    assert_eq!(alice.post(path, &[("confirm_password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
    server.clock.advance(STALE - Duration::MILLISECOND);
    alice.generate("after the answer", "repo:read", "30").await;
    server.clock.advance(Duration::MILLISECOND);
    assert!(asks(&alice.post(path, &[]).await), "the answer counts as long as a sign-in");
}

#[tokio::test]
async fn what_takes_access_away_does_not_ask() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:write", "never").await;
    let other = server.signed_in("alice").await;
    server.clock.advance(STALE * 3);
    let narrow = [("description", "ci 2"), ("permission", "repo:read")];
    let session = server.text("SELECT public_id FROM session ORDER BY last_seen_at, created_at DESC LIMIT 1").await;
    for (path, form) in [
        (format!("/settings/tokens/{}", token.id), narrow.as_slice()),
        (format!("/settings/tokens/{}/deactivate", token.id), &[]),
        (format!("/settings/tokens/{}/delete", token.id), &[]),
        (format!("/settings/sessions/{session}/end"), &[]),
    ] {
        assert_eq!(alice.post(&path, form).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    drop(other);
}

#[tokio::test]
async fn with_two_factor_authentication_on_it_takes_the_code_too() {
    let server = TestServer::start().await;
    let Enrolled { browser, authenticator, .. } = server.enrolled("alice").await;
    server.clock.advance(STALE);
    let path = "/settings/security/recovery-codes";
    let before = server.rows("recovery_code").await;
    let question = browser.post(path, &[]).await;
    let wrong = authenticator.wrong_code(server.clock.now());
    for (password, code, field) in [
        (PASSWORD, "", "confirm_code"),
        (PASSWORD, wrong.as_str(), "confirm_code"),
        ("not this harbour", &authenticator.code(server.clock.now()), "confirm_password"),
    ] {
        let answer = confirm(&browser, path, &question, password, code).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{field}: {}", answer.body);
    }
    assert_eq!(server.rows("recovery_code").await, before);
    let code = authenticator.code(server.clock.now());
    assert_eq!(confirm(&browser, path, &question, PASSWORD, &code).await.status, StatusCode::OK, "still unused");
    assert_ne!(server.rows("recovery_code").await, before);
}

#[tokio::test]
async fn wrong_passwords_count_and_wait() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.clock.advance(STALE);
    let path = "/settings/sessions/others/end";
    let form = [("confirm_password", "not this harbour")];
    for _ in 0..5 {
        assert_eq!(alice.post(path, &form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = alice.post(path, &[("confirm_password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.body.contains("Too many failed attempts. Try again in 30 seconds."), "{}", answer.body);
    server.clock.advance(Duration::seconds(30));
    assert_eq!(alice.post(path, &[("confirm_password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn confirming_does_not_make_a_session_younger() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let path = "/settings/sessions/others/end";
    for hours in (20..30 * 24).step_by(20) {
        server.clock.advance(Duration::hours(20));
        let answer = alice.post(path, &[("confirm_password", PASSWORD)]).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/settings/sessions"),
            "{hours}"
        );
    }
    server.clock.advance(Duration::hours(20));
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER, "30 days are 30 days");
}
