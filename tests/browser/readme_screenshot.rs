//! A page with realistic content, for the README.

use time::Duration;

use crate::driver::journey;
use crate::harness::TestServer;
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

/// An account with the tokens of a year.
async fn lived_in() -> TestServer {
    let server = TestServer::start().await;
    server.account("maria").await;
    server.dismiss_setup_steps().await;
    // A session does not last for so long, so each day begins with a sign-in.
    let generate = async |description: &str, level: &str, expiration: &str| {
        server.signed_in("maria").await.generate(description, level, expiration).await
    };
    let used = async |secret: &str, program: &str| {
        let answer = server.anonymous().with_header("user-agent", program).token("maria", secret, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let build = generate("Build server in the old office", "repo:write", "60").await;
    used(&build.secret, "skopeo/1.9.3").await;
    server.clock.advance(Duration::days(31));
    let backup = generate("Nightly mirror to the backup registry", "repo:read", "never").await;
    server.clock.advance(Duration::minutes(25));
    let staging = generate("Staging cluster", "repo:read", "90").await;
    used(&staging.secret, "containerd/1.6.20~ds1").await;
    server.clock.advance(Duration::days(35));
    let ci = generate("CI: GitHub Actions, main branch", "repo:write", "30").await;
    server.clock.advance(Duration::days(26));
    let laptop = generate("Laptop", "repo:admin", "365").await;
    used(&backup.secret, "skopeo/1.9.3").await;
    server.clock.advance(Duration::hours(9));
    generate("Renovate bot", "repo:public_read", "90").await;
    used(&ci.secret, "Buildah/1.28.2").await;
    server.clock.advance(Duration::minutes(12));
    used(&laptop.secret, "Docker-Client/28.2.2 (linux)").await;
    let maria = server.signed_in("maria").await;
    maria.post(&format!("/settings/tokens/{}/deactivate", staging.id), &[]).await;
    maria.get("/settings/tokens").await;
    server.clock.advance(Duration::minutes(3));
    server
}

async fn tokens_page(window: &Window) {
    window.sign_in("maria").await;
    // Uses are written about a second later.
    window
        .until("each use is in the table", async || {
            window.driver().refresh().await.unwrap();
            let unused = window.table().await.into_iter().filter(|row| row[5] == window.words.never_used);
            (unused.count() == 1).then_some(())
        })
        .await;
}

async fn gallery(words: &'static Words) {
    let server = lived_in().await;
    journey(&server, words, &[], async |window| {
        tokens_page(window).await;
        let statuses: Vec<String> = window.table().await.into_iter().map(|row| row[2].clone()).collect();
        let (active, inactive, expired) = (words.active, words.inactive, words.expired);
        assert_eq!(statuses, [active, active, active, inactive, active, expired]);
        window.show("tokens").await;
        if words.suffix.is_empty() {
            window.picture_at("readme.png", 1280, 925).await;
        }
        window.open_actions("Laptop").await;
        window.show("tokens-menu").await;

        window.goto("/settings/tokens/new").await;
        window.show("new-page").await;
        window.fill(words.description, "Kubernetes, production").await;
        window.click("button", words.generate).await;
        let secret = window.secret().await;
        assert_eq!(window.path().await, "/settings/tokens", "a page of its own answers with a page");
        window.show("new-page-created").await;
        window.click("button", words.close).await;
        window.element("dialog [role=alert]:not([hidden])").await;
        window.click("button", words.close).await;
        window.element(".tokens").await;
        window.assert_nowhere(&secret).await;
    })
    .await;
}

#[tokio::test]
async fn the_table_is_read_at_a_glance() {
    gallery(&ENGLISH).await;
}

#[tokio::test]
async fn the_table_is_read_at_a_glance_in_chinese() {
    gallery(&CHINESE).await;
}
