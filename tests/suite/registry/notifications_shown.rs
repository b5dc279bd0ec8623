//! `/registry/events`: what the repositories' page says of what was moved.

use serde_json::json;
use time::Duration;

use crate::harness::{Browser, PASSWORD, TestServer, events::SKOPEO};

const PUSH: &str = "pull,push";

async fn shows(reader: &Browser, text: &str) -> bool {
    reader.get("/settings/repositories").await.body.contains(text)
}

#[tokio::test]
async fn of_two_tokens_that_asked_at_once_neither_moved_it_and_the_one_that_asked_last_stays_named() {
    let server = TestServer::told_of_events().await;
    let alice = server.account_signed_in("alice").await;
    let first = alice.next_token(&server, "first", "repo:write").await;
    let second = alice.next_token(&server, "second", "repo:write").await;
    server.ask(SKOPEO, &first.secret, PUSH).await;
    server.clock.advance(Duration::milliseconds(500));
    server.ask(SKOPEO, &second.secret, PUSH).await;
    server.clock.advance(Duration::SECOND);
    let moved_at = server.clock.now().millis();
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    assert!(server.moved().await.is_empty(), "{:?}", server.moved().await);
    assert_eq!(server.number("SELECT pushed_at FROM repository").await, Some(moved_at));
    let link = format!("<a href=\"/settings/tokens/{}\">second</a>", second.id);
    assert!(shows(&alice, &link).await, "{:?}", server.rows("repository").await);
}

#[tokio::test]
async fn what_nobody_can_tell_is_said_to_the_account_and_of_another_its_name_alone() {
    let server = TestServer::told_of_events().await;
    let alice = server.account_signed_in("alice").await;
    server.account("bob").await;
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    assert!(shows(&alice, "<span class=\"line\">unknown token</span>").await);
    assert!(!shows(&alice, "<span class=\"line\">password</span>").await);
    let in_chinese = alice.with_header("accept-language", "zh-CN");
    assert!(shows(&in_chinese, "<span class=\"line\">未知的令牌</span>").await);

    // Bob's push says nothing of what was noted of alice's, whichever that was.
    server.ask(SKOPEO, PASSWORD, PUSH).await;
    server.times("SELECT COUNT(*) FROM repository WHERE pushed_token_id IS NULL", 1).await;
    server.clock.advance(Duration::SECOND);
    let mut bobs = server.event("2", "push", "v2");
    bobs["actor"]["name"] = json!("bob");
    server.tell(json!([bobs])).await;
    server.fields().await;
    assert!(shows(&in_chinese, "<span class=\"line\">bob</span>").await);
    assert_eq!(server.text("SELECT pushed_token_id || '.' || pushed_description FROM repository").await, ".");
}

#[tokio::test]
async fn what_only_the_password_was_granted_was_moved_with_it() {
    let server = TestServer::told_of_events().await;
    let alice = server.account_signed_in("alice").await;
    // Something that nobody can tell, first: the password's push is no more of that.
    server.tell(json!([server.event("1", "push", "v1")])).await;
    server.fields().await;
    server.ask(SKOPEO, PASSWORD, PUSH).await;
    server.clock.advance(Duration::SECOND);
    server.tell(json!([server.event("2", "push", "v2")])).await;
    server.fields().await;
    assert!(shows(&alice, "<span class=\"line\">password</span>").await, "{:?}", server.rows("repository").await);
}
