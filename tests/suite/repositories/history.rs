//! `/settings/repositories/{id}`: what a repository is, and who pushed what.

use reqwest::StatusCode;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::events::{by, by_digest};
use crate::harness::{Browser, MadeToken, TestServer};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// alice with `alice/app`, which her token may push.
struct Alice {
    server: TestServer,
    browser: Browser,
    token: MadeToken,
    address: String,
}

impl Alice {
    async fn open() -> Self {
        let server = TestServer::with_registry().await;
        let browser = server.account_signed_in("alice").await;
        let token = browser.generate("ci", "repo:admin", "30").await;
        browser.post("/settings/repositories/new", &[("name", "alice/app")]).await;
        let id = server.text("SELECT id FROM repository").await;
        Self { server, browser, token, address: format!("/settings/repositories/{id}") }
    }

    async fn tell(&self, events: Value) {
        self.server.clock.advance(Duration::SECOND);
        self.server.tell(events).await;
    }
}

/// The rows of the history without times and tags: "Pushed v1 sha256:3c66 ci skopeo 1.9".
async fn history(reader: &Browser, address: &str) -> Vec<String> {
    let page = reader.get(address).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"), "{}", page.body);
    let Some((_, table)) = page.body.split_once("<tbody") else { return Vec::new() };
    let texts = |row: &str| {
        let parts = row.split_once("class=\"what\"").unwrap().1.split('<');
        let bare: Vec<&str> = parts.map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        bare.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    table.split("</tbody>").next().unwrap().split("<tr ").skip(1).map(texts).collect()
}

#[tokio::test]
async fn it_says_who_pushed_and_deleted_what_newest_first() {
    let alice = Alice::open().await;
    assert!(
        alice.browser.get("/settings/repositories").await.body.contains(&format!("<a href=\"{}\">", alice.address))
    );
    assert_eq!(history(&alice.browser, &alice.address).await, [""; 0]);
    let page = alice.browser.get(&alice.address).await.body;
    assert!(page.contains("Nothing was pushed or deleted in the last 90 days."), "{page}");
    let pull = format!("docker pull {}/alice/app", alice.server.app.urls.registry_host);
    assert!(page.contains(&format!("{pull}</code>")), "no tag is known: {page}");
    let event = |id: &str, action: &str, tag: &str| alice.server.event(id, action, tag);
    alice.tell(json!([by(&alice.token, event("1", "push", "v1"))])).await;
    alice.tell(json!([event("2", "push", "v2")])).await;
    alice.tell(json!([by(&alice.token, event("3", "pull", "v1"))])).await;
    let deleted = by(&alice.token, by_digest("sha256:77", event("4", "delete", "")));
    alice.tell(json!([deleted, deleted])).await;
    alice.tell(json!([deleted])).await;
    let expected = [
        "Deleted sha256:77 ci skopeo 1.9",
        "Pushed v2 sha256:3c66 Password skopeo 1.9",
        "Pushed v1 sha256:3c66 ci skopeo 1.9",
    ];
    assert_eq!(history(&alice.browser, &alice.address).await, expected, "each notification counts once");
    let page = alice.browser.get(&alice.address).await.body;
    assert!(page.contains(&format!("<a href=\"/settings/tokens/{}\">ci</a>", alice.token.id)), "{page}");
    assert!(page.contains("title=\"sha256:3c66\"") && page.contains(&format!("{pull}:v2</code>")), "{page}");
    let mut deleted = event("5", "delete", "v2");
    deleted["target"]["digest"] = json!("");
    alice.tell(json!([deleted])).await;
    assert!(alice.browser.get(&alice.address).await.body.contains(&format!("{pull}:v1</code>")));
    alice.tell(json!([by_digest("sha256:3c66", event("6", "delete", ""))])).await;
    assert!(alice.browser.get(&alice.address).await.body.contains(&format!("{pull}</code>")));
    let chinese = alice.browser.with_header("accept-language", "zh-CN");
    assert_eq!(history(&chinese, &alice.address).await[3], "已推送 v2 sha256:3c66 密码登录 skopeo 1.9");
}

#[tokio::test]
async fn a_tag_that_moved_before_it_was_deleted_is_not_the_newest() {
    let alice = Alice::open().await;
    let event = |id: &str, action: &str, tag: &str| alice.server.event(id, action, tag);
    alice.tell(json!([event("1", "push", "v1")])).await;
    for digest in ["sha256:a", "sha256:b"] {
        let mut pushed = by_digest(digest, event(digest, "push", ""));
        pushed["target"]["tag"] = json!("v2");
        alice.tell(json!([pushed])).await;
    }
    let page = alice.browser.get(&alice.address).await.body;
    assert!(page.contains("/alice/app:v2</code>"), "{page}");
    alice.tell(json!([by_digest("sha256:b", event("4", "delete", ""))])).await;
    let page = alice.browser.get(&alice.address).await.body;
    assert!(page.contains("/alice/app:v1</code>"), "{page}");
}

#[tokio::test]
async fn an_index_and_the_manifests_pushed_for_it_are_one_entry() {
    let alice = Alice::open().await;
    alice.server.account("bob").await;
    let mut of_bob = by_digest("sha256:1", alice.server.event("0", "push", ""));
    of_bob["actor"]["name"] = json!("bob");
    alice.tell(json!([of_bob])).await;
    for digest in ["sha256:1", "sha256:2", "sha256:3"] {
        let manifest = by_digest(digest, alice.server.event(digest, "push", ""));
        alice.tell(json!([by(&alice.token, manifest)])).await;
    }
    let mut index = by_digest("sha256:9", alice.server.event("9", "push", ""));
    index["target"]["tag"] = json!("v1");
    index["target"]["mediaType"] = json!(INDEX);
    index["target"]["references"] =
        json!([{"mediaType": MANIFEST, "digest": "sha256:1"}, {"mediaType": MANIFEST, "digest": "sha256:2"}]);
    alice.tell(json!([by(&alice.token, index)])).await;
    let expected =
        ["Pushed v1 sha256:9 ci skopeo 1.9", "Pushed sha256:3 ci skopeo 1.9", "Pushed sha256:1 bob skopeo 1.9"];
    assert_eq!(history(&alice.browser, &alice.address).await, expected);
}

#[tokio::test]
async fn people_it_is_shared_with_see_accounts_and_no_tokens_and_others_see_nothing() {
    let alice = Alice::open().await;
    let (bob, carol) = (alice.server.account_signed_in("bob").await, alice.server.account_signed_in("carol").await);
    alice.tell(json!([by(&alice.token, alice.server.event("1", "push", "v1"))])).await;
    assert_eq!(bob.get(&alice.address).await.status, StatusCode::NOT_FOUND);
    alice.browser.post(&format!("{}/share", alice.address), &[("username", "bob"), ("share", "pull")]).await;
    assert_eq!(history(&bob, &alice.address).await, ["Pushed v1 sha256:3c66 alice skopeo 1.9"]);
    let page = bob.get(&alice.address).await.body;
    assert!(!page.contains("/remove") && !page.contains(&alice.token.id), "no verbs for bob: {page}");
    assert!(page.contains("shared with you: can pull"), "{page}");
    assert_eq!(carol.get(&alice.address).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn it_is_cut_into_pages_keeps_five_hundred_entries_and_goes_with_its_repository() {
    let alice = Alice::open().await;
    for batch in 0..6 {
        let tag = |number| {
            let tag = format!("v{batch}-{number:02}");
            by(&alice.token, alice.server.event(&tag, "push", &tag))
        };
        alice.tell((0..100).map(tag).collect()).await;
    }
    alice.server.tidy().await;
    assert_eq!(alice.server.count("repository_change").await, 500);
    let first = alice.browser.get(&alice.address).await.body;
    let next = format!("rel=\"next\" href=\"{}?page=2\"", alice.address);
    assert!(first.contains("1–50 of 500") && first.contains(&next), "{first}");
    for page in ["10", "99"] {
        let last = history(&alice.browser, &format!("{}?page={page}", alice.address)).await;
        assert!(last.len() == 50 && last.iter().all(|row| row.starts_with("Pushed v1-")), "{last:?}");
    }
    alice.server.clock.advance(Duration::days(89));
    alice.server.tidy().await;
    assert_eq!(alice.server.count("repository_change").await, 500);
    alice.server.signed_in("alice").await.post(&format!("{}/remove", alice.address), &[]).await;
    assert_eq!(alice.server.count("repository_change").await, 0);
    alice.tell(json!([by(&alice.token, alice.server.event("late", "push", "v9"))])).await;
    assert_eq!(alice.server.count("repository_change").await, 0, "it is not in the list");
}

#[tokio::test]
async fn every_change_on_its_page_leads_back_to_it_and_removing_leads_to_the_list() {
    let alice = Alice::open().await;
    alice.server.account("bob").await;
    let here = alice.server.url(&alice.address);
    let on_page = alice.browser.with_header("referer", &here);
    let address = &alice.address;
    let verb = |verb: &str| format!("{address}/{verb}");
    let opened = on_page.htmx_post(&verb("public"), &[]).await;
    assert_eq!((opened.status, opened.header("hx-redirect")), (StatusCode::OK, address.as_str()));
    assert!(on_page.get(address).await.body.contains("alice/app is now public."));
    let closed = on_page.post(&verb("private"), &[]).await;
    assert_eq!((closed.status, closed.header("location")), (StatusCode::SEE_OTHER, address.as_str()));
    let shared = on_page.htmx_post(&verb("share"), &[("username", "bob"), ("share", "pull")]).await;
    assert!(shared.body.contains("id=\"facts\" hx-swap-oob=\"true\""), "{}", shared.body);
    assert!(shared.body.contains("1 account") && !shared.body.contains("id=\"tokens\""), "{}", shared.body);
    let question = on_page.htmx_get(&verb("remove")).await.body;
    assert!(question.matches("Remove from list").count() == 2, "title and button: {question}");
    let removed = on_page.htmx_post(&verb("remove"), &[]).await;
    assert_eq!(removed.header("hx-redirect"), "/settings/repositories");
}

#[tokio::test]
async fn without_notifications_the_page_says_how_to_turn_them_on() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.post("/settings/repositories/new", &[("name", "alice/app")]).await;
    let id = server.text("SELECT id FROM repository").await;
    let page = alice.get(&format!("/settings/repositories/{id}")).await.body;
    assert!(page.contains("--events-secret-file"), "{page}");
}
