//! `/settings/repositories/{id}/share` and `/unshare`.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Browser, PASSWORD, TestServer, claims};

/// Creates a private repository and returns its id.
async fn made(server: &TestServer, browser: &Browser, name: &str) -> String {
    browser.post("/settings/repositories/new", &[("name", name), ("visibility", "private")]).await;
    server.text(&format!("SELECT id FROM repository WHERE name = '{name}'")).await
}

/// The actions that an account is granted on a repository if it asks for all.
async fn actions(server: &TestServer, username: &str, name: &str) -> Value {
    let answer = server.anonymous().token(username, PASSWORD, &[&format!("repository:{name}:*")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    claims(answer.json()["token"].as_str().unwrap())["access"][0]["actions"].clone()
}

#[tokio::test]
async fn what_is_shared_stands_on_the_others_page_marked_whose_it_is() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let (alice, bob) = (server.account_signed_in("alice").await, server.account_signed_in("bob").await);
    let id = made(&server, &alice, "alice/app").await;
    let (share, unshare) =
        (format!("/settings/repositories/{id}/share"), format!("/settings/repositories/{id}/unshare"));
    assert_eq!(actions(&server, "bob", "alice/app").await, Value::Null);
    assert!(alice.get(&share).await.body.contains("Not shared with anyone yet."));
    let steps = [
        ("pull", "can now pull this repository.", json!(["pull"])),
        ("push", "can now pull and push to this repository.", json!(["pull", "push"])),
    ];
    for (how_far, said, granted) in steps {
        let given = alice.post(&share, &[("username", " Bob "), ("share", how_far)]).await;
        assert_eq!((given.status, given.header("location")), (StatusCode::SEE_OTHER, share.as_str()));
        let page = alice.get(&share).await.body;
        assert!(page.contains(&format!("bob {said}")), "{page}");
        assert!(page.contains(&format!("<strong>bob</strong> <span class=\"badge\">Can {how_far}</span>")), "{page}");
        assert_eq!(actions(&server, "bob", "alice/app").await, granted);
        let page = bob.get("/settings/repositories").await.body;
        let mark =
            format!("alice/app</span></a><span class=\"hint\">Owned by alice · shared with you: can {how_far}</span>");
        assert!(page.contains(&mark) && !page.contains("popovertarget=\"menu-"), "{page}");
    }
    assert_eq!(server.count("repository_share").await, 1);
    assert!(alice.get("/settings/repositories").await.body.contains(">1 account</a>"));
    let account = alice.get(&share).await.after("name=\"account\" value=\"");
    let taken = alice.post(&unshare, &[("account", &account)]).await;
    assert_eq!((taken.status, taken.header("location")), (StatusCode::SEE_OTHER, share.as_str()));
    assert_eq!(actions(&server, "bob", "alice/app").await, Value::Null);
    assert!(!bob.get("/settings/repositories").await.body.contains("alice/app"));
    assert!(alice.get(&share).await.body.contains("bob no longer has access."));
    assert_eq!(alice.post(&unshare, &[("account", &account)]).await.status, StatusCode::NOT_FOUND, "only once");
    let log = alice.get("/settings/activity").await.body;
    assert_eq!(log.matches("<strong>Repository shared</strong> alice/app · bob").count(), 2, "{log}");
    assert!(log.contains("<strong>Repository no longer shared</strong> alice/app · bob"));
}

#[tokio::test]
async fn htmx_gets_the_dialog_again_and_the_table_behind_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.account("bob").await;
    let id = made(&server, &alice, "alice/app").await;
    let given = alice.htmx_post(&format!("/settings/repositories/{id}/share"), &[("username", "bob")]).await;
    assert_eq!((given.status, given.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(
        given.body.trim_start().starts_with("<dialog")
            && given.body.contains("<p class=\"notice\">bob can now pull this repository.")
    );
    assert!(given.body.contains("<div id=\"tokens\" hx-swap-oob=\"true\">") && given.body.contains(">1 account</a>"));
    let account = given.after("name=\"account\" value=\"");
    let taken = alice.htmx_post(&format!("/settings/repositories/{id}/unshare"), &[("account", &account)]).await;
    assert!(taken.body.trim_start().starts_with("<dialog") && taken.body.contains(">No one</a>"), "{}", taken.body);
}

#[tokio::test]
async fn it_is_shared_with_accounts_that_are_there_and_lack_it() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let (alice, bob) = (server.account_signed_in("alice").await, server.account_signed_in("bob").await);
    let (own, teams) = (made(&server, &alice, "alice/app").await, made(&server, &admin, "team/app").await);
    bob.post("/settings/close", &[("password", PASSWORD)]).await;
    let cases = [
        (&alice, &own, "", "No account has this username."),
        (&alice, &own, "carol", "No account has this username."),
        (&alice, &own, "bob", "No account has this username."),
        (&alice, &own, "alice", "This account already has access as the owner."),
        (&admin, &teams, "root-of-all", "This account already has access as the owner."),
    ];
    for (browser, id, name, sentence) in cases {
        let page =
            browser.post(&format!("/settings/repositories/{id}/share"), &[("username", name), ("share", "push")]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(page.body.contains(&format!("id=\"username-error\">{sentence}")), "{}", page.body);
        assert!(page.body.contains("<option value=\"push\" selected>"));
    }
    assert_eq!(server.count("repository_share").await, 0);
}

#[tokio::test]
async fn whoever_has_it_for_pushing_is_named_with_the_token() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.account_signed_in("alice").await, server.account_signed_in("bob").await);
    let id = made(&server, &alice, "alice/app").await;
    alice.post(&format!("/settings/repositories/{id}/share"), &[("username", "bob"), ("share", "push")]).await;
    let token = bob.generate("bob-ci", "repo:write", "30").await;
    for actions in ["pull,push", "pull"] {
        server.anonymous().token("bob", &token.secret, &[&format!("repository:alice/app:{actions}")]).await;
    }
    server.flushed("SELECT COUNT(*) FROM repository WHERE pushed_at > 0 AND pulled_at > 0", 1).await;
    let page = alice.get("/settings/repositories").await.body;
    assert_eq!(page.matches("<span class=\"line\">bob · bob-ci</span>").count(), 1, "of the push: {page}");
    assert_eq!(page.matches("<span class=\"line\">bob</span>").count(), 1, "of the pull: {page}");
}

#[tokio::test]
async fn of_whoever_is_away_administrators_close_what_is_open_and_open_nothing() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let (alice, bob) = (server.account_signed_in("alice").await, server.account_signed_in("bob").await);
    let (open, shut) = (made(&server, &alice, "alice/open").await, made(&server, &alice, "alice/shut").await);
    alice.post(&format!("/settings/repositories/{open}/public"), &[]).await;
    alice.post(&format!("/settings/repositories/{open}/share"), &[("username", "bob"), ("share", "push")]).await;
    let at = |id: &str, verb: &str| format!("/settings/repositories/{id}/{verb}");
    for verb in ["private", "remove", "public", "share", "unshare"] {
        let answer = admin.post(&at(&open, verb), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "while she is there: {verb}");
    }
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'alice'").await;
    let page = admin.get("/settings/repositories").await.body;
    assert!(
        page.contains("alice/open</span></a><span class=\"hint\">Owned by alice · account disabled or closed</span>"),
        "{page}"
    );
    assert!(page.contains(&at(&open, "private")) && !page.contains(&at(&shut, "public")), "{page}");
    assert!(!bob.get("/settings/repositories").await.body.contains("alice/shut"));
    let dialog = admin.get(&at(&open, "share")).await;
    assert!(!dialog.body.contains("id=\"username\""), "{}", dialog.body);
    let account = dialog.after("name=\"account\" value=\"");
    for (verb, form) in [("public", vec![]), ("share", vec![("username", "root-of-all")])] {
        assert_eq!(admin.post(&at(&shut, verb), &form).await.status, StatusCode::NOT_FOUND, "{verb}");
        assert_eq!(bob.post(&at(&open, verb), &form).await.status, StatusCode::NOT_FOUND, "{verb}");
    }
    assert_eq!(admin.post(&at(&open, "private"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(admin.post(&at(&open, "unshare"), &[("account", &account)]).await.status, StatusCode::SEE_OTHER);
    assert!(!admin.get(&at(&open, "remove")).await.body.contains("The next push"));
    assert_eq!(admin.post(&at(&open, "remove"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!((server.count("repository").await, server.count("repository_share").await), (1, 0));
}

#[tokio::test]
async fn whoever_closes_the_account_is_no_partner_any_more() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.account_signed_in("alice").await, server.account_signed_in("bob").await);
    let id = made(&server, &alice, "alice/app").await;
    alice.post(&format!("/settings/repositories/{id}/share"), &[("username", "bob"), ("share", "push")]).await;
    bob.post("/settings/close", &[("password", PASSWORD)]).await;
    assert_eq!(server.count("repository_share").await, 0);
    assert!(alice.get("/settings/repositories").await.body.contains(">No one</a>"));
}

#[tokio::test]
async fn a_team_has_its_own_by_what_administrators_share() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let id = made(&server, &admin, "team/app").await;
    admin.post(&format!("/settings/repositories/{id}/share"), &[("username", "alice"), ("share", "push")]).await;
    assert_eq!(actions(&server, "alice", "team/app").await, json!(["pull", "push"]), "and never delete");
    let page = alice.get("/settings/repositories").await.body;
    assert!(page.contains("Owned by the administrators · shared with you: can push"), "{page}");
    for verb in ["public", "private", "share", "unshare", "remove"] {
        let answer = alice.post(&format!("/settings/repositories/{id}/{verb}"), &[("username", "root-of-all")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "what is merely shared is not managed: {verb}");
    }
    for verb in ["share", "remove"] {
        let answer = alice.get(&format!("/settings/repositories/{id}/{verb}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{verb}");
    }
}
