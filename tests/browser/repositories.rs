//! The repositories page: created by hand and by pushing, made public, shared, unshared and removed.

use serde_json::json;
use time::Duration;

use crate::driver::journey;
use crate::harness::events::by;
use crate::harness::{PASSWORD, TestServer};
use crate::words::{CHINESE, ENGLISH, Words};

#[tokio::test]
async fn a_repository_is_made_opened_shared_and_removed() {
    repositories(&ENGLISH).await;
}

#[tokio::test]
async fn a_repository_is_made_opened_shared_and_removed_in_chinese() {
    repositories(&CHINESE).await;
}

async fn repositories(words: &'static Words) {
    let server = TestServer::start().await;
    let root = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    journey(&server, words, &[422], async |window| {
        window.sign_in("alice").await;
        window.click("link", words.repositories).await;
        window.arrive("/settings/repositories").await;
        window.reads(".empty code", "/alice/app").await;
        window.show("repositories-empty").await;

        window.click("link", words.create_repository).await;
        window.element("dialog:modal").await;
        window.fill(words.name, "bob/app").await;
        window.element("dialog button.primary").await.click().await.unwrap();
        window.element("#name-error").await;
        window.holds("document.activeElement.id === 'name'").await;
        window.show("repository-new").await;
        window.fill(words.name, "alice/app").await;
        window.element("dialog button.primary").await.click().await.unwrap();
        window.until("it is private", async || (window.table().await.first()?[1] == words.private).then_some(())).await;
        window.holds("!document.querySelector('dialog')").await;

        window.open_actions("alice/app").await;
        window.click("menuitem", words.make_public).await;
        window.element("dialog:modal").await;
        window.show("repository-public").await;
        window.click("button", words.make_public).await;
        window.until("it is public", async || (window.table().await.first()?[1] == words.public).then_some(())).await;

        window.open_actions("alice/app").await;
        window.click("menuitem", words.share).await;
        window.element("dialog:modal").await;
        window.fill(words.username, "nobody").await;
        window.click("button", words.share).await;
        window.element("#username-error").await;
        window.fill(words.username, "root-of-all").await;
        window.click("button", words.share).await;
        window.reads("dialog .list li", "root-of-all").await;
        window.reads("#tokens td:nth-child(5)", "1").await;
        window.show("repository-share").await;
        window.element("dialog .list button").await.click().await.unwrap();
        window.holds("!document.querySelector('dialog .list')").await;
        window.click("link", words.close).await;
        window.holds("document.activeElement.id.startsWith('actions-')").await;

        root.post("/settings/repositories/new", &[("name", "team/tools/lint"), ("visibility", "public")]).await;
        let id = server.text("SELECT id FROM repository WHERE name = 'team/tools/lint'").await;
        root.post(&format!("/settings/repositories/{id}/share"), &[("username", "alice"), ("share", "push")]).await;
        let token = alice.generate("CI: build and push, main branch", "repo:write", "30").await;
        server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull,push"]).await;
        server.anonymous().token("root-of-all", PASSWORD, &["repository:team/tools/lint:pull,push"]).await;
        server.anonymous().get("/token?service=dockpass&scope=repository:team/tools/lint:pull").await;
        server.clock.advance(Duration::minutes(3));
        window
            .until("both pushes are in the table", async || {
                window.goto("/settings/repositories").await;
                let pushed = window.table().await.iter().filter(|row| row[2].contains('3')).count();
                (pushed == 2).then_some(())
            })
            .await;
        window.show("repositories").await;

        window.open_actions("alice/app").await;
        window.click("menuitem", words.remove).await;
        window.element("dialog:modal").await;
        window.show("repository-remove").await;
        window.click("button", words.remove).await;
        window.until("it is gone", async || (window.table().await.len() == 1).then_some(())).await;
        window.holds("document.activeElement.matches('h1')").await;
    })
    .await;
}

#[tokio::test]
async fn the_page_of_a_repository_says_who_pushed_what() {
    history(&ENGLISH).await;
}

#[tokio::test]
async fn the_page_of_a_repository_says_it_in_chinese() {
    history(&CHINESE).await;
}

async fn history(words: &'static Words) {
    let server = TestServer::with_registry().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("CI: build and push, main branch", "repo:admin", "30").await;
    alice.post("/settings/repositories/new", &[("name", "alice/app")]).await;
    for number in 0..60 {
        server.clock.advance(Duration::minutes(20));
        let tag = format!("v1.{number}");
        let mut event = server.event(&tag, if number % 9 == 5 { "delete" } else { "push" }, &tag);
        event["target"]["digest"] = json!(format!("sha256:{}", format!("{number:02}a91fc7").repeat(8)));
        let event = if number % 7 == 3 { event } else { by(&token, event) };
        server.tell(json!([event])).await;
    }
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        window.goto("/settings/repositories").await;
        window.click("link", "alice/app").await;
        window.holds("document.querySelectorAll('.history tbody tr').length === 50").await;
        window.reads(".history", "v1.59").await;
        window.reads(".history", words.password_user).await;
        window.show("repository").await;
        window.element(".paging [rel=next]").await.click().await.unwrap();
        window.holds("document.querySelectorAll('.history tbody tr').length === 10").await;
        window.click("link", words.share).await;
        window.element("dialog:modal").await;
        window.fill(words.username, "bob").await;
        window.click("button", words.share).await;
        window.reads("dialog .list li", "bob").await;
        window.reads("#facts", "1").await;
        window.click("link", words.close).await;
        window.holds("!document.querySelector('dialog')").await;
        window.click("link", words.make_public).await;
        window.element("dialog:modal").await;
        window.click("button", words.make_public).await;
        window.reads("#notice", "alice/app").await;
        window.find("button", words.make_private).await;
        window.click("link", words.remove).await;
        window.element("dialog:modal").await;
        window.click("button", words.remove).await;
        window.arrive("/settings/repositories").await;
        window.reads("#notice", "alice/app").await;
    })
    .await;
}
