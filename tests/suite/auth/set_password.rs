//! `/set-password`: the link with which the owner of a new account sets a password.

use std::sync::Arc;

use reqwest::StatusCode;
use time::Duration;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::{Browser, PASSWORD, TestServer, database};

/// Creates an account; returns the link.
async fn add(admin: &Browser, name: &str) -> String {
    let answer = admin.post("/admin/accounts", &[("username", name)]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    answer.shown_once()
}

async fn follow(server: &TestServer, link: &str) -> Browser {
    let browser = server.anonymous();
    let answer = browser.get(link).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/set-password"), "{answer:?}");
    browser
}

async fn set(browser: &Browser, password: &str) -> StatusCode {
    browser.post("/set-password", &[("password", password)]).await.status
}

fn code(link: &str) -> &str {
    link.split_once("code=").unwrap().1
}

#[tokio::test]
async fn the_link_leads_to_a_form_and_the_code_leaves_the_address() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    assert!(link.starts_with(&server.url("/set-password?code=")), "{link}");
    assert!(code(&link).len() >= 11, "64 random bits are 11 base62 characters");
    let browser = follow(&server, &link).await;
    let form = browser.get("/set-password").await;
    assert_eq!((form.status, form.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(form.body.contains("Choose a password for alice."));
    assert!(!form.body.contains(code(&link)));
    let done = browser.post("/set-password", &[("password", PASSWORD)]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/login"));
    let sign_in = browser.get("/login").await;
    assert!(sign_in.body.contains("Password set. Sign in with it now."), "{}", sign_in.body);
    assert_eq!(sign_in.after("name=\"username\" value=\""), "alice", "the name is filled in");
    assert!(!server.anonymous().get("/login").await.body.contains("Password set."));
    server.signed_in("alice").await;
}

#[tokio::test]
async fn the_code_is_in_no_table_in_the_clear() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    let _browser = follow(&server, &link).await;
    assert!(!database::holds(&server.dump().await, code(&link)));
}

#[tokio::test]
async fn it_works_once() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    let (first, second) = (follow(&server, &link).await, follow(&server, &link).await);
    assert_eq!(set(&first, PASSWORD).await, StatusCode::SEE_OTHER);
    let late = second.post("/set-password", &[("password", "another harbour at dusk")]).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(late.body.contains("This link no longer works"));
    assert_eq!(server.anonymous().get(&link).await.status, StatusCode::GONE);
    server.signed_in("alice").await;
}

#[tokio::test]
async fn of_forty_that_use_it_at_once_one_sets_its_password() {
    let server = TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    let mut callers = Vec::new();
    for number in 0..MANY {
        let caller = server.anonymous().with_header("x-forwarded-for", &format!("10.0.0.{number}"));
        assert_eq!(caller.get(&link).await.status, StatusCode::SEE_OTHER);
        callers.push(Arc::new(caller));
    }
    let statuses = all_at_once(|number| {
        let caller = Arc::clone(&callers[number]);
        async move { set(&caller, &format!("harbour {number} at dusk and dawn")).await }
    })
    .await;
    let done: Vec<usize> =
        statuses.iter().enumerate().filter(|(_, status)| **status == StatusCode::SEE_OTHER).map(|(at, _)| at).collect();
    assert_eq!(done.len(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::GONE).count(), MANY - 1);
    assert_eq!((server.count("password_link").await, statuses.len()), (0, MANY));
}

#[tokio::test]
async fn it_works_for_three_days() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let (early, late) = (add(&admin, "alice").await, add(&admin, "bob").await);
    let slow = follow(&server, &late).await;
    server.clock.advance(Duration::hours(72) - Duration::MILLISECOND);
    assert_eq!(set(&follow(&server, &early).await, PASSWORD).await, StatusCode::SEE_OTHER);
    server.clock.advance(Duration::MILLISECOND);
    assert_eq!(server.anonymous().get(&late).await.status, StatusCode::GONE);
    assert_eq!(set(&slow, PASSWORD).await, StatusCode::GONE);
}

#[tokio::test]
async fn a_newer_link_ends_the_older_and_a_new_password_ends_all_sessions() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let id = server.text("SELECT id FROM account WHERE username = 'alice'").await;
    let link = async || admin.post(&format!("/admin/accounts/{id}/password-link"), &[]).await.shown_once();
    let (old, new) = (link().await, link().await);
    assert_eq!(server.anonymous().get(&old).await.status, StatusCode::GONE);
    assert_eq!(alice.get("/settings").await.status, StatusCode::OK, "a link alone changes nothing");
    assert_eq!(set(&follow(&server, &new).await, "another harbour at dusk").await, StatusCode::SEE_OTHER);
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    let old_password = server.anonymous().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(old_password.status, StatusCode::UNAUTHORIZED);
    let written = server.number("SELECT COUNT(*) FROM activity WHERE kind = 'password_changed'").await;
    assert_eq!(written, Some(1), "its owner reads of it");
}

#[tokio::test]
async fn before_the_password_is_set_nobody_signs_in() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    add(&admin, "alice").await;
    for password in ["", PASSWORD] {
        let answer = server.anonymous().post("/login", &[("username", "alice"), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let answer = server.anonymous().token("alice", password, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_and_the_link_stays_good() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let browser = follow(&server, &add(&admin, "alice").await).await;
    for password in ["", "short", "alicealicealicealice", "dp_pat_as_a_password"] {
        let answer = browser.post("/set-password", &[("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("id=\"password-error\">"), "{password}");
    }
    assert_eq!(set(&browser, PASSWORD).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guesses_at_a_code_are_throttled_and_strangers_have_no_form() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    let stranger = server.anonymous();
    assert_eq!(stranger.get("/set-password").await.status, StatusCode::GONE);
    assert_eq!(set(&stranger, PASSWORD).await, StatusCode::GONE);
    for number in 0..10 {
        let answer = stranger.get(&format!("/set-password?code=guess{number}")).await;
        assert_eq!(answer.status, StatusCode::GONE);
    }
    let answer = stranger.get(&link).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=60).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
}

#[tokio::test]
async fn the_link_of_a_disabled_account_is_dead() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    let browser = follow(&server, &link).await;
    let id = server.text("SELECT id FROM account WHERE username = 'alice'").await;
    admin.post(&format!("/admin/accounts/{id}/disable"), &[]).await;
    assert_eq!(server.anonymous().get(&link).await.status, StatusCode::GONE);
    assert_eq!(set(&browser, PASSWORD).await, StatusCode::GONE);
}

#[tokio::test]
async fn another_way_to_a_new_password_ends_the_link() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let link = add(&admin, "alice").await;
    let browser = follow(&server, &link).await;
    let id: String = admin.get("/admin/accounts?text=alice").await.after("<tr role=\"row\" id=\"account-");
    admin.post(&format!("/admin/accounts/{id}/disable"), &[]).await;
    admin.post(&format!("/admin/accounts/{id}/enable"), &[]).await;
    assert_eq!(set(&browser, PASSWORD).await, StatusCode::GONE);
    assert_eq!(server.anonymous().get(&link).await.status, StatusCode::GONE);
}
