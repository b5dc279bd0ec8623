//! `GET /settings/repositories`, and how repositories get into the list.

use reqwest::StatusCode;

use crate::harness::{Browser, PASSWORD, TestServer};

/// The page, once what was granted is written. It shows `text`.
async fn page_with(server: &TestServer, browser: &Browser, text: &str) -> String {
    server.flush().await;
    let page = browser.get("/settings/repositories").await;
    assert!(page.status == StatusCode::OK && page.body.contains(text), "no {text} in {}", page.body);
    page.body
}

/// The row of a repository.
fn row<'p>(page: &'p str, name: &str) -> &'p str {
    let named = format!("<span class=\"description\">{name}</span>");
    let (before, _) = page.split_once(&named).unwrap_or_else(|| panic!("no {name} in {page}"));
    let begins = before.rfind("<tr role=\"row\" id=\"repository-").unwrap();
    page[begins..].split_once("</tr>").unwrap().0
}

/// The text of a cell.
fn cell<'r>(row: &'r str, label: &str) -> &'r str {
    let (_, rest) = row.split_once(&format!("data-label=\"{label}\">")).unwrap_or_else(|| panic!("no {label}: {row}"));
    rest.split_once("</td>").unwrap().0
}

#[tokio::test]
async fn at_first_the_page_says_what_to_type() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.get("/settings/repositories").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    let host = &server.app.urls.registry_host;
    assert!(page.body.contains(&format!("<code>docker push {host}/alice/app</code>")), "{}", page.body);
    assert!(page.body.contains("<h1 id=\"repositories-title\" tabindex=\"-1\">Repositories</h1>"));
    assert!(page.body.contains("<a href=\"/settings/repositories\" aria-current=\"page\">Repositories</a>"));
    assert!(page.body.contains(">Create repository</a>"));
}

#[tokio::test]
async fn a_repository_is_made_by_its_first_granted_push_and_says_by_which_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (push, pull) =
        (alice.generate("ci push", "repo:write", "30").await, alice.generate("laptop", "repo:read", "30").await);
    let caller = server.anonymous();
    caller.token("alice", &pull.secret, &["repository:alice/app:pull", "repository:alice/other:pull,push"]).await;
    caller.token("alice", &push.secret, &["repository:alice/app:pull,push"]).await;
    let page = page_with(&server, &alice, ">ci push</a>").await;
    assert!(!page.contains("alice/other"), "a refused push makes nothing, and neither does a pull");
    let app = row(&page, "alice/app");
    assert!(app.contains("<span class=\"badge private\">Private</span>"), "{app}");
    let link = format!("<a href=\"/settings/tokens/{}\">ci push</a>", push.id);
    assert!(cell(app, "Last pushed").contains(&link) && cell(app, "Last pushed").contains("<time"), "{app}");
    assert!(cell(app, "Shared with").contains(">No one</a>"), "{app}");
    assert!(!app.contains("</span><span class=\"hint\">"), "what is the reader's own is not marked: {app}");

    caller.token("alice", &pull.secret, &["repository:alice/app:pull"]).await;
    let page = page_with(&server, &alice, ">laptop</a>").await;
    assert!(cell(row(&page, "alice/app"), "Last pulled").contains(&format!("/settings/tokens/{}\"", pull.id)));

    server.clock.advance(time::Duration::minutes(3));
    caller.token("alice", PASSWORD, &["repository:alice/app:pull,push"]).await;
    let page = page_with(&server, &alice, "<span class=\"line\">Password</span>").await;
    assert!(cell(row(&page, "alice/app"), "Last pushed").contains(">just now</time>"), "{page}");
}

#[tokio::test]
async fn a_token_that_is_gone_is_named_and_not_linked() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("old ci", "repo:write", "30").await;
    server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
    page_with(&server, &alice, ">old ci</a>").await;
    alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    let page = alice.get("/settings/repositories").await.body;
    assert!(cell(row(&page, "alice/app"), "Last pushed").contains("<span class=\"line\">old ci</span>"), "{page}");
}

#[tokio::test]
async fn the_first_push_is_as_the_account_settled() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for (word, badge) in [("public", "public\">Public"), ("private", "private\">Private")] {
        let answer = alice.post("/settings/repositories/default", &[("visibility", word)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/repositories"));
        let page = alice.get("/settings/repositories").await.body;
        assert!(page.contains(&format!("Repositories you push for the first time will be {word}.")), "{page}");
        assert_eq!(page.contains("<option value=\"public\" selected>"), word == "public");
        let name = format!("alice/{word}");
        server.anonymous().token("alice", PASSWORD, &[&format!("repository:{name}:pull,push")]).await;
        let page = page_with(&server, &alice, &name).await;
        assert!(row(&page, &name).contains(&format!("<span class=\"badge {badge}</span>")), "{page}");
    }
    let before = server.rows("account").await;
    let answer = alice.post("/settings/repositories/default", &[("visibility", "secret")]).await;
    assert_eq!((answer.status, server.rows("account").await), (StatusCode::BAD_REQUEST, before));
}

#[tokio::test]
async fn the_list_is_cut_into_pages_and_filtered() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    for number in 0..51 {
        let name = format!("alice/app-{number:02}");
        alice.post("/settings/repositories/new", &[("name", &name)]).await;
    }
    let first = alice.get("/settings/repositories").await.body;
    assert!(first.contains("1–50 of 51") && first.contains("href=\"/settings/repositories?page=2\""), "{first}");
    assert!(first.contains("alice/app-49<") && !first.contains("alice/app-50<"));
    for page in ["page=2", "page=9"] {
        let last = alice.get(&format!("/settings/repositories?{page}")).await.body;
        assert!(last.contains("51–51 of 51") && last.contains("alice/app-50<") && !last.contains("alice/app-49<"));
    }
    let found = alice.htmx_get("/settings/repositories?text=APP-5").await;
    assert_eq!(found.header("hx-push-url"), "/settings/repositories?text=APP-5");
    assert!(found.body.trim_start().starts_with("<div id=\"tokens\">"), "{}", found.body);
    assert!(found.body.contains("alice/app-50<") && !found.body.contains("alice/app-49<"));
    let none = alice.get("/settings/repositories?text=a_p").await.body;
    assert!(none.contains("No repositories match.") && none.contains("value=\"a_p\""));
}

#[tokio::test]
async fn the_page_in_chinese() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await.with_header("accept-language", "zh-CN");
    alice.post("/settings/repositories/new", &[("name", "alice/app"), ("visibility", "public")]).await;
    let page = alice.get("/settings/repositories").await.body;
    for word in
        ["tabindex=\"-1\">存储库</h1>", ">公开</span>", "<option value=\"private\">私有</option>", "alice/app 已创建。"]
    {
        assert!(page.contains(word), "{word} in {page}");
    }
}
