//! `/settings/tokens/{id}`: a token's properties, uses and rights.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::events::{by, by_digest};
use crate::harness::{Browser, TestServer};

/// The token's page, once what was noted is written. It has these words.
async fn said(server: &TestServer, browser: &Browser, id: &str, words: &str) -> String {
    server.flush().await;
    let page = browser.get(&format!("/settings/tokens/{id}")).await.body;
    assert!(page.contains(words), "no {words:?} in {page}");
    page
}

#[tokio::test]
async fn a_new_token_says_what_it_is_and_that_it_did_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("<b>ci</b>", "repo:write", "30").await;
    server.sql("UPDATE token SET repositories = 'alice/api\nalice/web\nbob/*'").await;
    let answer = alice.get(&format!("/settings/tokens/{}", token.id)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    for words in [
        "&#60;b&#62;ci&#60;/b&#62;",
        ">Active</span>",
        "<dd>Read &#38; Write</dd>",
        "<li class=\"mono\">alice/api</li><li class=\"mono\">alice/web</li><li class=\"mono\">bob/*</li>",
        "<dd>Manual</dd>",
        "<dd>Never</dd>",
        "No requests in the last 90 days.",
        "Not used yet.",
        "What can this token do?",
    ] {
        assert!(answer.body.contains(words), "{words} in {}", answer.body);
    }
    assert!(!answer.body.contains(&token.secret) && !answer.body.contains("<svg"));
    let table = alice.get("/settings/tokens").await.body;
    assert!(
        table.contains(&format!("<a href=\"/settings/tokens/{}\"><span class=\"description\">", token.id)),
        "{table}"
    );
}

#[tokio::test]
async fn what_it_did_stands_in_the_chart_and_in_the_list() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:write", "365").await;
    let docker = server.anonymous().with_header("user-agent", "Docker-Client/28.2.2 (linux)");
    docker.token("alice", &token.secret, &["repository:alice/api:pull,push"]).await;
    said(&server, &alice, &token.id, ">1 push</p>").await;
    server.clock.advance(Duration::SECOND);
    docker.token("alice", &token.secret, &["repository:bob/api:push"]).await;
    said(&server, &alice, &token.id, ">1 refusal</p>").await;
    server.clock.advance(Duration::days(2));
    let alice = server.signed_in("alice").await;
    let skopeo = server.anonymous().with_header("user-agent", "skopeo/1.9.3");
    skopeo.token("alice", &token.secret, &["repository:alice/api:pull"]).await;
    let page = said(&server, &alice, &token.id, ">1 pull</p>").await;
    for words in [
        ": 1 push, 1 refusal</li>",
        "<span class=\"hint\">Asked for pull access <span class=\"mono\">alice/api</span> · skopeo 1.9 · 127.0.0.1</span>",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    assert!(!page.contains("delete</p>") && !page.contains("deletes</p>"), "no lane for what never happened: {page}");
    for (lane, x) in [("pulls", 712), ("pushes", 696), ("refusals", 696)] {
        let (_, lane) = page.split_once(&format!("<svg class=\"{lane}\"")).unwrap();
        assert!(lane.split("</svg>").next().unwrap().contains(&format!("<rect x=\"{x}\"")), "{lane}");
    }
    assert_eq!(
        alice.uses_of(&token).await,
        [
            "Asked for pull access alice/api skopeo 1.9 127.0.0.1 1 request",
            "Refused bob/api Your account can’t push to this repository. PAT-REPOSITORY docker 28.2 on linux 127.0.0.1 1 time",
            "Asked for push access alice/api docker 28.2 on linux 127.0.0.1 1 request",
        ],
        "newest first, the refusals among them"
    );
    let table = alice.get("/settings/tokens").await.body;
    assert!(table.contains("<small>skopeo 1.9</small>"), "{table}");
}

#[tokio::test]
async fn programs_are_named_with_care_and_one_without_a_name_too() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let podman = server.anonymous().with_header("user-agent", "containers/5.23.1 (github.com/containers/image)");
    podman.token("alice", &token.secret, &["repository:alice/api:pull"]).await;
    let page = said(&server, &alice, &token.id, ">podman (containers/image 5.23) <").await;
    assert!(!page.contains("podman 5"), "that is the library's version");
    server.clock.advance(Duration::minutes(1));
    // The crate oci-client sends no User-Agent.
    server.anonymous().token("alice", &token.secret, &["repository:alice/api:pull"]).await;
    let page = said(&server, &alice, &token.id, ">Unknown program <span class=\"beneath\">127.0.0.1</span></td>").await;
    assert!(page.contains("<span class=\"mono\">alice/api</span> · Unknown program · 127.0.0.1</span>"), "{page}");
    let table = alice.get("/settings/tokens").await.body;
    assert!(table.contains("<small>Unknown program</small>"), "{table}");
    let chinese = alice.with_header("accept-language", "zh-CN").get(&format!("/settings/tokens/{}", token.id)).await;
    assert!(chinese.body.contains(">未知程序 <"), "{}", chinese.body);
}

#[tokio::test]
async fn facts_are_exact_in_the_accounts_zone_and_language() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    // 2060-06-29 01:35 UTC.
    server.sql("UPDATE token SET expires_at = 2855698500000").await;
    let path = format!("/settings/tokens/{}", token.id);
    let page = alice.get(&path).await.body;
    assert!(page.contains(">29 June 2060, 01:35 UTC, in "), "{page}");
    for (language, words) in [("en", ">29 June 2060, 03:35, in "), ("zh-CN", ">2060年6月29日 03:35（")] {
        alice.post("/settings", &[("language", language), ("time_zone", "Europe/Berlin")]).await;
        let page = alice.get(&path).await.body;
        assert!(page.contains(words), "{words} in {page}");
    }
}

#[tokio::test]
async fn a_transfer_shows_its_tag_and_its_digest() {
    let server = TestServer::with_registry().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:admin", "30").await;
    server.tell(serde_json::json!([by(&token, server.event("1", "push", "v1"))])).await;
    server.clock.advance(Duration::SECOND);
    server.tell(serde_json::json!([by(&token, by_digest("sha256:77", server.event("2", "delete", "")))])).await;
    let page = alice.get(&format!("/settings/tokens/{}", token.id)).await.body;
    assert!(page.contains("<span class=\"mono tag\">v1</span>"), "{page}");
    assert!(page.contains("<span class=\"mono digest beneath\" title=\"sha256:3c66\">sha256:3c66</span>"), "{page}");
    assert!(page.contains("<span class=\"mono digest\" title=\"sha256:77\">sha256:77</span>"), "{page}");
}

async fn ask(browser: &Browser, id: &str, repository: &str, action: &str) -> String {
    let path = form_urlencoded::Serializer::for_suffix(format!("/settings/tokens/{id}?"), id.len() + 18)
        .append_pair("repository", repository)
        .append_pair("action", action)
        .finish();
    let fragment = browser.htmx_get(&path).await;
    assert_eq!(fragment.status, StatusCode::OK);
    assert!(!fragment.body.contains("<html"), "{}", fragment.body);
    let page = browser.get(&path).await.body;
    assert!(page.contains(fragment.body.trim()), "the page says the same: {page}");
    assert!(page.contains(&format!("<option value=\"{action}\" selected>")), "{page}");
    fragment.body
}

#[tokio::test]
async fn the_tester_says_yes_or_no_and_the_deciding_rule() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:write", "30").await.id;
    for (number, (name, is_public)) in
        [("bob/open", true), ("bob/lent", false), ("bob/given", false)].into_iter().enumerate()
    {
        let row = format!("('{number}', '{name}', 'bob', {is_public}, 0)");
        server.sql(&format!("INSERT INTO repository (id, name, namespace, is_public, created_at) VALUES {row}")).await;
    }
    for (repository, can_push) in [("1", false), ("2", true)] {
        let share = format!("SELECT '{repository}', id, {can_push}, 0 FROM account WHERE username = 'alice'");
        let columns = "(repository_id, account_id, can_push, created_at)";
        server.sql(&format!("INSERT INTO repository_share {columns} {share}")).await;
    }
    for (repository, action, class, sentence) in [
        ("alice/api", "push", "yes", "Yes, it can push to alice/api: it’s your own repository"),
        ("  alice/api ", "pull", "yes", "Yes, it can pull alice/api: it’s your own repository"),
        ("alice/api", "delete", "no", "No, it cannot delete from alice/api: that needs Read, Write, Delete."),
        ("bob/open", "pull", "yes", "the repository is public."),
        ("bob/open", "push", "no", "it’s neither yours nor shared with you."),
        ("bob/none", "pull", "no", "it’s neither yours nor shared with you."),
        ("bob/lent", "pull", "yes", "shared with you, and"),
        ("bob/lent", "push", "no", "shared with you for pulling only."),
        ("bob/given", "push", "yes", "shared with you, and"),
        ("bob/given", "delete", "no", "only its owner can delete from it."),
        ("team/app", "pull", "no", "it’s neither yours nor shared with you."),
        ("alice/API", "pull", "error", "This isn’t a valid repository name."),
        ("", "pull", "error", "This isn’t a valid repository name."),
        ("<b>", "pull", "error", "This isn’t a valid repository name."),
    ] {
        let said = ask(&alice, &id, repository, action).await;
        assert!(said.contains(&format!("class=\"answer {class}\"")) && said.contains(sentence), "{repository}: {said}");
    }
    server.sql("UPDATE token SET repositories = 'alice/w*'").await;
    assert!(ask(&alice, &id, "alice/api", "pull").await.contains("limited to other repositories."));
    server.sql("UPDATE account SET is_admin = TRUE WHERE username = 'alice'").await;
    server.sql("UPDATE token SET repositories = NULL").await;
    assert!(
        ask(&alice, &id, "team/app", "push")
            .await
            .contains("Yes, it can push to team/app: it belongs to the administrators")
    );
    server.sql("UPDATE token SET is_active = FALSE").await;
    assert!(
        ask(&alice, &id, "alice/api", "pull").await.contains("No, it cannot pull alice/api: the token is inactive.")
    );
    server.sql("UPDATE token SET expires_at = 1").await;
    assert!(ask(&alice, &id, "alice/api", "pull").await.contains("the token has expired."));
    let unasked = alice.get(&format!("/settings/tokens/{id}?repository=alice/api&action=own")).await;
    assert!(unasked.status == StatusCode::OK && !unasked.body.contains("class=\"answer"));
}

#[tokio::test]
async fn in_chinese_too() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await.with_header("accept-language", "zh-CN");
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let said = ask(&alice, &id, "alice/api", "push").await;
    assert!(said.contains("不能推送到 alice/api：需要“读写”权限。"), "{said}");
    let page = alice.get(&format!("/settings/tokens/{id}")).await.body;
    for words in ["这个令牌能做什么？", "最近 90 天", "最近的使用记录", "所有存储库"] {
        assert!(page.contains(words), "{words}");
    }
}
