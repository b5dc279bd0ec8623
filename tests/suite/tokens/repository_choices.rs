//! The list in which the repositories of a limited token are ticked.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Answer, Browser, PASSWORD, TestServer};

/// The boxes of a list in their order; a ticked one has a star.
fn boxes(answer: &Answer) -> Vec<String> {
    let parts = answer.body.split("name=\"repository\" value=\"").skip(1);
    parts
        .map(|part| {
            let (name, rest) = part.split_once('"').unwrap();
            format!("{name}{}", if rest.starts_with(" checked") { "*" } else { "" })
        })
        .collect()
}

async fn create(owner: &Browser, names: &[&str]) {
    for name in names {
        let answer = owner.post("/settings/repositories/new", &[("name", name), ("visibility", "private")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}: {}", answer.body);
    }
}

async fn search(browser: &Browser, text: &str) -> Answer {
    let answer = browser.htmx_get(&format!("/settings/tokens/repositories?text={text}")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    answer
}

#[tokio::test]
async fn ones_own_repositories_and_shared_ones_are_listed_and_no_others() {
    let server = TestServer::start().await;
    let root = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    let form = alice.get("/settings/tokens/new").await;
    assert!(boxes(&form).is_empty() && !form.body.contains("repository-search"), "nothing to choose from");
    create(&root, &["team/tools"]).await;
    create(&alice, &["alice/web", "alice/api"]).await;
    create(&bob, &["bob/shared", "bob/closed"]).await;
    let id = server.text("SELECT id FROM repository WHERE name = 'bob/shared'").await;
    bob.post(&format!("/settings/repositories/{id}/share"), &[("username", "alice"), ("share", "pull")]).await;
    for page in ["/settings/tokens/new", "/settings/tokens/repositories"] {
        assert_eq!(boxes(&alice.htmx_get(page).await), ["alice/api", "alice/web", "bob/shared"], "{page}");
        assert_eq!(boxes(&bob.htmx_get(page).await), ["bob/closed", "bob/shared"], "{page}");
        assert_eq!(boxes(&root.htmx_get(page).await), ["team/tools"], "an administrator’s: {page}");
    }
    server.sql("UPDATE account SET disabled_at = 1 WHERE username = 'bob'").await;
    assert_eq!(boxes(&root.htmx_get("/settings/tokens/new").await), ["team/tools"], "not those of a disabled account");
}

#[tokio::test]
async fn ticked_repositories_and_typed_patterns_limit_the_token_together() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    create(&alice, &["alice/api", "alice/web", "alice/docs"]).await;
    let key = alice.form_key().await;
    let mut form = vec![
        ("form_key", key.as_str()),
        ("description", ""),
        ("expiration", "30"),
        ("permission", "repo:write"),
        ("reach", "named"),
        ("repository", "alice/web"),
        ("repository", "alice/docs"),
        ("repositories", "alice/t-*"),
    ];
    let wrong = alice.post("/settings/tokens", &form).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(boxes(&wrong), ["alice/web*", "alice/docs*", "alice/api"], "ticked ones first, and none is lost");
    assert!(wrong.body.contains(">alice/t-*</textarea>"), "{}", wrong.body);
    form[1] = ("description", "ci");

    // The question for the password carries all of them along.
    server.clock.advance(Duration::minutes(31));
    let asked = alice.post("/settings/tokens", &form).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert_eq!(asked.body.matches("name=\"repository\"").count(), 2);
    form.push(("confirm_password", PASSWORD));
    assert_eq!(alice.post("/settings/tokens", &form).await.status, StatusCode::OK);
    assert_eq!(server.text("SELECT repositories FROM token").await, "alice/web\nalice/docs\nalice/t-*");

    let id = server.text("SELECT id FROM token").await;
    for page in [format!("/settings/tokens/{id}/edit"), format!("/settings/tokens/new?like={id}")] {
        let page = alice.get(&page).await;
        assert_eq!(boxes(&page), ["alice/web*", "alice/docs*", "alice/api"]);
        assert!(page.body.contains(">alice/t-*</textarea>") && page.body.contains("value=\"named\" checked"));
    }
    let edit = [
        ("description", "ci"),
        ("permission", "repo:write"),
        ("reach", "named"),
        ("repository", "alice/web"),
        ("repositories", ""),
    ];
    assert_eq!(alice.post(&format!("/settings/tokens/{id}"), &edit).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.text("SELECT repositories FROM token").await, "alice/web");
}

#[tokio::test]
async fn a_list_of_five_thousand_is_bounded_and_searched() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let insert = "INSERT INTO repository (id, name, namespace, is_public, created_at)
                  WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
                  SELECT 'repository-' || n, 'alice/r' || n, 'alice', FALSE, 0 FROM numbers";
    server.sql(insert).await;
    let form = alice.get("/settings/tokens/new").await;
    assert_eq!(boxes(&form).len(), 50);
    assert!(form.body.contains(">The first 50 of 5000 repositories. Search to find others.</p>"), "{}", form.body);
    let found = search(&alice, "r4999").await;
    assert_eq!(boxes(&found), ["alice/r4999"]);
    assert!(found.body.contains(">1 repository matches.</p>"), "{}", found.body);
    assert!(search(&alice, "r49").await.body.contains(">The first 50 of 111 repositories."));
    // A wildcard of SQL is an ordinary character.
    for nothing in ["nowhere", "%25", "_", "bob/"] {
        let found = search(&alice, nothing).await;
        assert!(boxes(&found).is_empty() && found.body.contains(">No repositories match.</p>"), "{nothing}");
    }
    let plain = alice.get("/settings/tokens/repositories?text=r1").await;
    assert_eq!((plain.status, plain.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens/new"));
}
