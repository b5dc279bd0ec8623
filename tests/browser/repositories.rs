//! The repositories page: created by hand and by pushing, made public, shared, unshared and removed.

use time::Duration;

use crate::driver::journey;
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
        window.click("button", words.remove_repository).await;
        window.until("it is gone", async || (window.table().await.len() == 1).then_some(())).await;
        window.holds("document.activeElement.matches('h1')").await;
    })
    .await;
}
