//! `/registry/events`: notifications of what was really moved.

use dockpass::registry::notifications;
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::{
    TestServer,
    callers::MANY,
    events::{SECRET, SKOPEO, timestamp},
};

const PUSH: &str = "pull,push";

fn shown() -> String {
    format!("Bearer {SECRET}")
}

async fn moved(server: &TestServer) -> Option<i64> {
    server.number("SELECT COUNT(*) FROM token_use WHERE moved <> ''").await
}

/// A server that is told of events, and the secret of alice's token "ci push".
async fn with_token() -> (TestServer, String) {
    let server = TestServer::told_of_events().await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:admin", "30").await;
    (server, token.secret)
}

#[tokio::test]
async fn it_is_closed_where_no_secret_is_set_and_to_whoever_does_not_know_it() {
    let closed = TestServer::start().await;
    assert_eq!(closed.notify(&shown(), "{}").await.status, StatusCode::NOT_FOUND);
    let server = TestServer::told_of_events().await;
    for wrong in ["Bearer wrong", "Bearer", "Basic YTpi", ""] {
        let body = json!({"events": [server.event("1", "push", "v1")]}).to_string();
        let answer = server.notify(wrong, body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answer.json()["errors"][0]["code"], "UNAUTHORIZED");
    }
    assert_eq!(server.count("registry_event").await, 0);
}

#[tokio::test]
async fn what_was_moved_stands_with_the_token_that_was_granted_it_once_however_often_it_is_told() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    for _ in 0..3 {
        server.tell(json!([server.event("1", "push", "v1")])).await;
    }
    server.fields().await;
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    assert_eq!(server.moved().await, ["v1 push by ci push"]);
    assert_eq!(server.number("SELECT times FROM token_use WHERE moved = 'v1'").await, Some(1));
    let known = "SELECT COUNT(*) FROM repository WHERE name = 'alice/app' AND pushed_description = 'ci push'";
    assert_eq!(server.number(known).await, Some(1), "known from its first push on");
}

#[tokio::test]
async fn of_two_servers_that_are_told_the_same_at_once_one_takes_it() {
    let (server, secret) = with_token().await;
    let other = server.beside().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    let events: Vec<Value> = (0..MANY).map(|number| server.event(&number.to_string(), "push", "v1")).collect();
    let backwards: Vec<Value> = events.iter().rev().cloned().collect();
    let (at_one, at_other) = (server.tell(json!(events)), other.tell(json!(backwards)));
    tokio::join!(at_one, at_other);
    assert_eq!(server.count("registry_event").await, MANY as i64);
    server.fields().await;
    let times = "SELECT CAST(SUM(times) AS BIGINT) FROM token_use WHERE moved = 'v1'";
    assert_eq!((server.number(times).await, moved(&server).await), (Some(MANY as i64), Some(1)));
}

#[tokio::test]
async fn layers_and_questions_are_not_counted() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    let mut layer = server.event("1", "pull", "");
    layer["target"]["mediaType"] = json!("application/octet-stream");
    let mut question = server.event("2", "pull", "v1");
    question["request"]["method"] = json!("HEAD");
    let mut elsewhere = server.event("3", "push", "v1");
    elsewhere["target"]["repository"] = json!("alice/../bob");
    server.tell(json!([layer, question, elsewhere, server.event("4", "mount", "v1"), {}])).await;
    server.fields().await;
    assert_eq!((moved(&server).await, server.count("registry_event").await), (Some(0), 0));
}

#[tokio::test]
async fn an_account_that_asked_for_nothing_gets_no_use_but_the_repository_knows_its_push() {
    let server = TestServer::told_of_events().await;
    server.account("alice").await;
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    assert_eq!(moved(&server).await, Some(0));
    assert_eq!(server.number("SELECT COUNT(*) FROM repository WHERE pushed_at IS NOT NULL").await, Some(1));
}

#[tokio::test]
async fn a_delete_stands_with_its_token_by_digest_and_by_tag_and_is_no_push() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, "*").await;
    let mut of_digest = server.event("1", "delete", "");
    of_digest["target"] = json!({"digest": "sha256:3c66", "repository": "alice/app"});
    let mut of_tag = server.event("2", "delete", "");
    of_tag["target"] = json!({"repository": "alice/app", "tag": "v1", "digest": "", "size": 0});
    server.tell(json!([of_digest, of_tag])).await;
    server.fields().await;
    assert_eq!(server.moved().await, ["sha256:3c66 delete by ci push", "v1 delete by ci push"]);
    assert_eq!(server.count("repository").await, 0);
}

#[tokio::test]
async fn what_nobody_pulled_is_no_accounts() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    server.clock.advance(Duration::SECOND);
    let mut pull = server.event("2", "pull", "v1");
    pull["actor"] = json!({});
    server.tell(json!([pull])).await;
    server.fields().await;
    assert_eq!(server.moved().await, ["v1 push by ci push"]);
    let nobodys = "SELECT COUNT(*) FROM repository WHERE pulled_at IS NOT NULL AND pulled_account_id IS NULL";
    assert_eq!(server.number(nobodys).await, Some(1));
}

#[tokio::test]
async fn what_comes_from_the_future_happened_now() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    let now = server.clock.now();
    let mut event = server.event("1", "push", "v1");
    event["timestamp"] = json!(timestamp(now + Duration::days(400)));
    server.tell(json!([event])).await;
    server.fields().await;
    assert_eq!(server.number("SELECT last_at FROM token_use WHERE moved = 'v1'").await, Some(now.millis()));
    assert_eq!(server.number("SELECT pushed_at FROM repository").await, Some(now.millis()));
}

#[tokio::test]
async fn an_id_is_known_for_a_week() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    let forget = async || {
        let mut tx = server.app.db.write().await.unwrap();
        notifications::forget_old(&mut tx, server.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        server.count("registry_event").await
    };
    server.clock.advance(Duration::days(7) - Duration::seconds(5));
    assert_eq!(forget().await, 1);
    server.tell(json!([server.event("1", "push", "v1")])).await;
    assert_eq!(server.count("unsettled_event").await, 0, "still known");
    server.clock.advance(Duration::MILLISECOND);
    assert_eq!(forget().await, 0);
}

#[tokio::test]
async fn what_is_not_understood_is_passed_over_and_does_not_stop_what_follows() {
    let (server, secret) = with_token().await;
    server.ask(SKOPEO, &secret, PUSH).await;
    for body in ["{}", "[]", "null", "7", "{\"events\": 1}", "{\"events\": null}", "{\"events\": []}"] {
        assert_eq!(server.notify(&shown(), body).await.status, StatusCode::OK, "{body}");
    }
    let mut numbered = server.event("1", "push", "v0");
    numbered["target"]["tag"] = json!(1);
    let mut listed = server.event("2", "push", "v0");
    listed["actor"] = json!("alice");
    let mut empty = server.event("3", "push", "");
    empty["target"]["tag"] = Value::Null;
    empty["source"] = Value::Null;
    server.clock.advance(Duration::SECOND);
    let mut bare = server.event("4", "pull", "v1");
    bare["actor"] = Value::Null;
    let good = server.event("5", "push", "v1");
    server.tell(json!([numbered, 7, null, "event", [], listed, empty, bare, good])).await;
    server.fields().await;
    assert_eq!(server.moved().await, ["sha256:3c66 push by ci push", "v1 push by ci push"]);
    assert_eq!(server.number("SELECT COUNT(*) FROM repository WHERE pulled_at IS NOT NULL").await, Some(1));
}

#[tokio::test]
async fn what_is_no_json_is_refused_for_it_was_cut_off_and_comes_again() {
    let server = TestServer::told_of_events().await;
    let whole = json!({"events": [server.event("1", "push", "v1")]}).to_string();
    for body in ["", "events", &whole[..whole.len() - 1]] {
        assert_eq!(server.notify(&shown(), body.to_owned()).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(server.count("registry_event").await, 0);
}

#[tokio::test]
async fn the_largest_index_is_taken_with_all_its_references_and_what_no_registry_sends_is_not() {
    let server = TestServer::told_of_events().await;
    server.account("alice").await;
    let reference = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 498,
                           "digest": format!("sha256:{}", "3c".repeat(32))});
    // As many as fit into the 4 MiB that a registry takes for a manifest.
    let references = vec![reference.clone(); 4 * 1024 * 1024 / reference.to_string().len()];
    let mut event = server.event("1", "push", "v1");
    event["target"]["references"] = json!(references);
    let body = serde_json::to_string_pretty(&json!({"events": [event]})).unwrap();
    assert!(body.len() > 5 * 1024 * 1024, "{}", body.len());
    assert_eq!(server.notify(&shown(), body).await.status, StatusCode::OK);
    assert_eq!(server.count("registry_event").await, 1);
    let longer = format!("{{\"events\": [], \"more\": \"{}\"}}", "x".repeat(8 * 1024 * 1024));
    let answer = server.notify(&shown(), longer).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.body);
}

#[tokio::test]
async fn what_was_removed_before_the_registry_told_of_its_push_stays_removed() {
    let server = TestServer::told_of_events().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:write", "30").await;
    server.ask(SKOPEO, &token.secret, "pull,push").await;
    server.times("SELECT COUNT(*) FROM repository", 1).await;
    server.tell(json!([server.event("1", "push", "v1")])).await;
    let id = server.text("SELECT id FROM repository").await;
    assert_eq!(alice.post(&format!("/settings/repositories/{id}/remove"), &[]).await.status, StatusCode::SEE_OTHER);
    server.fields().await;
    assert_eq!(server.moved().await, ["v1 push by ci"]);
    assert_eq!(server.count("repository").await, 0);
}
