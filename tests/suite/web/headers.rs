//! Security headers, static files, health checks, and unknown paths.

use reqwest::{Method, StatusCode};

use crate::harness::callers::headers;
use crate::harness::{Answer, TestServer};

const POLICY: [&str; 9] = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
];

pub fn assert_has_security_headers(answer: &Answer, what: &str) {
    let policy: Vec<&str> = answer.header("content-security-policy").split(';').map(str::trim).collect();
    assert_eq!(policy, POLICY, "{what}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
}

/// The URLs of the static files that a page uses.
fn assets(page: &Answer) -> Vec<String> {
    let parts = page.body.split("\"/assets/").skip(1);
    let mut assets: Vec<String> = parts.map(|part| format!("/assets/{}", part.split('"').next().unwrap())).collect();
    assets.sort();
    assets.dedup();
    assets
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let asset = assets(&alice.get("/login").await).pop().unwrap_or_else(|| "/assets/missing".into());
    for path in [
        "/",
        "/login",
        "/setup",
        "/settings",
        "/settings/tokens",
        "/settings/tokens/new",
        "/settings/tokens/0/edit",
        "/nowhere",
        "/healthz",
        "/readyz",
        "/token",
        "/v2/",
        "/.well-known/jwks.json",
        "/assets/0/app.css",
        &asset,
    ] {
        assert_has_security_headers(&alice.get(path).await, path);
    }
    let refused = server.anonymous().token("alice", "wrong wrong wrong", &[]).await;
    assert_has_security_headers(&refused, "a refusal");
    let method = alice.send(Method::PUT, "/settings/tokens", None, headers(&[])).await;
    assert_has_security_headers(&method, "another method");
    assert_has_security_headers(&alice.post("/settings/tokens", &[]).await, "wrong input");
    assert_has_security_headers(
        &alice.post_with("/logout", &[], &[("sec-fetch-site", "cross-site")]).await,
        "a foreign post",
    );
}

#[tokio::test]
async fn only_https_sends_hsts() {
    let server = TestServer::start_with(|settings| settings.public_url = Some("https://hub.example.com".into())).await;
    for path in ["/login", "/nowhere", "/token", "/v2/", "/healthz"] {
        assert_eq!(
            server.anonymous().get(path).await.header("strict-transport-security"),
            "max-age=31536000",
            "{path}"
        );
    }
    let plain = TestServer::start().await;
    assert!(plain.anonymous().get("/login").await.headers.get("strict-transport-security").is_none());
}

#[tokio::test]
async fn static_files_are_cached_forever() {
    let server = TestServer::start().await;
    let page = server.anonymous().get("/login").await;
    let assets = assets(&page);
    assert!(assets.len() >= 4, "{assets:?}");
    for path in &assets {
        let answer = server.anonymous().get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        let kind = match path.rsplit('.').next().unwrap() {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("{other}"),
        };
        assert_eq!(answer.header("content-type"), kind);
        assert!(answer.headers.get("set-cookie").is_none() && !answer.body.is_empty());
    }
    let zipped = server.anonymous().get_with(&assets[0], &[("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn a_static_file_is_not_found_under_another_hash() {
    let server = TestServer::start().await;
    for path in ["/assets/0000000000000000/app.css", "/assets/missing", "/assets/x/..%2F..%2FCargo.toml"] {
        let answer = server.anonymous().get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.header("cache-control").contains("immutable"));
    }
}

#[tokio::test]
async fn pages_load_nothing_from_other_sites() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("ci", "repo:read", "30").await;
    for path in ["/login", "/settings", "/settings/tokens", "/settings/tokens/new", "/nowhere"] {
        let page = alice.get(path).await.body;
        for outside in ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "<style", " style=", "javascript:"] {
            assert!(!page.contains(outside), "{outside} in {path}");
        }
        assert!(!page.contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_gets_a_page() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/nowhere/at?all=1").await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::NOT_FOUND, "no-store"));
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(
        answer.body.contains("<h1>Not found</h1>")
            && answer.body.contains("This doesn’t exist, or you don’t have access to it.")
    );
    assert!(answer.headers.get("set-cookie").is_none());
    let fragment = server.anonymous().htmx_get("/nowhere").await;
    assert_eq!((fragment.status, fragment.header("hx-retarget")), (StatusCode::NOT_FOUND, "#notice"));
    assert!(fragment.body.starts_with("<p class=\"notice danger\" role=\"alert\">"), "{}", fragment.body);
}

#[tokio::test]
async fn health_checks_show_liveness_and_readiness() {
    let server = TestServer::start().await;
    for (path, said) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = server.anonymous().get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, said));
    }
    server.app.db.close().await;
    assert_eq!(server.anonymous().get("/healthz").await.status, StatusCode::OK);
    let answer = server.anonymous().get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, "the database does not answer\n");
}

#[tokio::test]
async fn a_request_id_is_accepted_or_generated() {
    let server = TestServer::start().await;
    let named = server.anonymous().get_with("/healthz", &[("x-request-id", "from-the-proxy")]).await;
    assert_eq!(named.header("x-request-id"), "from-the-proxy");
    let (one, other) = (server.anonymous().get("/healthz").await, server.anonymous().get("/healthz").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    for unusable in ["x".repeat(300_000), String::new(), "two words".into(), "a\"b".into(), "x".repeat(129)] {
        let answer = server.anonymous().get_with("/healthz", &[("x-request-id", &unusable)]).await;
        assert_eq!((answer.status, answer.header("x-request-id").len()), (StatusCode::OK, 36), "a new one");
    }
}
