//! `/registry/events`: which notifications count, and for whom.

use reqwest::StatusCode;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::callers::MANY;
use crate::harness::events::{DIGEST, SECRET, SKOPEO, by, by_digest, timestamp};
use crate::harness::{Browser, MadeToken, PASSWORD, TestServer};

const PUSH: &str = "pull,push";

fn authorization() -> String {
    format!("Bearer {SECRET}")
}

/// A server that a registry notifies, alice's browser, and her token "ci push".
async fn with_token() -> (TestServer, Browser, MadeToken) {
    let server = TestServer::with_registry().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:admin", "30").await;
    (server, alice, token)
}

#[tokio::test]
async fn it_is_closed_without_a_secret_and_refuses_a_wrong_one() {
    let closed = TestServer::start().await;
    assert_eq!(closed.notify(&authorization(), "{}").await.status, StatusCode::NOT_FOUND);
    let server = TestServer::with_registry().await;
    for wrong in ["Bearer wrong", "Bearer", "Basic YTpi", ""] {
        let body = json!({"events": [server.event("1", "push", "v1")]}).to_string();
        let answer = server.notify(wrong, body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answer.json()["errors"][0]["code"], "UNAUTHORIZED");
    }
    assert_eq!(server.count("registry_event").await, 0);
}

#[tokio::test]
async fn a_push_counts_at_once_for_the_token_that_the_actor_names_and_only_once() {
    let (server, _, token) = with_token().await;
    server.ask(SKOPEO, &token.secret, PUSH).await;
    for _ in 0..3 {
        server.tell(json!([by(&token, server.event("1", "push", "v1"))])).await;
        assert_eq!(server.transfers().await, ["v1 push by ci push"]);
    }
    assert_eq!(server.number("SELECT times FROM token_use WHERE reference = 'v1'").await, Some(1));
    let known = "SELECT COUNT(*) FROM repository WHERE name = 'alice/app' AND pushed_description = 'ci push'";
    server.flushed(known, 1).await;
}

#[tokio::test]
async fn two_tokens_with_the_same_program_at_the_same_moment_are_told_apart_on_two_servers() {
    let (server, alice, first) = with_token().await;
    let other = server.beside().await;
    let second = alice.next_token(&server, "second", "repo:write").await;
    server.ask(SKOPEO, &first.secret, PUSH).await;
    other.ask(SKOPEO, &second.secret, PUSH).await;
    // Each server is notified of the request that the other one granted.
    let one = other.tell(json!([by(&first, server.event("1", "push", "v1"))]));
    let two = server.tell(json!([by(&second, server.event("2", "push", "v2"))]));
    tokio::join!(one, two);
    assert_eq!(server.transfers().await, ["v1 push by ci push", "v2 push by second"]);
    server.flush().await;
    other.flush().await;
    let line = |tag: &str| [format!("Pushed alice/app {tag} skopeo 1.9 127.0.0.1 1 time")];
    assert_eq!((alice.uses_of(&first).await, alice.uses_of(&second).await), (line("v1").into(), line("v2").into()));
}

#[tokio::test]
async fn the_same_notifications_at_two_servers_at_once_count_once() {
    let (server, _, token) = with_token().await;
    let other = server.beside().await;
    let event = |number: usize| by(&token, server.event(&number.to_string(), "push", "v1"));
    let events: Vec<Value> = (0..MANY).map(event).collect();
    let backwards: Vec<Value> = events.iter().rev().cloned().collect();
    tokio::join!(server.tell(json!(events)), other.tell(json!(backwards)));
    assert_eq!(server.count("registry_event").await, MANY as i64);
    let times = "SELECT CAST(SUM(times) AS BIGINT) FROM token_use WHERE reference = 'v1'";
    assert_eq!(server.number(times).await, Some(MANY as i64));
    assert_eq!(server.count("token_use").await, 1);
}

#[tokio::test]
async fn layers_heads_and_mounts_are_not_counted() {
    let (server, _, token) = with_token().await;
    let mut layer = server.event("1", "pull", "");
    layer["target"]["mediaType"] = json!("application/octet-stream");
    let mut head = server.event("2", "pull", "v1");
    head["request"]["method"] = json!("HEAD");
    let mut elsewhere = server.event("3", "push", "v1");
    elsewhere["target"]["repository"] = json!("alice/../bob");
    let all = [layer, head, elsewhere, server.event("4", "mount", "v1")].map(|event| by(&token, event));
    server.tell(json!(all)).await;
    server.tell(json!([{}])).await;
    assert_eq!((server.count("token_use").await, server.count("registry_event").await), (0, 0));
}

#[tokio::test]
async fn a_plain_name_and_a_foreign_token_count_only_for_the_account() {
    let (server, _, token) = with_token().await;
    server.account("bob").await;
    let bobs = server.signed_in("bob").await.generate("bob's own", "repo:admin", "30").await;
    server.ask(SKOPEO, PASSWORD, PUSH).await;
    server.flush().await;
    let pushed = "SELECT pushed_at || ' ' || COALESCE(pushed_token_id, 'password') FROM repository";
    let actors = [
        ("alice".to_owned(), "password"),
        (format!("alice/{}", bobs.id), "password"),
        ("alice/0197c2e4-7b5d-7c3a-9f00-1234567890ab".to_owned(), "password"),
        ("alice/".to_owned(), "password"),
        (format!("alice/{}", token.id), token.id.as_str()),
        (format!("bob/{}", token.id), ""),
        (format!("nobody-here/{}", token.id), ""),
        (format!("/{}", token.id), ""),
    ];
    for (number, (actor, shown)) in actors.iter().enumerate() {
        server.clock.advance(Duration::SECOND);
        let mut event = server.event(&number.to_string(), "push", "v1");
        event["actor"]["name"] = json!(actor);
        server.tell(json!([event])).await;
        assert_eq!(server.text(pushed).await, format!("{} {shown}", server.clock.now().millis()), "{actor}");
    }
    assert_eq!(server.transfers().await, ["v1 push by ci push"]);
}

#[tokio::test]
async fn what_an_anonymous_client_pulled_counts_for_no_account() {
    let (server, _, token) = with_token().await;
    server.ask(SKOPEO, &token.secret, PUSH).await;
    server.flush().await;
    let mut pull = server.event("1", "pull", "v1");
    pull["actor"] = json!({});
    server.tell(json!([pull])).await;
    assert!(server.transfers().await.is_empty());
    let anonymous = "SELECT COUNT(*) FROM repository WHERE pulled_at IS NOT NULL AND pulled_account_id IS NULL";
    assert_eq!(server.number(anonymous).await, Some(1));
}

#[tokio::test]
async fn a_delete_counts_by_digest_and_by_tag_and_is_no_push() {
    let (server, _, token) = with_token().await;
    let mut of_digest = server.event("1", "delete", "");
    of_digest["target"] = json!({"digest": DIGEST, "repository": "alice/app"});
    let mut of_tag = server.event("2", "delete", "");
    of_tag["target"] = json!({"repository": "alice/app", "tag": "v1", "digest": "", "size": 0});
    server.tell(json!([by(&token, of_digest), by(&token, of_tag)])).await;
    assert_eq!(server.transfers().await, [format!("{DIGEST} delete by ci push"), "v1 delete by ci push".to_owned()]);
    assert_eq!(server.count("repository").await, 0);
}

#[tokio::test]
async fn a_time_in_the_future_is_taken_for_now() {
    let (server, _, token) = with_token().await;
    server.ask(SKOPEO, &token.secret, PUSH).await;
    server.flush().await;
    server.clock.advance(Duration::SECOND);
    let now = server.clock.now();
    let mut event = by(&token, server.event("1", "push", "v1"));
    event["timestamp"] = json!(timestamp(now + Duration::days(400)));
    server.tell(json!([event])).await;
    assert_eq!(server.number("SELECT last_at FROM token_use WHERE reference = 'v1'").await, Some(now.millis()));
    assert_eq!(server.number("SELECT pushed_at FROM repository").await, Some(now.millis()));
}

#[tokio::test]
async fn an_id_is_known_for_a_week() {
    let (server, _, token) = with_token().await;
    server.tell(json!([by(&token, server.event("1", "push", "v1"))])).await;
    server.clock.advance(Duration::days(7));
    server.tidy().await;
    server.tell(json!([by(&token, server.event("1", "push", "v2"))])).await;
    assert_eq!(server.transfers().await, ["v1 push by ci push"]);
    server.clock.advance(Duration::MILLISECOND);
    server.tidy().await;
    assert_eq!(server.count("registry_event").await, 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_skipped_and_does_not_stop_what_follows() {
    let (server, _, token) = with_token().await;
    server.ask(SKOPEO, PASSWORD, PUSH).await;
    server.flush().await;
    for body in ["{}", "[]", "null", "7", "{\"events\": 1}", "{\"events\": null}", "{\"events\": []}"] {
        assert_eq!(server.notify(&authorization(), body).await.status, StatusCode::OK, "{body}");
    }
    let mut numbered = by(&token, server.event("1", "push", "v0"));
    numbered["target"]["tag"] = json!(1);
    let mut listed = server.event("2", "push", "v0");
    listed["actor"] = json!("alice");
    let mut empty = by(&token, server.event("3", "push", ""));
    empty["target"]["tag"] = Value::Null;
    empty["source"] = Value::Null;
    let mut bare = server.event("4", "pull", "v1");
    bare["actor"] = Value::Null;
    let mut odd = by(&token, server.event("5", "push", "v1"));
    odd["target"]["references"] = json!({"digest": [7]});
    let mut zero = server.event("6", "push", "v2");
    zero["actor"]["name"] = json!("ali\0ce");
    server.tell(json!([numbered, 7, null, "event", [], listed, empty, bare, odd, zero])).await;
    assert_eq!(server.transfers().await, [format!("{DIGEST} push by ci push"), "v1 push by ci push".to_owned()]);
    assert_eq!(server.number("SELECT COUNT(*) FROM repository WHERE pulled_at IS NOT NULL").await, Some(1));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_because_it_was_cut_off() {
    let server = TestServer::with_registry().await;
    let whole = json!({"events": [server.event("1", "push", "v1")]}).to_string();
    for body in ["", "events", &whole[..whole.len() - 1]] {
        assert_eq!(server.notify(&authorization(), body.to_owned()).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(server.count("registry_event").await, 0);
}

#[tokio::test]
async fn the_largest_index_is_accepted_with_all_its_references_and_a_longer_body_is_not() {
    let (server, _, token) = with_token().await;
    let reference = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 498,
                           "digest": format!("sha256:{}", "3c".repeat(32))});
    // As many as fit into the 4 MiB that a registry accepts for a manifest.
    let references = vec![reference.clone(); 4 * 1024 * 1024 / reference.to_string().len()];
    let mut event = by(&token, server.event("1", "push", "v1"));
    event["target"]["references"] = json!(references);
    let body = serde_json::to_string_pretty(&json!({"events": [event]})).unwrap();
    assert!(body.len() > 5 * 1024 * 1024, "{}", body.len());
    assert_eq!(server.notify(&authorization(), body).await.status, StatusCode::OK);
    assert_eq!(server.transfers().await, ["v1 push by ci push"]);
    let longer = format!("{{\"events\": [], \"more\": \"{}\"}}", "x".repeat(8 * 1024 * 1024));
    let answer = server.notify(&authorization(), longer).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.body);
}

#[tokio::test]
async fn what_was_removed_stays_removed_until_a_new_grant() {
    let (server, alice, token) = with_token().await;
    server.ask(SKOPEO, &token.secret, PUSH).await;
    server.flush().await;
    let id = server.text("SELECT id FROM repository").await;
    assert_eq!(alice.post(&format!("/settings/repositories/{id}/remove"), &[]).await.status, StatusCode::SEE_OTHER);
    server.tell(json!([by(&token, server.event("1", "push", "v1"))])).await;
    assert_eq!(server.transfers().await, ["v1 push by ci push"]);
    assert_eq!(server.count("repository").await, 0);
    server.ask(SKOPEO, &token.secret, PUSH).await;
    server.flushed("SELECT COUNT(*) FROM repository", 1).await;
}

#[tokio::test]
async fn a_token_that_is_deleted_meanwhile_is_left_out() {
    let (server, _, token) = with_token().await;
    server.ask(SKOPEO, &token.secret, PUSH).await;
    server.flush().await;
    server.clock.advance(Duration::SECOND);
    let deleting = server.writing(&format!("DELETE FROM token WHERE id = '{}'", token.id)).await;
    let events =
        json!([by(&token, server.event("1", "push", "v1")), by_digest("sha256:1", server.event("2", "pull", ""))]);
    let commit = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        deleting.commit().await.unwrap();
    };
    tokio::join!(server.tell(events), commit);
    assert_eq!(server.count("token_use").await, 0);
    let pushed = format!("SELECT COUNT(*) FROM repository WHERE pushed_at = {}", server.clock.now().millis());
    assert_eq!(server.number(&pushed).await, Some(1), "the repository shows its push");
}
