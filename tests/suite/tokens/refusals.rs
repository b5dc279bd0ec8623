//! "Recent refusals" on `/settings/tokens`, and the button that fixes each.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Answer, Browser, MadeToken, TestServer};

const PUSH: &str = "repository:alice/app:pull,push";

/// The page of tokens, once what was noted is written. It has these words.
async fn said(server: &TestServer, browser: &Browser, words: &str) -> String {
    server.flush().await;
    let page = browser.get("/settings/tokens").await.body;
    assert!(page.contains(words), "no {words:?} in {page}");
    page
}

/// How often tokens were refused.
async fn times(server: &TestServer, expected: i64) {
    server.flushed("SELECT CAST(SUM(times) AS BIGINT) FROM refusal", expected).await;
}

async fn push(server: &TestServer, token: &MadeToken) -> Answer {
    let docker = server.anonymous().with_header("user-agent", "Docker-Client/28.2.2 (linux)");
    docker.token("alice", &token.secret, &[PUSH]).await
}

#[tokio::test]
async fn an_inactive_token_has_the_button_that_activates_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("nightly", "repo:write", "30").await;
    assert!(!alice.get("/settings/tokens").await.body.contains("Recent refusals"));
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    assert_eq!(push(&server, &token).await.status, StatusCode::UNAUTHORIZED);
    let page = said(&server, &alice, "Recent refusals").await;
    let list = page.split_once("id=\"refusals\"").unwrap().1.split_once("</section>").unwrap().0;
    for words in [
        "nightly",
        "because it is inactive.",
        "PAT-INACTIVE",
        "alice/app",
        "docker 28.2 on linux · 127.0.0.1",
        "just now",
    ] {
        assert!(list.contains(words), "{words} in {list}");
    }
    let action = format!("/settings/tokens/{}/activate", token.id);
    assert!(list.contains(&format!("action=\"{action}\" hx-post=\"{action}\" hx-target=\"#dialog\"")), "{list}");
    let mended = alice.htmx_post(&action, &[]).await;
    assert_eq!(mended.status, StatusCode::OK);
    assert!(mended.body.contains("<div id=\"refusals\" hx-swap-oob=\"true\">"), "{}", mended.body);
    assert!(mended.body.contains("PAT-INACTIVE") && !mended.body.contains("id=\"mend-1\""), "mended: no button");
    assert_eq!(push(&server, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_a_token_may_not_is_mended_by_editing_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("reader", "repo:read", "30").await;
    assert_eq!(push(&server, &token).await.status, StatusCode::UNAUTHORIZED);
    let edit = format!("href=\"/settings/tokens/{}/edit\" hx-get", token.id);
    let page = said(&server, &alice, "PAT-READ-ONLY").await;
    assert!(page.contains(&format!("id=\"mend-1\" {edit}")), "{page}");
    assert!(page.contains("its permissions don’t allow pushing to <span class=\"mono\">alice/app</span>"), "{page}");
    server.sql("UPDATE token SET level = 'repo:write'").await;
    assert!(!alice.get("/settings/tokens").await.body.contains("id=\"mend-1\""), "mended since");
    server.sql("UPDATE token SET repositories = 'alice/web'").await;
    server.clock.advance(Duration::minutes(1));
    push(&server, &token).await;
    let page = said(&server, &alice, "PAT-REPOSITORY").await;
    assert!(page.contains(&format!("id=\"mend-1\" {edit}")), "{page}");
    let reason = "because it’s limited to repositories other than <span class=\"mono\">alice/app</span>";
    assert!(page.contains(reason), "{page}");
    server.sql("UPDATE token SET repositories = NULL").await;
    let page = alice.get("/settings/tokens").await.body;
    let reason = "was refused a push to <span class=\"mono\">alice/app</span>";
    assert!(page.contains(reason) && !page.contains("id=\"mend-1\""), "mended since: {page}");
}

#[tokio::test]
async fn what_the_account_lacks_is_said_to_be_so_and_no_change_to_its_token_is_offered() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("reader", "repo:read", "30").await;
    server.sql("UPDATE token SET repositories = 'alice/web'").await;
    let answer = server.anonymous().token("alice", &token.secret, &["repository:bob/app:pull,push"]).await;
    assert!(answer.body.contains("alice cannot push to bob/app"), "{}", answer.body);
    let page = said(&server, &alice, "PAT-REPOSITORY").await;
    let reason = "because your account cannot push to <span class=\"mono\">bob/app</span>";
    assert!(page.contains(reason) && !page.contains("id=\"mend-1\""), "{page}");
}

#[tokio::test]
async fn a_refused_delete_speaks_of_deleting_in_both_languages() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let chinese = server.signed_in("alice").await.with_header("accept-language", "zh-CN");
    let token = alice.generate("ci", "repo:write", "30").await;
    // What regctl asks for before it deletes a tag.
    let ask = async |repository: &str| {
        server.clock.advance(Duration::seconds(1));
        let scope = format!("repository:{repository}:delete,pull,push");
        let answer = server.anonymous().token("alice", &token.secret, &[&scope]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
        answer.json()["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    let level = "this access token is Read & Write: it cannot delete from alice/app (PAT-NO-DELETE)";
    assert_eq!(ask("alice/app").await, level);
    let button = format!("id=\"mend-1\" href=\"/settings/tokens/{}/edit\"", token.id);
    let about = |repository: &str| format!(" <span class=\"mono\">{repository}</span>");
    let page = said(&server, &alice, "PAT-NO-DELETE").await;
    let words = "was refused because its permissions don’t allow deleting from".to_owned() + &about("alice/app");
    assert!(page.contains(&words) && page.contains(&button), "{page}");
    let page = said(&server, &chinese, "PAT-NO-DELETE").await;
    assert!(page.contains(&("令牌权限不允许删除镜像，存储库：".to_owned() + &about("alice/app"))), "{page}");

    assert_eq!(ask("bob/app").await, "only its owner can delete from bob/app (PAT-REPOSITORY)");
    let page = said(&server, &alice, "PAT-REPOSITORY").await;
    let words = "because only the repository’s owner can delete from".to_owned() + &about("bob/app");
    assert!(page.contains(&words) && !page.contains(&button), "the account is the reason: {page}");

    server.sql("UPDATE token SET level = 'repo:admin', repositories = 'alice/web'").await;
    let limited =
        "this access token is limited to other repositories: it cannot delete from alice/app (PAT-REPOSITORY)";
    assert_eq!(ask("alice/app").await, limited);
    let page = said(&server, &alice, &about("alice/app")).await;
    let words = "because it’s limited to repositories other than".to_owned() + &about("alice/app");
    assert!(page.contains(&words) && page.contains(&button), "{page}");
    let counted = server.app.metrics.text();
    assert!(counted.contains("\ndockpass_token_refusals_total{code=\"PAT-NO-DELETE\"} 1\n"), "{counted}");
}

#[tokio::test]
async fn a_pull_that_gets_nothing_is_no_error_and_its_reason_stands_here() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let pull = "repository:alice/app:pull";
    let expected = [
        ("limited", "repo:read", "'alice/web'", pull, "limited to repositories other than", true),
        ("weak", "repo:public_read", "NULL", pull, "its permissions don’t allow pulling", true),
        ("bare", "repo:read", "NULL", "repository:bob/app:pull", "your account cannot pull", false),
    ];
    for (name, level, repositories, scope, reason, has_button) in expected {
        server.clock.advance(Duration::seconds(1));
        let token = alice.generate(name, level, "30").await;
        server.sql(&format!("UPDATE token SET repositories = {repositories} WHERE id = '{}'", token.id)).await;
        let answer = server.anonymous().token("alice", &token.secret, &[scope]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let page = said(&server, &alice, &format!("<strong>{name}</strong>")).await;
        let line = page.split_once(&format!("<strong>{name}</strong>")).unwrap().1.split_once("</li>").unwrap().0;
        assert!(line.contains(reason) && line.contains("PAT-REPOSITORY"), "{line}");
        assert_eq!(line.contains("id=\"mend-"), has_button, "{line}");
    }
    let counted = server.app.metrics.text();
    assert!(counted.contains("\ndockpass_token_refusals_total{code=\"PAT-REPOSITORY\"} 3\n"), "{counted}");
    // A partly granted request, a login and an anonymous request are not refusals.
    let token = alice.generate("good", "repo:read", "30").await;
    for scopes in [&["repository:alice/app:pull", "repository:bob/app:pull"][..], &[], &["registry:catalog:*"]] {
        server.anonymous().token("alice", &token.secret, scopes).await;
    }
    server.anonymous().get("/token?scope=repository:alice/app:pull").await;
    server.flushed("SELECT COUNT(*) FROM token_use", 2).await;
    times(&server, 3).await;
}

#[tokio::test]
async fn a_dead_token_of_a_device_is_mended_on_the_device() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let id = server.text("SELECT id FROM token").await;
    alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await;
    server.anonymous().token("alice", &got.token, &[PUSH]).await;
    let page = said(&server, &alice, "PAT-DELETED").await;
    let list = page.split_once("id=\"refusals\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(list.contains("Sign in again on the device.") && !list.contains("like="), "{list}");
}

#[tokio::test]
async fn of_many_refusals_the_latest_are_shown_and_the_others_counted() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("loop", "repo:read", "30").await;
    for at in 0..12 {
        let scope = format!("repository:alice/r{at}:push");
        server.anonymous().token("alice", &token.secret, &[&scope]).await;
        server.clock.advance(Duration::seconds(1));
    }
    times(&server, 12).await;
    let page = said(&server, &alice, "2 older refusals aren’t shown.").await;
    let hidden = page.split_once("<details>").unwrap().1.split_once("</details>").unwrap().0;
    assert!(hidden.contains("<span class=\"when-closed\">Show the latest 10</span>"), "{hidden}");
    assert_eq!(hidden.matches("PAT-READ-ONLY").count(), 9, "only the newest is in sight");
    assert!(!hidden.contains(">alice/r11<"), "{hidden}");
    assert!(page.contains("· Unknown program · 127.0.0.1"), "the program gave no name: {page}");
    assert_eq!(page.matches("PAT-READ-ONLY").count(), 10);
    assert!(page.contains(">alice/r11<") && !page.contains(">alice/r1<"), "{page}");
}

#[tokio::test]
async fn whoever_makes_up_repositories_for_a_dead_token_gets_no_more_lines_than_are_kept_and_all_are_counted() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("loop", "repo:read", "30").await;
    for at in 0..230 {
        let scope = format!("repository:alice/r{at}:push");
        server.anonymous().token("alice", &token.secret, &[&scope]).await;
        server.clock.advance(Duration::SECOND);
    }
    server.flushed("SELECT CAST(SUM(refusals) AS BIGINT) FROM token_day", 230).await;
    assert_eq!(server.count("refusal").await, 200);
    assert_eq!(server.number("SELECT COUNT(*) FROM refusal WHERE repository = 'alice/r229'").await, Some(1));
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    assert!(!alice.get("/settings/tokens").await.body.contains("Recent refusals"), "after a week nothing is recent");
    server.anonymous().token("alice", &token.secret, &["repository:alice/r229:push"]).await;
    let page = said(&server, &alice, "alice/r229").await;
    assert!(!page.contains("times since"), "an equal one after a long silence begins anew: {page}");
}

#[tokio::test]
async fn what_is_over_is_mended_by_a_new_token_with_the_same_settings() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (gone, over) =
        (alice.generate("gone", "repo:write", "30").await, alice.generate("over", "repo:write", "7").await);
    alice.post(&format!("/settings/tokens/{}/delete", gone.id), &[]).await;
    push(&server, &gone).await;
    server.clock.advance(Duration::days(6));
    let alice = server.signed_in("alice").await;
    let page = said(&server, &alice, "PAT-DELETED").await;
    let link = format!("href=\"/settings/tokens/new?like={}\"", gone.id);
    assert!(page.contains(&format!("id=\"mend-1\" {link}")), "{page}");
    let again = alice.get(&format!("/settings/tokens/new?like={}", gone.id)).await.body;
    assert!(again.contains("value=\"gone\"") && again.contains("value=\"repo:write\" checked"), "{again}");
    server.clock.advance(Duration::days(1));
    push(&server, &over).await;
    let alice = server.signed_in("alice").await;
    let page = said(&server, &alice, "PAT-EXPIRED").await;
    assert!(page.contains(&format!("id=\"mend-1\" href=\"/settings/tokens/new?like={}\"", over.id)), "{page}");
}

#[tokio::test]
async fn what_the_owner_cannot_mend_has_no_button() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("lent", "repo:write", "30").await;
    server.anonymous().token("bob", &token.secret, &[PUSH]).await;
    let page = said(&server, &alice, "PAT-WRONG-USER").await;
    assert!(page.contains("used with another account’s username."), "{page}");
    assert!(!page.contains("id=\"mend-1\""));
    let bob = server.signed_in("bob").await;
    assert!(!bob.get("/settings/tokens").await.body.contains("lent"), "and it is its owner's to read alone");
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'alice'").await;
    push(&server, &token).await;
    times(&server, 2).await;
    server.sql("UPDATE account SET disabled_at = NULL").await;
    assert!(said(&server, &alice, "ACCOUNT-DISABLED").await.contains("because the account was disabled."));
}

#[tokio::test]
async fn equal_refusals_are_one_line_with_a_count_and_others_are_not() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("loop", "repo:write", "30").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    for minutes in 0..14 {
        push(&server, &token).await;
        if minutes % 5 == 0 {
            times(&server, minutes + 1).await;
        }
        server.clock.advance(Duration::minutes(1));
    }
    times(&server, 14).await;
    assert_eq!(server.count("refusal").await, 1);
    let page = said(&server, &alice, "14 times since").await;
    assert_eq!(page.matches("PAT-INACTIVE").count(), 1, "{page}");
    server.anonymous().token("alice", &token.secret, &["repository:alice/other:pull"]).await;
    times(&server, 15).await;
    assert_eq!(server.count("refusal").await, 2);
    assert_eq!(server.number("SELECT CAST(SUM(refusals) AS BIGINT) FROM token_day").await, Some(15));
}

#[tokio::test]
async fn a_client_that_asks_by_the_form_and_then_by_the_query_is_one_line_and_each_request_counts() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let form = [
        ("grant_type", "password"),
        ("service", "dockpass"),
        ("client_id", "containerd-client"),
        ("username", "alice"),
        ("password", token.secret.as_str()),
        ("scope", PUSH),
    ];
    let containerd = server.anonymous().with_header("user-agent", "containerd/1.6.20~ds1");
    for round in 1..=2 {
        let first = containerd.post("/token", &form).await;
        assert_eq!(first.status, StatusCode::UNAUTHORIZED, "{}", first.body);
        assert_eq!(containerd.token("alice", &token.secret, &[PUSH]).await.status, StatusCode::UNAUTHORIZED);
        times(&server, 2 * round).await;
        server.clock.advance(Duration::minutes(5));
    }
    assert_eq!(server.count("refusal").await, 1);
    let counted = server.app.metrics.text();
    assert!(counted.contains("\ndockpass_token_refusals_total{code=\"PAT-READ-ONLY\"} 4\n"), "{counted}");
    assert!(said(&server, &alice, "4 times since").await.contains("containerd 1.6"));
}

#[tokio::test]
async fn unknown_secrets_leave_no_trace_on_any_account() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:write", "30").await;
    // The last one is a wrong password, which only Activity shows.
    let unknown = ["dp_pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr", "dp_pat_", &token.secret[..42], "dp_ref_x", "x"];
    for secret in unknown {
        server.anonymous().token("alice", secret, &[PUSH]).await;
    }
    // One known token. Once its refusal is written, all the others would be too.
    server.anonymous().token("nobody-here", &token.secret, &[PUSH]).await;
    times(&server, 1).await;
    said(&server, &alice, "PAT-WRONG-USER").await;
    assert_eq!(server.count("refusal").await, 1);
    server.flushed("SELECT COUNT(*) FROM activity WHERE kind = 'token_refused'", 1).await;
    server.flushed("SELECT CAST(SUM(times) AS BIGINT) FROM activity WHERE kind = 'sign_in_failed'", 1).await;
    let dump = server.dump().await;
    assert!(!dump.contains(&unknown[0][..14]), "{dump}");
}

#[tokio::test]
async fn the_list_is_cleared_and_one_account_clears_no_others() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    let token = alice.generate("reader", "repo:read", "30").await;
    push(&server, &token).await;
    said(&server, &alice, "PAT-READ-ONLY").await;
    bob.post("/settings/tokens/refusals/clear", &[]).await;
    assert_eq!(server.count("refusal").await, 1);
    let fragment = alice.htmx_post("/settings/tokens/refusals/clear", &[]).await;
    assert_eq!(fragment.status, StatusCode::OK);
    assert!(fragment.body.contains("The list is cleared.") && !fragment.body.contains("PAT-READ-ONLY"));
    assert_eq!(server.count("refusal").await, 0);
    let plain = alice.post("/settings/tokens/refusals/clear", &[]).await;
    assert_eq!((plain.status, plain.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
}

#[tokio::test]
async fn what_a_stranger_made_up_is_text_on_the_page_and_in_chinese_the_reason_is_chinese() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("<i>ci</i>", "repo:read", "30").await;
    let odd = server.anonymous().with_header("user-agent", "<script>alert(1)</script>");
    odd.token("alice", &token.secret, &["repository:<b>x</b>:push"]).await;
    let page = said(&server, &alice, "PAT-REPOSITORY").await;
    for tag in ["<i>ci", "<b>x", "<script>alert"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let chinese = alice.get_with("/settings/tokens", &[("accept-language", "zh-CN")]).await.body;
    assert!(chinese.contains("最近被拒绝的请求") && chinese.contains("你的帐户无权推送到"), "{chinese}");
}
