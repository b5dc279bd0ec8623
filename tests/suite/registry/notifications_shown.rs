//! `/registry/events`: what the pages of tokens and repositories show of requests and transfers.

use serde_json::{Value, json};
use time::Duration;

use crate::harness::events::{SKOPEO, by, by_digest};
use crate::harness::{Browser, MadeToken, PASSWORD, TestServer};

const PUSH: &str = "pull,push";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A server that a registry notifies, and alice with a token.
struct Alice {
    server: TestServer,
    browser: Browser,
    token: MadeToken,
}

impl Alice {
    async fn open() -> Self {
        let server = TestServer::with_registry().await;
        let browser = server.account_signed_in("alice").await;
        let token = browser.generate("ci", "repo:admin", "30").await;
        Self { server, browser, token }
    }

    /// Asks so often, a second apart, and has it written.
    async fn ask(&self, actions: &str, times: usize) {
        for _ in 0..times {
            self.server.clock.advance(Duration::SECOND);
            self.server.ask("containerd/2.3.3+unknown", &self.token.secret, actions).await;
        }
        self.server.flush().await;
    }

    async fn tell(&self, event: Value) {
        self.server.tell(json!([by(&self.token, event)])).await;
    }

    async fn uses(&self) -> Vec<String> {
        self.browser.uses_of(&self.token).await
    }
}

async fn shows(reader: &Browser, text: &str) -> bool {
    reader.get("/settings/repositories").await.body.contains(text)
}

#[tokio::test]
async fn a_push_is_shown_once_with_the_registrys_program_and_the_requests_address() {
    let alice = Alice::open().await;
    alice.ask(PUSH, 4).await;
    let asked = ["Asked for push access alice/app containerd 2.3 127.0.0.1 4 requests"];
    assert_eq!(alice.uses().await, asked, "without a notification nothing vanishes");
    alice.server.clock.advance(Duration::SECOND);
    let mut event = alice.server.event("1", "push", "v1");
    event["request"]["useragent"] = json!("docker/29.7.2 go/go1.25 kernel/6.8 os/linux arch/amd64");
    alice.tell(event).await;
    assert_eq!(alice.uses().await, ["Pushed alice/app v1 docker 29.7 on linux 127.0.0.1 1 time"]);
    alice.ask("pull", 1).await;
    assert_eq!(
        alice.uses().await,
        [
            "Asked for pull access alice/app containerd 2.3 127.0.0.1 1 request",
            "Pushed alice/app v1 docker 29.7 on linux 127.0.0.1 1 time"
        ]
    );
}

#[tokio::test]
async fn a_request_is_shown_again_where_no_transfer_follows_within_six_minutes() {
    let alice = Alice::open().await;
    alice.ask("*", 1).await;
    alice.server.clock.advance(Duration::minutes(6) - Duration::MILLISECOND);
    alice.tell(alice.server.event("1", "delete", "v1")).await;
    assert_eq!(alice.uses().await, ["Deleted alice/app v1 skopeo 1.9 127.0.0.1 1 time"]);
    // A registry's clock may lag: within ten seconds it would be the request of the transfer before.
    alice.server.clock.advance(Duration::minutes(1));
    alice.ask("*", 1).await;
    alice.server.clock.advance(Duration::minutes(6));
    alice.tell(alice.server.event("2", "delete", "v2")).await;
    let uses = alice.uses().await;
    assert_eq!(uses[0], "Deleted alice/app v2 skopeo 1.9 1 time", "no request, no address: {uses:?}");
    assert!(uses[1].starts_with("Asked for delete access alice/app"), "{uses:?}");
}

#[tokio::test]
async fn a_request_that_another_server_writes_later_is_hidden_and_gives_its_address() {
    let alice = Alice::open().await;
    let other = alice.server.beside().await;
    other.ask(SKOPEO, &alice.token.secret, PUSH).await;
    alice.tell(alice.server.event("1", "push", "v1")).await;
    other.flush().await;
    assert_eq!(alice.uses().await, ["Pushed alice/app v1 skopeo 1.9 127.0.0.1 1 time"]);
}

#[tokio::test]
async fn a_pull_by_digest_after_a_head_by_tag_shows_the_tag_on_two_servers() {
    let alice = Alice::open().await;
    let other = alice.server.beside().await;
    let head = |id: &str, digest: &str, tag: &str| {
        let mut head = by_digest(digest, alice.server.event(id, "pull", tag));
        head["target"]["tag"] = json!(tag);
        head["request"]["method"] = json!("HEAD");
        by(&alice.token, head)
    };
    let pull = |id: &str, digest: &str| by_digest(digest, alice.server.event(id, "pull", ""));
    other.tell(json!([head("1", "sha256:1", "v1")])).await;
    alice.server.clock.advance(Duration::MINUTE);
    alice.tell(pull("2", "sha256:1")).await;
    alice.tell(pull("3", "sha256:2")).await;
    // Without a token there is no page to show a tag.
    alice.server.tell(json!([pull("4", "sha256:1")])).await;
    assert_eq!(alice.server.transfers().await, ["sha256:2 pull by ci", "v1 pull by ci"]);
    alice.server.clock.advance(Duration::MILLISECOND);
    alice.tell(pull("5", "sha256:1")).await;
    let mut of_another = head("6", "sha256:3", "v3");
    of_another["actor"]["name"] = json!("alice/another");
    alice.server.tell(json!([of_another])).await;
    alice.tell(pull("7", "sha256:3")).await;
    let expected = ["sha256:1 pull by ci", "sha256:2 pull by ci", "sha256:3 pull by ci", "v1 pull by ci"];
    assert_eq!(alice.server.transfers().await, expected);
}

#[tokio::test]
async fn an_index_and_the_manifests_that_were_pushed_for_it_are_one_row() {
    let alice = Alice::open().await;
    alice.ask(PUSH, 1).await;
    for digest in ["sha256:1", "sha256:2", "sha256:3"] {
        alice.server.clock.advance(Duration::minutes(2));
        alice.tell(by_digest(digest, alice.server.event(digest, "push", ""))).await;
    }
    alice.tell(alice.server.event("tagged", "push", "amd64")).await;
    alice.tell(by_digest("sha256:1", alice.server.event("pulled", "pull", ""))).await;
    let mut index = by_digest("sha256:9", alice.server.event("9", "push", ""));
    index["target"]["tag"] = json!("v1");
    index["target"]["mediaType"] = json!(INDEX);
    index["target"]["references"] = json!([
        {"mediaType": MANIFEST, "digest": "sha256:1", "size": 498, "platform": {"os": "linux"}},
        {"mediaType": MANIFEST, "digest": "sha256:2"},
        {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:3"},
        {"digest": 7},
        null,
    ]);
    alice.tell(index).await;
    let expected = ["amd64 push by ci", "sha256:1 pull by ci", "sha256:3 push by ci", "v1 push by ci"];
    assert_eq!(alice.server.transfers().await, expected);
}

#[tokio::test]
async fn hundreds_of_tags_after_one_request_leave_the_request_for_their_address() {
    let alice = Alice::open().await;
    alice.ask(PUSH, 1).await;
    for batch in 0..3 {
        alice.server.clock.advance(Duration::SECOND);
        let event =
            |tag| by(&alice.token, alice.server.event(&format!("{batch}-{tag}"), "push", &format!("{batch}-{tag}")));
        alice.server.tell((0..90).map(event).collect()).await;
    }
    let rows = |what: &str| format!("SELECT COUNT(*) FROM token_use WHERE reference {what} ''");
    assert_eq!(alice.server.number(&rows("=")).await, Some(1));
    assert_eq!(alice.server.number(&rows("<>")).await, Some(100));
    let uses = alice.uses().await;
    assert!(uses.len() == 100 && uses.iter().all(|line| line.contains(" 127.0.0.1 ")), "{uses:?}");
}

#[tokio::test]
async fn the_words_are_chinese_in_chinese() {
    let alice = Alice::open().await;
    alice.ask("pull", 3).await;
    alice.server.clock.advance(Duration::minutes(10));
    alice.tell(alice.server.event("1", "push", "v1")).await;
    let chinese = alice.browser.with_header("accept-language", "zh-CN");
    assert_eq!(
        chinese.uses_of(&alice.token).await,
        ["已推送 alice/app v1 skopeo 1.9 1 次", "请求拉取 alice/app containerd 2.3 127.0.0.1 3 次请求"]
    );
}

#[tokio::test]
async fn the_repository_names_the_token_or_the_password() {
    let alice = Alice::open().await;
    alice.ask(PUSH, 1).await;
    let link = format!("<a href=\"/settings/tokens/{}\">ci</a>", alice.token.id);
    assert!(shows(&alice.browser, &link).await);
    alice.server.clock.advance(Duration::SECOND);
    alice.server.tell(json!([alice.server.event("1", "push", "v1")])).await;
    assert!(shows(&alice.browser, "<span class=\"line\">Password</span>").await);
    alice.server.clock.advance(Duration::SECOND);
    alice.tell(alice.server.event("2", "push", "v2")).await;
    assert!(shows(&alice.browser, &link).await);
}

#[tokio::test]
async fn an_unknown_token_is_shown_to_the_account_and_to_others_only_the_accounts_name() {
    let alice = Alice::open().await;
    alice.server.account("bob").await;
    alice.server.ask(SKOPEO, PASSWORD, PUSH).await;
    alice.server.flush().await;
    let unknown = |id: &str, name: &str| {
        alice.server.clock.advance(Duration::SECOND);
        let mut event = alice.server.event(id, "push", "v1");
        event["actor"]["name"] = json!(format!("{name}/0197c2e4"));
        json!([event])
    };
    // Of the same account, what its request said stays.
    alice.server.tell(unknown("1", "alice")).await;
    assert!(shows(&alice.browser, "<span class=\"line\">Password</span>").await);
    alice.server.tell(unknown("2", "bob")).await;
    assert!(shows(&alice.browser, "<span class=\"line\">bob</span>").await);
    assert_eq!(alice.server.text("SELECT pushed_token_id || '.' || pushed_description FROM repository").await, ".");
    alice.server.tell(unknown("3", "alice")).await;
    assert!(shows(&alice.browser, "<span class=\"line\">unknown token</span>").await);
    let chinese = alice.browser.with_header("accept-language", "zh-CN");
    assert!(shows(&chinese, "<span class=\"line\">未知的令牌</span>").await);
}
