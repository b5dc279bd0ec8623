//! `/registry/events`: with which token something was moved.

use serde_json::json;
use time::Duration;

use crate::harness::{
    Browser, MadeToken, PASSWORD, TestServer,
    events::{SKOPEO, timestamp},
};

const DOCKER: &str = "Docker-Client/28.2.2 (linux)";
const PUSH: &str = "pull,push";

/// A server that is told of events, and two tokens of alice's.
struct RegistryHost {
    server: TestServer,
    alice: Browser,
    writer: MadeToken,
    reader: MadeToken,
}

impl RegistryHost {
    async fn open() -> Self {
        let server = TestServer::told_of_events().await;
        let alice = server.account_signed_in("alice").await;
        let writer = alice.next_token(&server, "writer", "repo:admin").await;
        let reader = alice.next_token(&server, "reader", "repo:read").await;
        Self { server, alice, writer, reader }
    }

    fn pass(&self, seconds: i64) {
        self.server.clock.advance(Duration::seconds(seconds));
    }

    /// Tells of what was just moved; whose it comes to be.
    async fn whose(&self, id: &str, action: &str, tag: &str) -> Vec<String> {
        self.server.tell(json!([self.server.event(id, action, tag)])).await;
        self.server.fields().await;
        self.server.moved().await
    }
}

#[tokio::test]
async fn a_push_is_the_writers_whoever_asked_last() {
    let registry_host = RegistryHost::open().await;
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.pass(2);
    registry_host.server.ask(SKOPEO, &registry_host.reader.secret, "pull").await;
    registry_host.pass(1);
    assert_eq!(registry_host.whose("1", "push", "v1").await, ["v1 push by writer"]);
    registry_host.pass(1);
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.pass(1);
    assert_eq!(registry_host.whose("2", "push", "v2").await, ["v1 push by writer", "v2 push by writer"]);
    let page = registry_host.alice.get(&format!("/settings/tokens/{}", registry_host.writer.id)).await.body;
    assert!(page.contains("<td>Push</td><td class=\"mono\">alice/app</td><td class=\"mono\">v1</td>"), "{page}");
    let page = registry_host.alice.get(&format!("/settings/tokens/{}", registry_host.reader.id)).await.body;
    assert!(!page.contains("<td>Push</td>"), "{page}");
}

#[tokio::test]
async fn a_pull_is_of_the_last_who_asked_for_either() {
    let registry_host = RegistryHost::open().await;
    registry_host.server.ask(SKOPEO, &registry_host.reader.secret, "pull").await;
    registry_host.pass(2);
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.pass(1);
    assert_eq!(registry_host.whose("1", "pull", "v1").await, ["v1 pull by writer"]);
    registry_host.server.ask(SKOPEO, &registry_host.reader.secret, "pull").await;
    registry_host.pass(1);
    assert_eq!(registry_host.whose("2", "pull", "v2").await, ["v1 pull by writer", "v2 pull by reader"]);
    assert_eq!(registry_host.whose("3", "delete", "v2").await.len(), 2, "nobody was granted that");
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, "*").await;
    assert_eq!(registry_host.whose("4", "delete", "v2").await[1..], ["v2 delete by writer", "v2 pull by reader"]);
}

#[tokio::test]
async fn what_is_told_late_is_of_whoever_had_asked_by_then() {
    let registry_host = RegistryHost::open().await;
    let second = registry_host.alice.next_token(&registry_host.server, "second", "repo:write").await;
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.pass(2);
    let late = registry_host.server.event("1", "push", "v1");
    let mut early = registry_host.server.event("0", "push", "v0");
    early["timestamp"] = json!(timestamp(registry_host.server.clock.now() - Duration::minutes(5)));
    registry_host.pass(2);
    registry_host.server.ask(SKOPEO, &second.secret, PUSH).await;
    registry_host.pass(30 * 60);
    registry_host.server.ask(SKOPEO, &second.secret, PUSH).await;
    registry_host.server.tell(json!([late, early])).await;
    registry_host.server.fields().await;
    assert_eq!(registry_host.server.moved().await, ["v1 push by writer"], "and before anyone asked it was nobody's");
    assert_eq!(registry_host.whose("2", "push", "v1").await, ["v1 push by second", "v1 push by writer"]);
}

#[tokio::test]
async fn of_two_that_asked_the_one_with_the_same_program_moved_it() {
    let registry_host = RegistryHost::open().await;
    let second = registry_host.alice.next_token(&registry_host.server, "second", "repo:write").await;
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    // Within a second either would be as likely for a program that nobody asked with.
    registry_host.pass(2);
    registry_host.server.ask(DOCKER, &second.secret, PUSH).await;
    registry_host.pass(1);
    assert_eq!(registry_host.whose("1", "push", "v1").await, ["v1 push by writer"]);
    let mut unknown = registry_host.server.event("2", "push", "v2");
    unknown["request"]["useragent"] = json!("something else");
    registry_host.server.tell(json!([unknown])).await;
    registry_host.server.fields().await;
    assert_eq!(registry_host.server.moved().await, ["v1 push by writer", "v2 push by second"]);
}

#[tokio::test]
async fn what_was_moved_with_the_password_is_no_tokens() {
    let registry_host = RegistryHost::open().await;
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.pass(3);
    registry_host.server.ask(SKOPEO, PASSWORD, PUSH).await;
    registry_host.pass(1);
    let late = registry_host.server.event("2", "push", "v2");
    assert!(registry_host.whose("1", "push", "v1").await.is_empty());
    let nobodys = "SELECT COUNT(*) FROM repository WHERE pushed_account_id IS NOT NULL AND pushed_token_id IS NULL";
    assert_eq!(registry_host.server.number(nobodys).await, Some(1));
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.pass(1);
    assert_eq!(registry_host.whose("3", "push", "v3").await, ["v3 push by writer"]);
    registry_host.pass(30 * 60);
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.server.tell(json!([late])).await;
    registry_host.server.fields().await;
    assert_eq!(registry_host.server.moved().await, ["v3 push by writer"], "remembered when it is told late");
}

#[tokio::test]
async fn a_grant_that_another_server_has_not_written_yet_is_waited_for() {
    let registry_host = RegistryHost::open().await;
    let other = registry_host.server.beside().await;
    let second = registry_host.alice.next_token(&registry_host.server, "second", "repo:write").await;
    registry_host.server.ask(SKOPEO, &second.secret, PUSH).await;
    registry_host.server.write_uses().await;
    registry_host.pass(60);
    // Both are told of what was granted by the other, at once.
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    other.tell(json!([registry_host.server.event("1", "push", "v1")])).await;
    other.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    registry_host.server.tell(json!([registry_host.server.event("2", "push", "v2")])).await;
    // Only the two servers write, and each what it was asked.
    let asked = "SELECT CAST(SUM(times) AS BIGINT) FROM token_use WHERE moved = ''";
    registry_host.server.times(asked, 3).await;
    registry_host.server.fields().await;
    assert_eq!(registry_host.server.moved().await, ["v1 push by writer", "v2 push by writer"]);
}

#[tokio::test]
async fn a_grant_whose_note_is_just_being_written_is_waited_for() {
    let registry_host = RegistryHost::open().await;
    // A writer that took its notes and has not committed yet. The server's own may come before it.
    let mut taken = registry_host.server.app.token_uses.take();
    while taken.is_empty() {
        registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
        taken = registry_host.server.app.token_uses.take();
    }
    registry_host.server.tell(json!([registry_host.server.event("1", "push", "v1")])).await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(registry_host.server.count("unsettled_event").await, 1, "the server's writer has come by, and left it");
    for (key, span) in taken {
        registry_host.server.app.token_uses.note(key, span, |known, other| known.and(other));
    }
    registry_host.server.fields().await;
    assert_eq!(registry_host.server.moved().await, ["v1 push by writer"]);
}

#[tokio::test]
async fn hundreds_of_tags_of_one_grant_all_stand_with_its_token() {
    let registry_host = RegistryHost::open().await;
    registry_host.server.ask(SKOPEO, &registry_host.writer.secret, PUSH).await;
    for batch in 0..3 {
        registry_host.pass(1);
        let tags =
            (0..90).map(|tag| registry_host.server.event(&format!("{batch}-{tag}"), "push", &format!("{batch}-{tag}")));
        registry_host.server.tell(tags.collect()).await;
        registry_host.server.fields().await;
        let newest = format!("SELECT COUNT(*) FROM token_use WHERE moved LIKE '{batch}-%'");
        assert_eq!(registry_host.server.number(&newest).await, Some(90));
    }
    let rows = |what: &str| format!("SELECT COUNT(*) FROM token_use WHERE moved {what} ''");
    assert_eq!(registry_host.server.number(&rows("=")).await, Some(1), "the row that says whose they are");
    assert_eq!(registry_host.server.number(&rows("<>")).await, Some(100));
    let page = registry_host.alice.get(&format!("/settings/tokens/{}", registry_host.writer.id)).await.body;
    assert_eq!(page.matches("<td>Push</td>").count(), 100, "the latest hundred of both");
}
