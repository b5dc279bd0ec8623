//! The uses that `/token` records, and how the token's page shows them.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{MadeToken, TestServer};

const PULL: &str = "repository:alice/app:pull";

/// A server with a token of alice.
async fn open() -> (TestServer, MadeToken) {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:admin", "365").await;
    (server, token)
}

/// Sends a token request and waits until the use is written.
async fn ask(server: &TestServer, token: &MadeToken, scopes: &[&str]) {
    let answer = server.anonymous().token("alice", &token.secret, scopes).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    server.flush().await;
}

async fn page(server: &TestServer, token: &MadeToken) -> String {
    server.signed_in("alice").await.get(&format!("/settings/tokens/{}", token.id)).await.body
}

#[tokio::test]
async fn of_a_hundred_and_one_uses_the_newest_hundred_are_kept() {
    let (server, token) = open().await;
    for number in 0..=100 {
        ask(&server, &token, &[&format!("repository:alice/app-{number:03}:pull")]).await;
        server.clock.advance(Duration::MINUTE);
        assert_eq!(server.count("token_use").await, (number + 1).min(100));
    }
    assert_eq!(server.text("SELECT MIN(repository) FROM token_use").await, "alice/app-001");
    let page = page(&server, &token).await;
    assert_eq!(page.matches("class=\"what\">Asked for pull access</td>").count(), 100);
    assert!(page.find("alice/app-100</span>") < page.find("alice/app-001</span>") && !page.contains("alice/app-000"));
    assert!(page.contains(">101 pulls</p>"), "and the chart counts on");
}

#[tokio::test]
async fn of_a_hundred_and_one_uses_within_a_second_none_is_lost_to_the_chart() {
    let (server, token) = open().await;
    let scopes: Vec<String> = (0..101).map(|number| format!("repository:alice/app-{number:03}:pull")).collect();
    for scope in &scopes {
        server.clock.advance(Duration::MILLISECOND);
        server.anonymous().token("alice", &token.secret, &[scope]).await;
    }
    server.flush().await;
    assert_eq!(server.count("token_use").await, 100);
    assert!(page(&server, &token).await.contains(">101 pulls</p>"));
}

#[tokio::test]
async fn equal_uses_within_a_minute_are_one_line_with_a_count() {
    let (server, token) = open().await;
    let rows = "SELECT times FROM token_use ORDER BY first_at DESC";
    ask(&server, &token, &[PULL]).await;
    server.clock.advance(Duration::seconds(59));
    ask(&server, &token, &[PULL]).await;
    assert_eq!((server.count("token_use").await, server.number(rows).await), (1, Some(2)));
    server.clock.advance(Duration::seconds(61));
    ask(&server, &token, &[PULL]).await;
    assert_eq!((server.count("token_use").await, server.number(rows).await), (2, Some(1)));
    // Another program, another address or another action makes another use.
    let other = server.anonymous().with_header("user-agent", "skopeo/1.9.3");
    other.token("alice", &token.secret, &[PULL]).await;
    server.clock.advance(Duration::MILLISECOND);
    ask(&server, &token, &["repository:alice/app:pull,push"]).await;
    assert_eq!(server.count("token_use").await, 4);
}

#[tokio::test]
async fn what_two_servers_write_in_any_order_is_one_line_from_the_first_to_the_last() {
    let (server, token) = open().await;
    let other = server.beside().await;
    let began = server.clock.now();
    server.anonymous().token("alice", &token.secret, &[PULL]).await;
    server.clock.advance(Duration::seconds(30));
    ask(&other, &token, &[PULL]).await;
    server.flush().await;
    assert_eq!(server.count("token_use").await, 1);
    let number = async |column: &str| server.number(&format!("SELECT {column} FROM token_use")).await.unwrap();
    let now = server.clock.now().millis();
    assert_eq!((number("times").await, number("first_at").await, number("last_at").await), (2, began.millis(), now));
}

#[tokio::test]
async fn the_chart_and_the_list_count_requests_and_refusals_alike() {
    let (server, token) = open().await;
    server.account("bob").await;
    for _ in 0..3 {
        // Some are merged before they are written, and some are added to an existing row.
        server.anonymous().token("alice", &token.secret, &[PULL]).await;
        ask(&server, &token, &[PULL]).await;
        let refused = server.anonymous().token("alice", &token.secret, &["repository:bob/app:push"]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        server.clock.advance(Duration::seconds(5));
    }
    ask(&server, &token, &[PULL, "repository:alice/new:pull,push"]).await;
    ask(&server, &token, &[]).await;
    let page = page(&server, &token).await;
    for words in [">7 pulls</p>", ">1 push</p>", ">3 refusals</p>", "Busiest day: 11 requests. Days are in UTC."] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let times = "SELECT CAST(SUM(times) AS BIGINT) FROM token_use WHERE action = 'pull'";
    assert_eq!(server.number(times).await, Some(7), "the list beneath says the same");
}

#[tokio::test]
async fn the_chart_begins_with_the_day_eighty_nine_days_ago() {
    let (server, token) = open().await;
    ask(&server, &token, &[PULL]).await;
    server.clock.advance(Duration::days(89));
    server.tidy().await;
    let shown = page(&server, &token).await;
    assert!(shown.contains(">1 pull</p>") && shown.contains("<rect x=\"0\""), "{shown}");
    server.clock.advance(Duration::days(1));
    let shown = page(&server, &token).await;
    assert!(
        shown.contains("No requests in the last 90 days.")
            && shown.contains("class=\"what\">Asked for pull access</td>"),
        "{shown}"
    );
    server.clock.advance(Duration::days(1));
    server.tidy().await;
    assert_eq!((server.count("token_day").await, server.count("token_use").await), (0, 1));
}

#[tokio::test]
async fn of_a_mount_the_push_was_the_last_use() {
    let (server, _) = open().await;
    let alice = server.signed_in("alice").await;
    let (to, from) = ("repository:alice/new:pull,push", "repository:alice/base:pull");
    for number in 0..10 {
        server.clock.advance(Duration::SECOND);
        let token = alice.generate(&format!("mount {number}"), "repo:write", "30").await;
        let scopes = if number % 2 == 0 { [to, from] } else { [from, to] };
        ask(&server, &token, &scopes).await;
        let last =
            format!("SELECT last_used_action || ' ' || last_used_repository FROM token WHERE id = '{}'", token.id);
        assert_eq!(server.text(&last).await, "push alice/new");
    }
}

/// The address on the token's page if a proxy at 127.0.0.1 sends `X-Forwarded-For`.
async fn address(trusted: Option<&str>, forwarded: &str) -> String {
    let server = TestServer::start_with(|settings| settings.trusted_proxies = trusted.map(str::to_owned)).await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:read", "30").await;
    let proxy = server.anonymous().with_header("x-forwarded-for", forwarded).with_header("user-agent", "skopeo/1.9.3");
    server.clock.advance(Duration::SECOND);
    assert_eq!(proxy.token("alice", &token.secret, &[PULL]).await.status, StatusCode::OK);
    server.flush().await;
    let page = page(&server, &token).await;
    let address = page
        .split_once("<td role=\"cell\">skopeo 1.9 <span class=\"beneath\">")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    assert!(page.contains(&format!(" · skopeo 1.9 · {address}</span>")), "{page}");
    address
}

#[tokio::test]
async fn an_address_is_believed_of_a_trusted_proxy_alone() {
    assert_eq!(address(None, "203.0.113.7").await, "127.0.0.1");
    assert_eq!(address(Some("10.0.0.0/8"), "203.0.113.7").await, "127.0.0.1");
    assert_eq!(address(Some("127.0.0.1"), "203.0.113.7").await, "203.0.113.7");
    assert_eq!(address(Some("127.0.0.1"), "198.51.100.1, 203.0.113.7").await, "203.0.113.7", "the nearest wrote last");
    assert_eq!(address(Some("127.0.0.0/8,203.0.113.7"), "2001:db8::1, 203.0.113.7").await, "2001:db8::1");
}
