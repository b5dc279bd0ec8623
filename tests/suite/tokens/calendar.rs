//! `/settings/tokens/calendar`, and the calendar feed.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, TestServer, database};

/// Creates a calendar address and returns its path.
async fn make(server: &TestServer, browser: &Browser) -> String {
    let answer = browser.post("/settings/tokens/calendar", &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    let address = answer.shown_once();
    let path = address.strip_prefix(&server.url("")).unwrap_or_else(|| panic!("{address}")).to_owned();
    assert!(path.starts_with("/calendar/") && path.ends_with(".ics"), "{path}");
    path
}

/// The feed's lines, unfolded (RFC 5545 section 3.1).
async fn feed(server: &TestServer, path: &str) -> Vec<String> {
    let answer = server.anonymous().get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/calendar; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.headers.get("set-cookie").is_none());
    assert!(answer.body.ends_with("END:VCALENDAR\r\n"), "{:?}", answer.body);
    let physical: Vec<&str> = answer.body.split("\r\n").collect();
    assert!(physical.iter().all(|line| line.len() <= 75 && !line.contains('\n')), "{physical:?}");
    answer.body.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
}

fn with<'l>(lines: &'l [String], head: &str) -> Vec<&'l str> {
    lines.iter().filter_map(|line| line.strip_prefix(head)).collect()
}

#[tokio::test]
async fn it_shows_descriptions_and_dates_of_what_will_end() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:admin", "30").await;
    alice.generate("for ever", "repo:read", "never").await;
    let off = alice.generate("switched off", "repo:read", "7").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", off.id), &[]).await;
    let path = make(&server, &alice).await;
    let lines = feed(&server, &path).await;
    assert_eq!(lines[..2], ["BEGIN:VCALENDAR", "VERSION:2.0"]);
    assert!(with(&lines, "SUMMARY:").contains(&"Access token expires: ci push"), "{lines:?}");
    assert!(!lines.join(" ").contains("for ever"));
    let end = (server.clock.now() + Duration::days(30)).rfc3339().replace(['-', ':'], "");
    assert!(with(&lines, "DTSTART:").contains(&end.as_str()), "{end} in {lines:?}");
    assert_eq!(with(&lines, "DTEND").len(), 0, "it has no length");
    let alarm = [
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:An access token expires in a week",
        "TRIGGER:-P7D",
        "END:VALARM",
        "END:VEVENT",
    ];
    let alarms = lines.windows(alarm.len()).filter(|lines| *lines == alarm).count();
    assert_eq!(alarms, with(&lines, "BEGIN:VEVENT").len(), "{lines:?}");
    assert_eq!(feed(&server, &path).await, lines, "the same each time");
    let all = lines.join("\n");
    for hidden in ["repo:", "admin", "dp_pat", &token.secret[..10], "127.0.0.1"] {
        assert!(!all.contains(hidden), "{hidden} in {all}");
    }
    assert_eq!(with(&lines, "BEGIN:VEVENT").len(), with(&lines, "UID:").len());
    server.clock.advance(Duration::days(31));
    assert_eq!(with(&feed(&server, &path).await, "BEGIN:VEVENT").len(), 0, "what has ended is over");
}

#[tokio::test]
async fn descriptions_are_escaped_and_long_lines_folded() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let long = "描述很长的令牌名称".repeat(11);
    for description in ["a,b;c\\d: \"e\"", "END:VCALENDAR", "END:VEVENT", &long] {
        alice.generate(description, "repo:read", "30").await;
    }
    let lines = feed(&server, &make(&server, &alice).await).await;
    let summaries = with(&lines, "SUMMARY:");
    assert!(summaries.contains(&"Access token expires: a\\,b\\;c\\\\d: \"e\""), "{summaries:?}");
    assert!(summaries.contains(&format!("Access token expires: {long}").as_str()), "{summaries:?}");
    assert_eq!(with(&lines, "END:VCALENDAR").len(), 1);
    for line in ["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VALARM", "END:VALARM"] {
        assert_eq!(with(&lines, line).len(), 4, "{line}");
    }
}

#[tokio::test]
async fn the_address_is_shown_once_and_stored_as_its_hash() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    assert!(alice.get("/settings/tokens").await.body.contains("Create calendar link"));
    let path = make(&server, &alice).await;
    let secret = path.trim_start_matches("/calendar/").trim_end_matches(".ics");
    assert!(secret.len() >= 22, "128 random bits are 22 base62 characters");
    assert!(!database::holds(&server.dump().await, secret));
    for page in ["/settings/tokens", "/settings/tokens/calendar", "/settings/activity", "/settings"] {
        assert!(!alice.get(page).await.body.contains(secret), "{page}");
    }
    assert!(alice.get("/settings/tokens").await.body.contains("Replace calendar link"));
}

#[tokio::test]
async fn a_new_address_ends_the_old_one() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let old = make(&server, &alice).await;
    let question = alice.get("/settings/tokens/calendar").await;
    assert!(question.body.contains("The old link will stop working."));
    feed(&server, &old).await;
    let new = make(&server, &alice).await;
    assert_eq!(server.anonymous().get(&old).await.status, StatusCode::NOT_FOUND);
    feed(&server, &new).await;
    assert_eq!(server.number("SELECT COUNT(*) FROM activity WHERE kind = 'calendar_renewed'").await, Some(2));
}

#[tokio::test]
async fn the_address_is_removed_after_a_question() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    assert!(!alice.get("/settings/tokens").await.body.contains("Remove calendar link"));
    let path = make(&server, &alice).await;
    assert!(alice.get("/settings/tokens").await.body.contains("href=\"/settings/tokens/calendar/remove\""));
    let question = alice.get("/settings/tokens/calendar/remove").await;
    assert!(question.body.contains("Remove the calendar link?"), "{}", question.body);
    feed(&server, &path).await;
    for _ in 0..2 {
        let answer = alice.post("/settings/tokens/calendar/remove", &[]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    }
    assert_eq!(server.anonymous().get(&path).await.status, StatusCode::NOT_FOUND);
    let page = alice.get("/settings/tokens").await.body;
    assert!(page.contains("Calendar link removed.") && page.contains("Create calendar link"), "{page}");
    assert_eq!(server.number("SELECT COUNT(*) FROM activity WHERE kind = 'calendar_removed'").await, Some(1));
}

#[tokio::test]
async fn a_wrong_address_is_like_any_that_leads_nowhere() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let path = make(&server, &alice).await;
    let without_ending = path.trim_end_matches(".ics");
    for wrong in ["/calendar/x.ics", "/calendar/.ics", without_ending, "/calendar/%00.ics", &path.to_uppercase()] {
        let answer = server.anonymous().get(wrong).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
        assert!(answer.body.contains("This doesn’t exist, or you don’t have access to it."));
    }
}

#[tokio::test]
async fn that_of_a_disabled_account_is_closed_until_it_is_enabled() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let path = make(&server, &alice).await;
    server.sql("UPDATE account SET disabled_at = 1").await;
    assert_eq!(server.anonymous().get(&path).await.status, StatusCode::NOT_FOUND);
    server.sql("UPDATE account SET disabled_at = NULL").await;
    feed(&server, &path).await;
}

#[tokio::test]
async fn it_speaks_the_accounts_language_and_shows_no_one_elses_tokens() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    bob.generate("bobs own", "repo:read", "30").await;
    alice.generate("ci", "repo:read", "30").await;
    alice.post("/settings", &[("language", "zh-CN"), ("display_name", "爱丽丝")]).await;
    let lines = feed(&server, &make(&server, &alice).await).await.join("\n");
    assert!(!lines.contains("爱丽丝") && !lines.contains("alice"), "descriptions and dates, and nobody's name");
    assert!(lines.contains("访问令牌") && lines.contains("ci") && !lines.contains("bobs own"), "{lines}");
    assert!(!lines.contains("Access token expires"));
}
