//! Recent refusals with their fixes, "What can this token do?", and limiting a token to repositories.

use time::Duration;

use crate::driver::journey;
use crate::harness::{Browser, MadeToken, TestServer};
use crate::words::{CHINESE, ENGLISH, Words};

/// Sends a token request for one scope with a client's `User-Agent`.
async fn ask(server: &TestServer, client: &str, token: &MadeToken, scope: &str) {
    server.anonymous().with_header("user-agent", client).token("alice", &token.secret, &[scope]).await;
}

/// Selects "Only these" in the form of a token.
async fn limit(alice: &Browser, token: &MadeToken, repositories: &str) {
    let form = [
        ("description", "CI: build and push, main branch"),
        ("permission", "repo:write"),
        ("reach", "named"),
        ("repositories", repositories),
    ];
    assert_eq!(alice.post(&format!("/settings/tokens/{}", token.id), &form).await.status, 303);
}

async fn refusals(words: &'static Words) {
    let server = TestServer::start().await;
    for name in ["root-of-all", "bob"] {
        server.account(name).await;
    }
    let alice = server.account_signed_in("alice").await;
    let ci = alice.generate("CI: build and push, main branch", "repo:write", "90").await;
    server.clock.advance(Duration::seconds(1));
    let mirror = alice.generate("Nightly mirror", "repo:read", "30").await;
    server.clock.advance(Duration::seconds(1));
    let old = alice.generate("Old laptop", "repo:admin", "30").await;
    limit(&alice, &ci, "alice/api\nalice/web\nalice/tools-*").await;
    let docker = "docker/28.2.2 go/go1.24 git-commit/e6534b4 kernel/6.8 os/linux arch/amd64 UpstreamClient(x)";
    ask(&server, docker, &ci, "repository:alice/api:pull,push").await;
    server.clock.advance(Duration::minutes(4));
    ask(&server, "skopeo/1.9.3", &ci, "repository:alice/web:pull").await;
    ask(&server, docker, &ci, "repository:alice/app:pull,push").await;
    for _ in 0..14 {
        ask(&server, "skopeo/1.9.3", &mirror, "repository:alice/backup:pull,push").await;
    }
    ask(&server, docker, &ci, "repository:bob/app:pull,push").await;
    alice.post(&format!("/settings/tokens/{}/deactivate", old.id), &[]).await;
    server.clock.advance(Duration::minutes(3));
    ask(&server, "containers/5.23.1 (github.com/containers/image)", &old, "repository:alice/api:pull").await;
    server.flushed("SELECT CAST(SUM(times) AS BIGINT) FROM refusal", 17).await;
    server.flushed("SELECT COUNT(*) FROM token_use", 2).await;
    journey(&server, words, &[422], async |window| {
        window.sign_in("alice").await;
        window.element("#refusals").await;
        window.show("refusals").await;
        // Each line has one button, or none if no change to the token helps.
        let buttons = window.script("return [...document.querySelectorAll('#refusals li')].map(line => (line.querySelector('.button')?.textContent ?? '').trim());").await;
        assert_eq!(buttons.as_array().unwrap().iter().filter(|text| *text == "").count(), 1, "{buttons}");
        // The newest is in sight and the others on request. What was opened stays open while one deals with them.
        window.holds("!document.querySelector('#refusals details li').checkVisibility()").await;
        window.element("#refusals summary").await.click().await.unwrap();
        window.show("refusals-all").await;
        window.element("#refusals form[action$='/activate'] button").await.click().await.unwrap();
        window.status_becomes("Old laptop", words.active).await;
        window.holds("document.querySelectorAll('#refusals .button').length === 3").await;
        window.holds("document.querySelector('#refusals details').open").await;
        window.element(&format!("#refusals a[href='/settings/tokens/{}/edit']", mirror.id)).await.click().await.unwrap();
        window.element("dialog:modal").await;
        window.find("radio", words.levels[2]).await.click().await.unwrap();
        window.click("button", words.save).await;
        window.holds("!document.querySelector('dialog')").await;

        window.click("link", "CI: build and push, main branch").await;
        window.arrive(&format!("/settings/tokens/{}", ci.id)).await;
        for (repository, class) in [("alice/api", "yes"), ("bob/app", "no"), ("Alice/API", "error")] {
            let field = window.element("#repository").await;
            field.clear().await.unwrap();
            field.send_keys(repository).await.unwrap();
            window.choose_text(words.action, words.push).await;
            window.click("button", words.check).await;
            window.element(&format!("#answer .{class}")).await;
            if class != "yes" {
                window.show(&format!("token-tester-{class}")).await;
            }
        }

        window.goto("/settings/tokens/new").await;
        window.find("radio", words.only_these).await.click().await.unwrap();
        window.fill(words.repository_names, "alice/api alice/API").await;
        window.fill(words.description, "Deploy").await;
        window.show("new-limited").await;
        window.fill(words.repository_names, "alice/api web").await;
        window.click("button", words.generate).await;
        window.reads("#repositories-unused", "web").await;
        window.show("new-limited-unused").await;
        window.click("button", words.generate).await;
        window.secret().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_is_mended_and_what_a_token_can_do_is_asked() {
    refusals(&ENGLISH).await;
}

#[tokio::test]
async fn what_was_refused_is_mended_and_what_a_token_can_do_is_asked_in_chinese() {
    refusals(&CHINESE).await;
}
