//! `/token`: which of the requested actions are granted.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::callers::headers;
use crate::harness::{Answer, PASSWORD, TestServer, basic, claims};

/// The `access` claim of a registry token.
fn access(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    claims(answer.json()["token"].as_str().unwrap())["access"].clone()
}

fn repository(name: &str, actions: &[&str]) -> Value {
    json!({"type": "repository", "name": name, "actions": actions})
}

#[tokio::test]
async fn a_token_gets_what_its_level_allows_on_its_own_namespace() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let cases = [
        ("repo:public_read", vec![]),
        ("repo:read", vec!["pull"]),
        ("repo:write", vec!["pull", "push"]),
        ("repo:admin", vec!["pull", "push", "delete"]),
    ];
    for (level, actions) in cases {
        let token = alice.generate(level, level, "30").await;
        let scopes = ["repository:alice/app:pull,*", "repository:bob/app:pull"];
        let answer = server.anonymous().token("alice", &token.secret, &scopes).await;
        let expected = if actions.is_empty() { json!([]) } else { json!([repository("alice/app", &actions)]) };
        assert_eq!(access(&answer), expected, "{level}");
    }
}

#[tokio::test]
async fn the_answer_has_a_token_and_its_life_and_nothing_else() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let answer = server.anonymous().token("alice", PASSWORD, &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.headers.get("set-cookie").is_none());
    let body = answer.json();
    assert_eq!((&body["token"], &body["expires_in"]), (&body["access_token"], &json!(300)));
    let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["access_token", "expires_in", "token"], "no issued_at, no refresh_token");
}

#[tokio::test]
async fn the_password_opens_everything_of_the_account() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let scopes = ["repository:alice/app:pull,push,delete"];
    for name in ["alice", "Alice"] {
        let answer = server.anonymous().token(name, PASSWORD, &scopes).await;
        assert_eq!(access(&answer), json!([repository("alice/app", &["pull", "push", "delete"])]));
        assert_eq!(claims(answer.json()["token"].as_str().unwrap())["sub"], "alice");
    }
}

#[tokio::test]
async fn scopes_are_read_in_every_way_that_clients_send_them() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let (a, b) = (repository("alice/a", &["pull"]), repository("alice/b", &["pull", "push"]));
    let cases = [
        ("service=dockpass", json!([])),
        ("", json!([])),
        ("scope=", json!([])),
        ("scope=&scope=", json!([])),
        ("scope=nonsense", json!([])),
        ("scope=nonsense&scope=repository:alice/a:pull", json!([a])),
        ("scope=repository:alice/a:pull", json!([a])),
        ("scope=repository%3Aalice%2Fa%3Apull", json!([a])),
        ("scope=repository:alice/a:pull&scope=repository:alice/b:pull,push", json!([a, b])),
        ("scope=repository:alice/a:pull+repository:alice/b:pull,push", json!([a, b])),
        ("scope=repository:alice/a:pull%20repository:alice/b:push,pull&client_id=docker", json!([a, b])),
        ("scope=repository(plugin):alice/a:pull", json!([a])),
        ("scope=repository:alice/b:pull&scope=repository:alice/b:push", json!([b])),
        ("scope=repository:alice/b:push", json!([b])),
        ("scope=repository:alice/a:*", json!([repository("alice/a", &["pull", "push", "delete"])])),
        ("scope=repository:alice/a:pull,fly", json!([a])),
        ("scope=repository:alice/a:", json!([])),
        ("scope=repository:alice/team/deep/a:pull", json!([repository("alice/team/deep/a", &["pull"])])),
        ("scope=repository:hub.example.com:5000/a:pull", json!([])),
        ("offline_token=true&scope=repository:alice/a:pull", json!([a])),
    ];
    let authorization = basic("alice", PASSWORD);
    for (query, expected) in cases {
        let header = [("authorization", authorization.to_str().unwrap())];
        let answer = server.anonymous().get_with(&format!("/token?{query}"), &header).await;
        assert_eq!(access(&answer), expected, "{query}");
    }
}

#[tokio::test]
async fn other_namespaces_and_other_resources_are_closed() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let token = server.account_signed_in("alice").await.generate("all", "repo:admin", "30").await;
    for scope in [
        "repository:bob/app:pull",
        "repository:library/app:pull",
        "repository:app:pull",
        "repository:alice:pull",
        "repository:alice/:pull",
        "repository:alicetoo/app:pull",
        "repository:Alice/app:pull",
        "repository:bob/alice/app:pull",
        "registry:catalog:*",
        "registry:alice/app:pull",
        "user:alice/app:pull",
    ] {
        let answer = server.anonymous().token("alice", &token.secret, &[scope]).await;
        assert_eq!(access(&answer), json!([]), "{scope}");
    }
}

#[tokio::test]
async fn one_closed_repository_does_not_fail_the_others() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let token = server.account_signed_in("alice").await.generate("push", "repo:write", "30").await;
    let scopes = ["repository:alice/app:pull,push", "repository:bob/base:pull"];
    let answer = server.anonymous().token("alice", &token.secret, &scopes).await;
    assert_eq!(access(&answer), json!([repository("alice/app", &["pull", "push"])]), "a mount from elsewhere");
}

#[tokio::test]
async fn a_caller_without_credentials_gets_the_empty_set() {
    let server = TestServer::start().await;
    server.account("alice").await;
    for query in ["", "?service=dockpass&scope=repository:alice/app:pull", "?account=alice&scope=repository:alice/a:*"]
    {
        let answer = server.anonymous().get(&format!("/token{query}")).await;
        assert_eq!(access(&answer), json!([]));
        assert_eq!(claims(answer.json()["token"].as_str().unwrap())["sub"], "");
    }
}

#[tokio::test]
async fn the_account_in_the_query_is_no_more_than_a_hint() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:read", "30").await;
    let authorization = basic("alice", &token.secret);
    let answer = server
        .anonymous()
        .send(
            reqwest::Method::GET,
            "/token?account=bob&scope=repository:bob/app:pull&scope=repository:alice/app:pull",
            None,
            headers(&[("authorization", authorization.to_str().unwrap())]),
        )
        .await;
    assert_eq!(access(&answer), json!([repository("alice/app", &["pull"])]));
}

#[tokio::test]
async fn a_change_of_level_holds_from_the_next_request_on() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:admin", "30").await;
    let form = [("description", "ci"), ("permission", "repo:read")];
    alice.post(&format!("/settings/tokens/{}", token.id), &form).await;
    let answer = server.anonymous().token("alice", &token.secret, &["repository:alice/app:*"]).await;
    assert_eq!(access(&answer), json!([repository("alice/app", &["pull"])]));
}

#[tokio::test]
async fn another_method_is_refused_in_a_sentence() {
    let server = TestServer::start().await;
    for method in ["PUT", "DELETE", "PATCH"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = server.anonymous().send(method, "/token", None, headers(&[])).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!((answer.header("allow"), answer.header("content-type")), ("GET,HEAD,POST", "application/json"));
        let message = "there is no such method here: the header Allow names those";
        assert_eq!(answer.json(), json!({"errors": [{"code": "UNSUPPORTED", "message": message}]}));
    }
}
