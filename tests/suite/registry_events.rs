//! `/registry/events`: notifications of what was really moved.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, TestServer, callers::headers};

const SECRET: &str = "a secret between two programs";
const SHOWN: &str = "Bearer a-secret-between-two-programs";

async fn open() -> TestServer {
    TestServer::start_with(|settings| {
        std::fs::create_dir_all(&settings.data).unwrap();
        let file = settings.data.join("events.secret");
        std::fs::write(&file, SECRET.replace(' ', "-") + "\n").unwrap();
        settings.events_secret_file = Some(file);
    })
    .await
}

fn event(id: &str, action: &str, method: &str, tag: &str) -> Value {
    json!({
        "id": id, "timestamp": "2026-11-23T19:10:14.597042568Z", "action": action,
        "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 498, "digest": "sha256:3c66",
                   "repository": "alice/app", "tag": tag},
        "request": {"id": "cf34", "addr": "127.0.0.1:56092", "method": method, "useragent": "skopeo/1.9.3"},
        "actor": {"name": "alice"}, "source": {"addr": "vm:5101"},
    })
}

async fn send(server: &TestServer, authorization: &str, body: &str) -> Answer {
    let client = reqwest::Client::new();
    let request = client.request(Method::POST, server.url("/registry/events")).body(body.to_owned());
    let response = request.headers(headers(&[("authorization", authorization)])).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.text().await.unwrap() }
}

async fn send_events(server: &TestServer, events: Value) -> StatusCode {
    send(server, SHOWN, &json!({"events": events}).to_string()).await.status
}

async fn moved(server: &TestServer) -> Option<i64> {
    server.number("SELECT COUNT(*) FROM token_use WHERE moved <> ''").await
}

#[tokio::test]
async fn it_is_closed_where_no_secret_is_set_and_to_whoever_does_not_know_it() {
    let closed = TestServer::start().await;
    assert_eq!(send(&closed, SHOWN, "{}").await.status, StatusCode::NOT_FOUND);
    let server = open().await;
    for wrong in ["Bearer wrong", "Bearer", "Basic YTpi", ""] {
        let answer = send(&server, wrong, &json!({"events": [event("1", "push", "PUT", "v1")]}).to_string()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answer.json()["errors"][0]["code"], "UNAUTHORIZED");
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM registry_event").await, Some(0));
    for body in ["", "{}", "[]", "{\"events\": 1}"] {
        assert_eq!(send(&server, SHOWN, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn what_was_moved_stands_with_the_token_that_was_granted_it_once_however_often_it_is_told() {
    let server = open().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:write", "30").await;
    server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
    for _ in 0..3 {
        assert_eq!(send_events(&server, json!([event("1", "push", "PUT", "v1")])).await, StatusCode::OK);
    }
    assert_eq!(moved(&server).await, Some(1));
    let of_token = "SELECT COUNT(*) FROM token_use JOIN token ON token.id = token_use.token_id
                    WHERE moved = 'v1' AND action = 'push' AND times = 1 AND token.description = 'ci push'";
    assert_eq!(server.number(of_token).await, Some(1));
    let known = "SELECT COUNT(*) FROM repository WHERE name = 'alice/app' AND pushed_description = 'ci push'";
    assert_eq!(server.number(known).await, Some(1), "known from its first push on");
}

#[tokio::test]
async fn layers_and_questions_are_not_counted() {
    let server = open().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:write", "30").await;
    server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
    let mut layer = event("1", "pull", "GET", "");
    layer["target"]["mediaType"] = json!("application/octet-stream");
    let mut elsewhere = event("3", "push", "PUT", "v1");
    elsewhere["target"]["repository"] = json!("alice/../bob");
    let events = json!([layer, event("2", "pull", "HEAD", "v1"), elsewhere, event("4", "mount", "POST", "v1"), {}]);
    assert_eq!(send_events(&server, events).await, StatusCode::OK);
    assert_eq!(moved(&server).await, Some(0));
}

#[tokio::test]
async fn an_account_that_asked_for_nothing_gets_no_use_but_the_repository_knows_its_push() {
    let server = open().await;
    server.account("alice").await;
    assert_eq!(send_events(&server, json!([event("1", "push", "PUT", "v1")])).await, StatusCode::OK);
    assert_eq!(moved(&server).await, Some(0));
    assert_eq!(server.number("SELECT COUNT(*) FROM repository WHERE pushed_at IS NOT NULL").await, Some(1));
}
