//! `/settings/tokens/{id}/first-use`: what the dialog of a new token asks every two seconds.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Answer, Browser, MadeToken, TestServer};

const DOCKER: &str = "docker/28.2.2 go/go1.24 git-commit/x kernel/6 os/linux arch/amd64";

async fn ask(browser: &Browser, token: &MadeToken, seen: i64) -> Answer {
    let answer = browser.htmx_get(&format!("/settings/tokens/{}/first-use?seen={seen}", token.id)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

fn goes_on(answer: &Answer) -> bool {
    answer.body.contains("hx-get=")
}

#[tokio::test]
async fn it_waits_and_then_says_who_used_the_token_from_where() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("laptop", "repo:write", "30").await;
    let waiting = ask(&alice, &token, 0).await;
    assert_eq!((waiting.status, waiting.body.as_str()), (StatusCode::NO_CONTENT, ""));
    for (scopes, said) in [
        (vec![], "docker 28.2 on linux signed in from 127.0.0.1, <time"),
        (vec!["repository:alice/api:pull"], "docker 28.2 on linux at 127.0.0.1 asked to pull alice/api, <time"),
        (vec!["repository:alice/api:pull,push"], "docker 28.2 on linux at 127.0.0.1 asked to push to alice/api, <time"),
    ] {
        server.anonymous().with_header("user-agent", DOCKER).token("alice", &token.secret, &scopes).await;
        server.flush().await;
        server.clock.advance(Duration::seconds(2));
        let used = ask(&alice, &token, 0).await;
        assert_eq!(used.status, StatusCode::OK);
        assert!(used.body.contains(said) && used.body.contains(">2 seconds ago</time>"), "{}", used.body);
        assert!(!goes_on(&used), "{}", used.body);
    }
    let chinese = server.signed_in("alice").await.with_header("accept-language", "zh-CN");
    server.anonymous().with_header("user-agent", DOCKER).token("alice", &token.secret, &[]).await;
    server.flush().await;
    let said = ask(&chinese, &token, 0).await.body;
    assert!(said.contains("linux 上的 docker 28.2 已从 127.0.0.1 登录 · <time"), "{said}");
}

#[tokio::test]
async fn a_refusal_is_shown_once_with_its_reason_and_code_and_the_line_keeps_waiting() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.account("bob").await;
    let token = alice.generate("laptop", "repo:write", "30").await;
    server.anonymous().with_header("user-agent", DOCKER).token("bob", &token.secret, &[]).await;
    server.flush().await;
    let refused = ask(&alice, &token, 0).await;
    assert_eq!(refused.status, StatusCode::OK);
    for part in [
        "<strong>laptop</strong> was refused because it was used with another account’s username.",
        "PAT-WRONG-USER",
        "docker 28.2 on linux · 127.0.0.1",
    ] {
        assert!(refused.body.contains(part), "{part} in {}", refused.body);
    }
    assert!(goes_on(&refused), "{}", refused.body);
    let seen = refused.after("first-use?seen=").parse().unwrap();
    assert_eq!(ask(&alice, &token, seen).await.status, StatusCode::NO_CONTENT);
    server.clock.advance(Duration::SECOND);
    server.anonymous().token("bob", &token.secret, &[]).await;
    server.flush().await;
    assert_eq!(ask(&alice, &token, seen).await.status, StatusCode::OK, "a later one");
    server.anonymous().with_header("user-agent", DOCKER).token("alice", &token.secret, &[]).await;
    server.flush().await;
    let used = ask(&alice, &token, seen).await;
    assert!(used.body.contains("signed in from") && !goes_on(&used), "{}", used.body);
}

#[tokio::test]
async fn after_ten_minutes_it_stops() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.account("bob").await;
    let (unused, refused) =
        (alice.generate("unused", "repo:read", "30").await, alice.generate("refused", "repo:read", "30").await);
    server.anonymous().token("bob", &refused.secret, &[]).await;
    server.flush().await;
    server.clock.advance(Duration::minutes(10) - Duration::SECOND);
    assert_eq!(ask(&alice, &unused, 0).await.status, StatusCode::NO_CONTENT);
    server.clock.advance(Duration::SECOND);
    for (token, part) in [(unused, "Not used yet."), (refused, "PAT-WRONG-USER")] {
        let over = ask(&alice, &token, 0).await;
        assert_eq!(over.status, StatusCode::OK);
        assert!(over.body.contains(part) && !goes_on(&over), "{}", over.body);
    }
}

#[tokio::test]
async fn it_does_not_prolong_the_session() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("laptop", "repo:write", "30").await;
    let before = (server.rows("session").await, server.rows("account").await);
    for _ in 0..23 {
        server.clock.advance(Duration::hours(1));
        assert_eq!(ask(&alice, &token, 0).await.status, StatusCode::OK);
    }
    assert_eq!((server.rows("session").await, server.rows("account").await), before);
    server.clock.advance(Duration::hours(1));
    let over = alice.htmx_get(&format!("/settings/tokens/{}/first-use", token.id)).await;
    let is_led_away = over.header("hx-redirect").starts_with("/login");
    assert!(over.status == StatusCode::UNAUTHORIZED || is_led_away, "{over:?}");
}

#[tokio::test]
async fn a_person_who_follows_the_address_comes_to_the_page_of_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("laptop", "repo:write", "30").await;
    let answer = alice.get(&format!("/settings/tokens/{}/first-use", token.id)).await;
    let page = format!("/settings/tokens/{}", token.id);
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, page.as_str()));
}
