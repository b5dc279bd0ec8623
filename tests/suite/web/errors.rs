//! What axum refuses by itself is answered in our words, as a page or as JSON.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::harness::{Answer, TestServer};

/// Words of the library that must not reach anyone.
const FOREIGN: [&str; 6] = ["deserialize", "Invalid URL", "Expected request", "length limit", "Cannot parse", "axum"];

fn assert_is_ours(answer: &Answer, status: StatusCode, kind: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert!(answer.header("content-type").starts_with(kind), "{what}: {:?}", answer.headers);
    assert!(!answer.body.is_empty() && FOREIGN.iter().all(|words| !answer.body.contains(words)), "{what}: {answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
}

#[tokio::test]
async fn pages_say_it_on_a_page() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let bad = StatusCode::BAD_REQUEST;
    for path in [
        "/login?next=a&next=b",
        "/settings/tokens/new?like=a&like=b",
        "/settings/activity?page=1&page=2",
        "/calendar/%ff.ics",
        "/assets/%ff/%ff",
    ] {
        assert_is_ours(&alice.get(path).await, bad, "text/html", path);
    }
    for path in ["/settings/tokens/%ff", "/assets/0/app.css", "/nowhere"] {
        assert_is_ours(&alice.get(path).await, StatusCode::NOT_FOUND, "text/html", path);
    }
    let long = "x".repeat(70_000);
    let large = alice.post("/preferences", &[("language", "en"), ("back", &long)]).await;
    assert_is_ours(&large, StatusCode::PAYLOAD_TOO_LARGE, "text/html", "a large form");
    assert!(large.body.contains("<h1>Too large</h1>"), "{}", large.body);
    let fragment = alice.htmx_get("/settings/tokens/new?like=a&like=b").await;
    assert_is_ours(&fragment, bad, "text/html", "a fragment");
    assert_eq!(fragment.header("hx-retarget"), "#notice");
}

#[tokio::test]
async fn another_method_is_answered_with_those_that_there_are() {
    let server = TestServer::start().await;
    let browser = server.anonymous();
    for (path, kind, methods) in [
        ("/login", "text/html", "GET,HEAD,POST"),
        ("/assets/0/app.css", "text/html", "GET,HEAD"),
        ("/token", "application/json", "GET,HEAD,POST"),
        ("/oauth/token", "application/json", "POST"),
    ] {
        let answer = browser.send(Method::PUT, path, None, HeaderMap::new()).await;
        assert_is_ours(&answer, StatusCode::METHOD_NOT_ALLOWED, kind, path);
        assert_eq!(answer.header("allow"), methods, "{path}");
    }
}

#[tokio::test]
async fn machines_get_json() {
    let server = TestServer::start().await;
    let (client, long) = (server.anonymous(), "x".repeat(70_000));
    for path in ["/token", "/oauth/token", "/oauth/device/code"] {
        let answer = client.post(path, &[("client_id", long.as_str())]).await;
        assert_is_ours(&answer, StatusCode::PAYLOAD_TOO_LARGE, "application/json", path);
        assert!(answer.body.contains("the request is too large"), "{path}: {}", answer.body);
    }
    let other = client.send(Method::POST, "/oauth/token", None, HeaderMap::new()).await;
    assert_is_ours(&other, StatusCode::BAD_REQUEST, "application/json", "no form");
}

#[tokio::test]
async fn error_pages_show_who_is_signed_in_and_lead_back() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.post("/settings", &[("language", "zh-CN"), ("theme", "dark")]).await;
    let referer = [("referer", "http://127.0.0.1/settings/activity?page=2")];
    let elsewhere = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let missing = alice.get_with("/nowhere", &referer).await;
    let method = alice.send(Method::PUT, "/settings", None, HeaderMap::new()).await;
    let forbidden = alice.post_with("/settings", &[("display_name", "x")], &elsewhere).await;
    server.sql("ALTER TABLE token RENAME TO hidden_token").await;
    let internal = alice.get("/settings/tokens").await;
    for (answer, status) in [(&missing, 404), (&method, 405), (&forbidden, 403), (&internal, 500)] {
        assert_eq!(answer.status.as_u16(), status);
        let parts = ["lang=\"zh-CN\"", "data-theme=\"dark\"", "帐户菜单", "app.css", "href=\"/settings/tokens\""];
        for part in parts {
            assert!(answer.body.contains(part), "{status}: no {part} in {}", answer.body);
        }
    }
    assert!(missing.body.contains("href=\"/settings/activity?page=2\""), "{}", missing.body);
    assert!(
        internal.body.contains("<a class=\"button primary\" href=\"/settings/tokens\">重试</a>"),
        "{}",
        internal.body
    );
    let stranger = server.anonymous().get("/nowhere").await;
    assert!(!stranger.body.contains("account-menu") && stranger.body.contains("href=\"/\""), "{}", stranger.body);
}
