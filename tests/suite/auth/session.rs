//! How long a session lasts and how it ends: `/`, `/logout`, and timeouts.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::TestServer;

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
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login?next=%2Fsettings"));
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
