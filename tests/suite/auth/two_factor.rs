//! `/login/code`: the second step of signing in.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::factor::{Enrolled, STEP};
use crate::harness::{Answer, Browser, PASSWORD, TestServer};

async fn show(browser: &Browser, code: &str) -> Answer {
    browser.post("/login/code", &[("code", code)]).await
}

#[tokio::test]
async fn the_password_leads_to_a_page_that_asks_for_the_code() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    let page = browser.get("/login/code").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    for part in [
        "<form method=\"post\" action=\"/login/code\">",
        ">Authentication code</label>",
        "autocomplete=\"one-time-code\"",
        "inputmode=\"numeric\"",
        "href=\"/login/recovery\"",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("Account menu"));
}

#[tokio::test]
async fn the_code_opens_a_session_under_a_new_id_each_time() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let browser = server.anonymous().with_cookie("dockpass", "AAAAAAAAAAAAAAAAAAAAAA");
    let form = [("username", "alice"), ("password", PASSWORD), ("next", "/settings/activity")];
    browser.post("/login", &form).await;
    let half = browser.cookie("dockpass").unwrap();
    assert_ne!(half, "AAAAAAAAAAAAAAAAAAAAAA");
    let answer = show(&browser, &server.next_code(&authenticator)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/activity"));
    assert!(!answer.set_cookie("dockpass_browser").is_empty(), "from now on a known browser");
    assert_ne!(browser.cookie("dockpass").unwrap(), half);
    assert_eq!(browser.get("/settings").await.status, StatusCode::OK);
    let thief = server.anonymous().with_cookie("dockpass", &half);
    for path in ["/settings", "/login/code"] {
        assert_eq!(thief.get(path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
}

#[tokio::test]
async fn before_the_code_no_browser_becomes_a_known_one() {
    let server = TestServer::start().await;
    server.enrolled("alice").await;
    let answer = server.anonymous().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert!(answer.set_cookie("dockpass_browser").is_empty());
    assert_eq!(server.count("session").await, 2, "the half signed-in one, and the one that turned it on");
}

#[tokio::test]
async fn a_wrong_code_is_said_and_never_sent_back() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    for code in [authenticator.wrong_code(server.clock.now()).as_str(), "", "12345", "no code"] {
        let answer = show(&browser, code).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::UNAUTHORIZED, "no-store"));
        assert!(answer.body.contains("This code is incorrect or was already used."), "{}", answer.body);
        assert!(code.is_empty() || !answer.body.contains(code));
    }
    assert_eq!(browser.get("/settings").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_code_is_accepted_once() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let code = server.next_code(&authenticator);
    assert_eq!(show(&server.half_signed_in("alice").await, &code).await.status, StatusCode::SEE_OTHER);
    assert_eq!(show(&server.half_signed_in("alice").await, &code).await.status, StatusCode::UNAUTHORIZED);
    let earlier = authenticator.code(server.clock.now() - STEP);
    assert_eq!(show(&server.half_signed_in("alice").await, &earlier).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_step_of_drift_is_accepted_and_two_are_not() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    server.clock.advance(STEP * 10);
    let now = server.clock.now();
    for (steps, status) in [
        (-2, StatusCode::UNAUTHORIZED),
        (2, StatusCode::UNAUTHORIZED),
        (-1, StatusCode::SEE_OTHER),
        (0, StatusCode::SEE_OTHER),
        (1, StatusCode::SEE_OTHER),
    ] {
        let code = authenticator.code(now + STEP * steps);
        assert_eq!(show(&server.half_signed_in("alice").await, &code).await.status, status, "{steps} steps");
    }
}

#[tokio::test]
async fn a_code_is_read_as_people_type_it() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let code = server.next_code(&authenticator);
    let typed = format!(" {} {}\n", &code[..3], &code[3..]);
    assert_eq!(show(&server.half_signed_in("alice").await, &typed).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_time_between_password_and_code_is_five_minutes() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let (early, late) = (server.half_signed_in("alice").await, server.half_signed_in("alice").await);
    server.clock.advance(Duration::minutes(5) - Duration::MILLISECOND);
    let code = authenticator.code(server.clock.now());
    assert_eq!(show(&early, &code).await.status, StatusCode::SEE_OTHER);
    server.clock.advance(Duration::MILLISECOND);
    let next = authenticator.code(server.clock.now() + STEP);
    for answer in
        [late.get("/login/code").await, show(&late, &next).await, late.post("/login/recovery", &[("code", "x")]).await]
    {
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.header("location").starts_with("/login"), "{}", answer.header("location"));
    }
    assert_eq!(late.get("/settings").await.status, StatusCode::SEE_OTHER);
}

/// Follows redirects; returns where they end.
async fn follow(browser: &Browser, path: &str) -> String {
    let mut at = path.to_owned();
    for _ in 0..6 {
        let answer = browser.get(&at).await;
        if answer.status != StatusCode::SEE_OTHER {
            return at;
        }
        at = answer.header("location").to_owned();
    }
    panic!("{path} leads round in a circle: {at}");
}

#[tokio::test]
async fn whoever_came_too_late_gets_in_at_the_next_try() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    server.clock.advance(Duration::minutes(6));
    let sent = browser.get("/login/code").await;
    let form = browser.get(sent.header("location")).await;
    let next = form.after("name=\"next\" value=\"");
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD), ("next", &next)]).await;
    let answer = show(&browser, &server.next_code(&authenticator)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(follow(&browser, answer.header("location")).await, "/settings/tokens");
    assert_eq!(follow(&browser, "/login/code").await, "/settings/tokens", "and a signed-in one is led on");
}

#[tokio::test]
async fn without_a_password_nobody_is_asked_for_a_code() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, recovery_codes, .. } = server.enrolled("alice").await;
    let stranger = server.anonymous();
    for answer in [
        stranger.get("/login/code").await,
        stranger.get("/login/recovery").await,
        show(&stranger, &server.next_code(&authenticator)).await,
        stranger.post("/login/recovery", &[("code", &recovery_codes[0])]).await,
    ] {
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(answer.header("location").starts_with("/login"));
        assert!(answer.headers.get("set-cookie").is_none());
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM recovery_code WHERE used_at IS NULL").await, Some(10));
}

#[tokio::test]
async fn an_account_that_is_disabled_meanwhile_gets_no_further() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    server.sql("UPDATE account SET disabled_at = 1").await;
    let answer = show(&browser, &server.next_code(&authenticator)).await;
    assert!(answer.header("location").starts_with("/login"), "{answer:?}");
    assert_eq!(browser.get("/settings").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn wrong_codes_and_recovery_codes_count_and_wait() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, recovery_codes, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    let wrong = authenticator.wrong_code(server.clock.now());
    for number in 0..5 {
        let answer = if number % 2 == 0 {
            show(&browser, &wrong).await
        } else {
            browser.post("/login/recovery", &[("code", "aaaa-bbbb-cccc-dddd")]).await
        };
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let right = authenticator.code(server.clock.now() + STEP);
    for answer in [
        show(&browser, &right).await,
        browser.post("/login/recovery", &[("code", &recovery_codes[0])]).await,
        server.anonymous().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await,
    ] {
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "30"));
        assert!(answer.body.contains("Too many failed attempts. Try again in 30 seconds."), "{}", answer.body);
    }
    server.clock.advance(Duration::seconds(30));
    assert_eq!(show(&browser, &right).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_began() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let browser = server.half_signed_in("alice").await;
    server.sql("UPDATE account SET credentials_version = credentials_version + 1 WHERE username = 'alice'").await;
    let code = authenticator.code(server.clock.now());
    let answer = show(&browser, &code).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login"));
    assert_eq!(browser.get("/settings/tokens").await.status, StatusCode::SEE_OTHER);
}
