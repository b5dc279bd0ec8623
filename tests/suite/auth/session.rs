//! How long a session lasts and how it ends: `/`, `/logout`, and timeouts.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, PASSWORD, TestServer};

#[tokio::test]
async fn the_front_page_leads_where_the_reader_belongs() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    let stranger = server.anonymous().get("/").await;
    assert_eq!((stranger.status, stranger.header("location")), (StatusCode::SEE_OTHER, "/login"));
    let known = browser.get("/").await;
    assert_eq!((known.status, known.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
}

#[tokio::test]
async fn a_session_ends_after_24_hours_unused() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    server.clock.advance(Duration::hours(24) - Duration::SECOND);
    assert_eq!(browser.get("/settings").await.status, StatusCode::OK);
    server.clock.advance(Duration::hours(24) - Duration::SECOND);
    assert_eq!(browser.get("/settings").await.status, StatusCode::OK, "its use a day ago counts");
    server.clock.advance(Duration::hours(24));
    let answer = browser.get("/settings").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/login?next=%2Fsettings&reason=ended")
    );
}

#[tokio::test]
async fn a_session_ends_after_30_days_however_much_it_is_used() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    for hours in (6..30 * 24).step_by(6) {
        server.clock.advance(Duration::hours(6));
        assert_eq!(browser.get("/settings").await.status, StatusCode::OK, "after {hours} hours");
    }
    server.clock.advance(Duration::hours(6));
    assert_eq!(browser.get("/settings").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_operator_may_choose_shorter_lives() {
    let change = |settings: &mut dockpass::config::Settings| {
        settings.session_idle_hours = "2".into();
        settings.session_max_days = "1".into();
    };
    let server = TestServer::start_with(change).await;
    let idle = server.account_signed_in("alice").await;
    let busy = server.signed_in("alice").await;
    for _ in 0..23 {
        server.clock.advance(Duration::hours(1));
        assert_eq!(busy.get("/settings").await.status, StatusCode::OK);
    }
    assert_eq!(idle.get("/settings").await.status, StatusCode::SEE_OTHER);
    server.clock.advance(Duration::hours(1));
    assert_eq!(busy.get("/settings").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_disabled_account_is_signed_out_everywhere_at_once() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    server.sql("UPDATE account SET disabled_at = 1").await;
    assert_eq!(browser.get("/settings/tokens").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/").await.header("location"), "/login");
}

#[tokio::test]
async fn signing_out_ends_the_session_in_the_database() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    let other = server.signed_in("alice").await;
    let old = browser.cookie("dockpass").unwrap();
    assert_eq!(server.count("session").await, 2);
    let answer = browser.post("/logout", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{}", answer.header("set-cookie"));
    assert_eq!(browser.cookie("dockpass"), None);
    assert_eq!(server.count("session").await, 1, "that session and no other");
    let thief = server.anonymous().with_cookie("dockpass", &old);
    assert_eq!(thief.get("/settings/tokens").await.status, StatusCode::SEE_OTHER);
    assert_eq!(other.get("/settings/tokens").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_without_a_session_is_no_fault() {
    let server = TestServer::start().await;
    let answer = server.anonymous().post("/logout", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
}

#[tokio::test]
async fn a_link_cannot_sign_anyone_out() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    assert_eq!(browser.get("/logout").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(browser.get("/settings").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nonsense_in_the_cookie_is_nobody() {
    let server = TestServer::start().await;
    for value in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "%00%ff", "0"] {
        let answer = server.anonymous().with_cookie("dockpass", value).get("/settings").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{value:?}");
    }
}

async fn seconds_left(browser: &Browser) -> (i64, bool) {
    let answer = browser.get("/settings/session").await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"), "{}", answer.body);
    (answer.json()["seconds_left"].as_i64().unwrap(), answer.json()["can_extend"].as_bool().unwrap())
}

#[tokio::test]
async fn asking_when_the_session_ends_does_not_extend_it_and_stay_signed_in_does() {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    assert_eq!(seconds_left(&browser).await, (24 * 3600, true));
    assert!(browser.get("/settings").await.body.contains("data-session-seconds=\"86400\""));
    server.clock.advance(Duration::hours(24) - Duration::minutes(2));
    assert_eq!(seconds_left(&browser).await, (120, true));
    assert_eq!(seconds_left(&browser).await, (120, true));
    let stays = browser.post("/settings/session", &[]).await;
    assert_eq!(stays.json()["seconds_left"], 24 * 3600);
    assert!(stays.set_cookie("dockpass").contains("Max-Age=86400"), "the browser keeps it as long");
    server.clock.advance(Duration::hours(24) - Duration::SECOND);
    assert_eq!(seconds_left(&browser).await, (1, true));
    server.clock.advance(Duration::SECOND);
    assert_eq!(browser.get("/settings/session").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.post("/settings/session", &[]).await.status, StatusCode::UNAUTHORIZED, "it has ended");
}

#[tokio::test]
async fn at_its_longest_time_a_session_cannot_be_extended_but_signing_in_again_renews_it() {
    let change = |settings: &mut dockpass::config::Settings| {
        settings.session_idle_hours = "20".into();
        settings.session_max_days = "1".into();
    };
    let server = TestServer::start_with(change).await;
    let browser = server.account_signed_in("alice").await;
    server.clock.advance(Duration::hours(19));
    browser.get("/settings").await;
    server.clock.advance(Duration::hours(5) - Duration::minutes(2));
    assert_eq!(seconds_left(&browser).await, (120, false));
    assert_eq!(browser.post("/settings/session", &[]).await.json()["seconds_left"], 120);

    let old = browser.cookie("dockpass").unwrap();
    let question = browser.htmx_post("/settings/session/new", &[]).await;
    assert_eq!(question.status, StatusCode::UNAUTHORIZED, "{}", question.body);
    let owner = question.after("name=\"sign_in_owner\" value=\"");
    let form = [("sign_in_owner", owner.as_str()), ("sign_in_username", "alice"), ("sign_in_password", PASSWORD)];
    let renewed = browser.htmx_post("/settings/session/new", &form).await;
    assert_eq!((renewed.status, renewed.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(seconds_left(&browser).await, (20 * 3600, true));
    let thief = server.anonymous().with_cookie("dockpass", &old);
    assert_eq!(thief.get("/settings").await.status, StatusCode::SEE_OTHER, "the old id is worth nothing");
}
