//! `/v2/`, the login check of registry clients, and the paths below it.

use reqwest::{Method, StatusCode};
use serde_json::json;
use time::Duration;

use crate::harness::callers::headers;
use crate::harness::{Answer, Browser, PASSWORD, TestServer};

const PATHS: [&str; 2] = ["/v2/", "/v2"];

async fn with_bearer(browser: &Browser, path: &str, token: &str) -> Answer {
    browser.get_with(path, &[("authorization", &format!("Bearer {token}"))]).await
}

fn assert_challenged(server: &TestServer, answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::UNAUTHORIZED, "application/json"));
    let challenge = format!("Bearer realm=\"{}\",service=\"dockpass\"", server.url("/token"));
    assert_eq!(answer.header("www-authenticate"), challenge);
    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_stranger_is_sent_to_the_token_endpoint() {
    let server = TestServer::start().await;
    for path in PATHS {
        let answer = server.anonymous().get(path).await;
        assert_challenged(&server, &answer);
        let message = "authentication required";
        assert_eq!(answer.json(), json!({"errors": [{"code": "UNAUTHORIZED", "message": message}]}));
        let head = server.anonymous().send(Method::HEAD, path, None, headers(&[])).await;
        assert_challenged(&server, &head);
    }
}

#[tokio::test]
async fn the_realm_is_the_public_url_and_the_service_the_operators() {
    let change = |settings: &mut dockpass::config::Settings| {
        settings.public_url = Some("https://hub.example.com".into());
        settings.registry_service = "hub.example.com".into();
    };
    let server = TestServer::start_with(change).await;
    let answer = server.anonymous().get("/v2/").await;
    let challenge = "Bearer realm=\"https://hub.example.com/token\",service=\"hub.example.com\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn a_valid_registry_token_is_let_in_for_its_life() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let answer = server.anonymous().token("alice", PASSWORD, &[]).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    for path in PATHS {
        let answer = with_bearer(&server.anonymous(), path, &token).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({})));
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        assert!(answer.headers.get("www-authenticate").is_none());
    }
    server.clock.advance(Duration::seconds(359));
    assert_eq!(with_bearer(&server.anonymous(), "/v2/", &token).await.status, StatusCode::OK, "a minute's leeway");
    server.clock.advance(Duration::SECOND);
    assert_challenged(&server, &with_bearer(&server.anonymous(), "/v2/", &token).await);
}

#[tokio::test]
async fn nothing_else_is_let_in() {
    let server = TestServer::start().await;
    let other = TestServer::start().await;
    other.account("alice").await;
    let alice = server.account_signed_in("alice").await;
    let pat = alice.generate("ci", "repo:admin", "30").await.secret;
    let foreign = other.anonymous().token("alice", PASSWORD, &[]).await.json()["token"].as_str().unwrap().to_owned();
    let own = server.anonymous().token("alice", PASSWORD, &[]).await.json()["token"].as_str().unwrap().to_owned();
    let (head, rest) = own.split_once('.').unwrap();
    let unsigned = format!("{head}.{}.", rest.split('.').next().unwrap());
    let none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJkb2NrcGFzcyJ9.";
    for token in [pat.as_str(), &foreign, &unsigned, none, "", "x", "a.b.c"] {
        assert_challenged(&server, &with_bearer(&server.anonymous(), "/v2/", token).await);
    }
    let authorization = crate::harness::basic("alice", PASSWORD);
    let basic = [("authorization", authorization.to_str().unwrap())];
    assert_challenged(&server, &server.anonymous().get_with("/v2/", &basic).await);
    assert_challenged(&server, &alice.get("/v2/").await);
}

#[tokio::test]
async fn what_is_below_it_is_a_registrys() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let token = server.anonymous().token("alice", PASSWORD, &["repository:alice/app:pull"]).await;
    let token = token.json()["token"].as_str().unwrap().to_owned();
    for path in ["/v2/_catalog", "/v2/alice/app/manifests/latest", "/v2/alice/app/blobs/uploads/"] {
        assert_challenged(&server, &server.anonymous().get(path).await);
        let answer = with_bearer(&server.anonymous(), path, &token).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::NOT_FOUND, "application/json"));
        let message = "this is the token server: no registry is served at this address";
        assert_eq!(answer.json(), json!({"errors": [{"code": "NAME_UNKNOWN", "message": message}]}));
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        let post = server.anonymous().send(Method::POST, path, None, headers(&[])).await;
        assert_challenged(&server, &post);
    }
}
