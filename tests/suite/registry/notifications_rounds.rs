//! `/registry/events`: how much is taken in and settled at once.

use dockpass::registry::notifications;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{
    TestServer,
    events::{SECRET, SKOPEO},
};

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:04}")).collect()
}

/// As the server does once in a round, where it is told of notifications; those here are not.
async fn settle(server: &TestServer) {
    notifications::settle(&server.app.db, server.app.clock.now(), server.app.rng).await.unwrap();
}

#[tokio::test]
async fn a_round_settles_six_hundred_and_leaves_the_others_to_the_next() {
    let server = TestServer::start().await;
    server.unsettled(&ids(700), "pull", "").await;
    settle(&server).await;
    assert_eq!(server.count("unsettled_event").await, 100);
    settle(&server).await;
    assert_eq!(server.count("unsettled_event").await, 0);
}

#[tokio::test]
async fn a_server_that_stops_leaves_them_in_the_database() {
    let mut server = TestServer::told_of_events().await;
    let other = server.beside_with(|config| config.events_secret = None).await;
    server.unsettled(&ids(1), "pull", "").await;
    server.stop().await;
    assert_eq!(other.count("unsettled_event").await, 1);
}

#[tokio::test]
async fn two_hundred_are_taken_in_at_once_and_stay_where_a_later_one_fails() {
    let server = TestServer::told_of_events().await;
    // The last of them cannot be kept.
    server.execute("CREATE UNIQUE INDEX one_of_each ON unsettled_event (moved)").await;
    let tag = |id: &String| if id == "0450" { "0000".to_owned() } else { id.clone() };
    let all: Vec<Value> = ids(451).iter().map(|id| server.event(id, "pull", &tag(id))).collect();
    let body = json!({"events": all}).to_string();
    let answer = server.notify(&format!("Bearer {SECRET}"), body.clone()).await;
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert_eq!((server.count("registry_event").await, server.count("unsettled_event").await), (400, 400));
    server.execute("DROP INDEX one_of_each").await;
    assert_eq!(server.notify(&format!("Bearer {SECRET}"), body).await.status, StatusCode::OK);
    assert_eq!((server.count("registry_event").await, server.count("unsettled_event").await), (451, 451));
}

#[tokio::test]
async fn a_token_that_is_deleted_meanwhile_is_left_out() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:write", "30").await;
    server.ask(SKOPEO, &token.secret, "pull,push").await;
    server.write_uses().await;
    server.times("SELECT COUNT(*) FROM repository", 1).await;
    server.clock.advance(time::Duration::SECOND);
    server.unsettled(&ids(2), "push", "alice").await;
    let deleting = server.writing(&format!("DELETE FROM token WHERE id = '{}'", token.id)).await;
    let (db, now, rng) = (server.app.db.clone(), server.clock.now(), server.app.rng);
    let settling = tokio::spawn(async move { notifications::settle(&db, now, rng).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    deleting.commit().await.unwrap();
    settling.await.unwrap().unwrap();
    assert_eq!((server.count("unsettled_event").await, server.count("token_use").await), (0, 0));
    let pushed = format!("SELECT COUNT(*) FROM repository WHERE pushed_at = {}", now.millis());
    assert_eq!(server.number(&pushed).await, Some(1), "the repository knows its push");
}
