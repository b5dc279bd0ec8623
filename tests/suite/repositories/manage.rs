//! `/settings/repositories/new`, `/{id}/public`, `/{id}/private` and `/{id}/remove`.

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Answer, Browser, TestServer, claims};

async fn create(browser: &Browser, name: &str, visibility: &str) -> Answer {
    browser.post("/settings/repositories/new", &[("name", name), ("visibility", visibility)]).await
}

async fn id_of(server: &TestServer, name: &str) -> String {
    server.text(&format!("SELECT id FROM repository WHERE name = '{name}'")).await
}

/// The actions that an anonymous client is granted on a repository.
async fn anyone_gets(server: &TestServer, name: &str) -> serde_json::Value {
    let answer = server.anonymous().get(&format!("/token?service=dockpass&scope=repository:{name}:pull")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    claims(answer.json()["token"].as_str().unwrap())["access"].clone()
}

#[tokio::test]
async fn a_repository_is_made_by_hand() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let form = alice.get("/settings/repositories/new").await;
    assert!(form.body.contains("name=\"name\" value=\"alice/\"") && form.body.starts_with("<!doctype html>"));
    assert!(form.body.contains("value=\"private\" checked"), "{}", form.body);
    let dialog = alice.htmx_get("/settings/repositories/new").await.body;
    assert!(dialog.trim_start().starts_with("<dialog") && dialog.contains("hx-post=\"/settings/repositories/new\""));
    let made = create(&alice, " alice/team/app ", "public").await;
    assert_eq!((made.status, made.header("location")), (StatusCode::SEE_OTHER, "/settings/repositories"));
    let page = alice.get("/settings/repositories").await.body;
    assert!(page.contains("alice/team/app created.") && page.contains("badge public\">Public</span>"), "{page}");
    let fragment = alice.htmx_post("/settings/repositories/new", &[("name", "alice/other")]).await;
    assert_eq!(fragment.status, StatusCode::OK);
    assert!(fragment.body.trim_start().starts_with("<div id=\"tokens\" hx-swap-oob=\"true\">"), "{}", fragment.body);
    assert!(fragment.body.contains("alice/other created.") && fragment.body.contains("badge private\">Private</span>"));
    let log = alice.get("/settings/activity?kind=repository_created").await.body;
    assert!(log.contains("<strong>Repository created</strong> alice/other"), "{log}");
}

#[tokio::test]
async fn what_is_wrong_stands_beside_the_field() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let (alice, _bob) = (server.account_signed_in("alice").await, server.account("bob").await);
    create(&alice, "alice/app", "private").await;
    create(&admin, "team/app", "private").await;
    let before = server.rows("repository").await;
    let wrong_name = "Use lowercase letters and digits, with single dots";
    let cases = [
        (&alice, "", wrong_name),
        (&alice, "alice/", wrong_name),
        (&alice, "alice/../bob/app", wrong_name),
        (&alice, "alice/App", wrong_name),
        (&alice, "bob/app", "Start the name with alice/."),
        (&alice, "team/app", "Start the name with alice/."),
        (&alice, "alice", "Start the name with alice/."),
        (&alice, "alice/app", "A repository with this name already exists."),
        (&admin, "bob/app", "starts with another account’s username"),
        (&admin, "bob", "starts with another account’s username"),
        (&admin, "team/app", "A repository with this name already exists."),
        (&admin, "root-of-all", "Start the name with root-of-all/."),
    ];
    for (browser, name, sentence) in cases {
        let page = create(browser, name, "public").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        let (_, error) = page.body.split_once("id=\"name-error\">").unwrap();
        assert!(error.split('<').next().unwrap().contains(sentence), "{name}: {}", page.body);
        assert!(
            page.body.contains(&format!("name=\"name\" value=\"{name}\""))
                && page.body.contains("value=\"public\" checked")
        );
        let fragment = browser.htmx_post("/settings/repositories/new", &[("name", name)]).await;
        assert_eq!(fragment.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(fragment.body.trim_start().starts_with("<dialog") && fragment.body.contains("aria-invalid=\"true\""));
    }
    assert_eq!(server.rows("repository").await, before);
}

#[tokio::test]
async fn of_one_namespace_so_many_are_listed_and_no_more() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let numbers = "WITH digit (d) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))
                   SELECT 'r' || a.d || b.d || c.d || e.d AS r FROM digit a, digit b, digit c, digit e";
    let insert = "INSERT INTO repository (id, name, namespace, is_public, created_at)";
    server.sql(&format!("{insert} SELECT r, 'alice/' || r, 'alice', FALSE, 0 FROM ({numbers}) AS numbers")).await;
    assert_eq!(server.count("repository").await, 10_000);
    let full = create(&alice, "alice/app", "private").await;
    assert_eq!(full.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(full.body.contains("The list of repositories under alice/ is full."), "{}", full.body);
    let known = create(&alice, "alice/r0001", "private").await;
    assert!(known.body.contains("A repository with this name already exists."), "{}", known.body);
    let token = alice.generate("ci", "repo:write", "30").await;
    let pushed = ["repository:alice/x:pull,push", "repository:alice/y:pull,push", "repository:alice/r0001:pull,push"];
    assert_eq!(server.anonymous().token("alice", &token.secret, &pushed).await.status, StatusCode::OK);
    server.flushed("SELECT COUNT(*) FROM repository WHERE pushed_at IS NOT NULL", 1).await;
    assert_eq!(server.count("repository").await, 10_000, "the push itself is granted");
    server.sql("DELETE FROM repository WHERE name = 'alice/r0000'").await;
    assert_eq!(create(&alice, "alice/app", "private").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_public_repository_is_pulled_by_anyone_until_it_is_private_again() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    create(&alice, "alice/app", "private").await;
    let id = id_of(&server, "alice/app").await;
    assert_eq!(anyone_gets(&server, "alice/app").await, json!([]));
    let opened = alice.post(&format!("/settings/repositories/{id}/public"), &[]).await;
    assert_eq!((opened.status, opened.header("location")), (StatusCode::SEE_OTHER, "/settings/repositories"));
    let pull = json!([{"type": "repository", "name": "alice/app", "actions": ["pull"]}]);
    assert_eq!(anyone_gets(&server, "alice/app").await, pull);
    let page = alice.get("/settings/repositories").await.body;
    assert!(page.contains("alice/app is now public. Anyone can pull it.") && page.contains(">Public</span>"));
    let closed = alice.htmx_post(&format!("/settings/repositories/{id}/private"), &[]).await;
    assert!(closed.body.contains(">Private</span>") && closed.body.contains("alice/app is now private."));
    assert_eq!(anyone_gets(&server, "alice/app").await, json!([]));
    alice.post(&format!("/settings/repositories/{id}/private"), &[]).await;
    let log = alice.get("/settings/activity?kind=repository_visibility").await.body;
    assert!(log.contains("alice/app · Public") && log.matches("alice/app · Private").count() == 1, "{log}");
}

#[tokio::test]
async fn removing_asks_first_and_the_next_push_makes_it_anew() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    create(&alice, "alice/app", "public").await;
    let id = id_of(&server, "alice/app").await;
    let path = format!("/settings/repositories/{id}/remove");
    let question = alice.get(&path).await.body;
    assert!(
        question.contains("Remove alice/app from the list?") && question.contains("The images stay in the registry.")
    );
    assert!(question.contains("adds it again, private and"), "{question}");
    alice.post("/settings/repositories/default", &[("visibility", "public")]).await;
    assert!(alice.htmx_get(&path).await.body.contains("adds it again, public and"));
    assert_eq!(server.count("repository").await, 1, "nothing happened yet");
    let removed = alice.post(&path, &[]).await;
    assert_eq!((removed.status, server.count("repository").await), (StatusCode::SEE_OTHER, 0));
    assert!(alice.get("/settings/repositories").await.body.contains("alice/app removed from the list."));
    assert_eq!(alice.post(&path, &[]).await.status, StatusCode::NOT_FOUND);
    let share = format!("/settings/repositories/{id}/share");
    assert_eq!(alice.post(&share, &[("username", "bob")]).await.status, StatusCode::NOT_FOUND);
    assert!(alice.get("/settings/activity").await.body.contains("<strong>Repository removed</strong> alice/app"));
}

#[tokio::test]
async fn names_of_no_account_are_the_administrators() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    for name in ["team/app", "app"] {
        assert_eq!(create(&admin, name, "private").await.status, StatusCode::SEE_OTHER, "{name}");
        let page = admin.get("/settings/repositories").await.body;
        assert!(page.contains(&format!(
            "<span class=\"description\">{name}</span></a><span class=\"hint\">Owned by the administrators</span>"
        )));
        assert!(!alice.get("/settings/repositories").await.body.contains(&format!(">{name}<")));
        let id = id_of(&server, name).await;
        for verb in ["public", "private", "share", "unshare", "remove"] {
            let answer = alice.post(&format!("/settings/repositories/{id}/{verb}"), &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{verb}");
        }
    }
    create(&alice, "alice/app", "private").await;
    assert!(!admin.get("/settings/repositories").await.body.contains("alice/app"), "what an account has is its own");
}

#[tokio::test]
async fn nobody_becomes_the_owner_of_an_administrators_repository_by_taking_its_name() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    create(&admin, "team/app", "private").await;
    create(&admin, "app", "private").await;
    for name in ["team", "app"] {
        let refused = admin.post("/admin/accounts", &[("username", name)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(refused.body.contains("id=\"username-error\""), "{}", refused.body);
    }
    assert_eq!(server.count("account").await, 1);
    let free = admin.post("/admin/accounts", &[("username", "teams")]).await;
    assert_eq!((free.status, server.count("account").await), (StatusCode::OK, 2));
    let id = id_of(&server, "team/app").await;
    admin.post(&format!("/settings/repositories/{id}/remove"), &[]).await;
    let refused = admin.post("/admin/accounts", &[("username", "team")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "the registry may still hold what was removed here");
}

#[tokio::test]
async fn making_one_public_asks_first() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    create(&alice, "alice/app", "private").await;
    let path = format!("/settings/repositories/{}/public", server.text("SELECT id FROM repository").await);
    let list = alice.get("/settings/repositories").await.body;
    assert!(list.contains(&format!("href=\"{path}\"")) && !list.contains(&format!("action=\"{path}\"")), "{list}");
    let question = alice.get(&path).await;
    assert!(question.status == StatusCode::OK && question.body.contains("Make alice/app public?"), "{}", question.body);
    assert!(question.body.contains(&format!("action=\"{path}\"")));
    assert_eq!(server.number("SELECT COUNT(*) FROM repository WHERE is_public").await, Some(0));
    assert_eq!(alice.post(&path, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.number("SELECT COUNT(*) FROM repository WHERE is_public").await, Some(1));
}
