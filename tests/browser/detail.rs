//! The page of one token: its uses, its chart, and what was pushed and pulled.

use serde_json::json;
use time::Duration;

use crate::driver::journey;
use crate::harness::events::{SKOPEO, by, by_digest};
use crate::harness::{MadeToken, TestServer};
use crate::words::{CHINESE, ENGLISH, Words};

const PODMAN: &str = "containers/5.23.1 (github.com/containers/image)";
const ENGINE: &str = "docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1 os/linux arch/amd64";

/// A token with two months of uses. The registry sent a notification for the last one.
async fn lived_in(server: &TestServer) -> MadeToken {
    server.account("bob").await;
    let token = server.account_signed_in("alice").await.generate("CI: GitHub Actions", "repo:admin", "365").await;
    for day in 0..20 {
        server.clock.advance(Duration::days(3));
        for _ in 0..=(day * 7 % 5) {
            server.ask(ENGINE, &token.secret, "pull").await;
        }
        if day % 3 == 0 {
            server.ask(PODMAN, &token.secret, "pull,push").await;
        }
        if day % 6 == 0 {
            server.anonymous().token("alice", &token.secret, &["repository:bob/app:push"]).await;
        }
        server.flush().await;
    }
    server.clock.advance(Duration::hours(2));
    // The crate oci-client sends no User-Agent.
    server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull"]).await;
    server.clock.advance(Duration::minutes(3));
    server.ask(SKOPEO, &token.secret, "*").await;
    let digest = format!("sha256:{}", "3c66a91f".repeat(8));
    let events = [server.event("1", "push", "v1.24.0-rc.3"), by_digest(&digest, server.event("2", "delete", ""))];
    let of_token = events.map(|mut event| {
        event["target"]["digest"] = json!(digest);
        by(&token, event)
    });
    server.tell(json!(of_token)).await;
    token
}

async fn detail(words: &'static Words) {
    let server = TestServer::with_registry().await;
    let token = lived_in(&server).await;
    journey(&server, words, &[], async |window| {
        window.sign_in("alice").await;
        window.goto(&format!("/settings/tokens/{}", token.id)).await;
        window.reads(".hint:has(+ .chart)", "UTC").await;
        window.reads(".history", "v1.24.0-rc.3").await;
        window.reads(".history", "podman (containers/image 5.23)").await;
        window.reads(".history", words.unnamed_program).await;
        window.reads(".history .refused", "PAT-REPOSITORY").await;
        for verb in [words.edit, words.again, words.delete] {
            window.find("link", verb).await;
        }
        window.find("button", words.deactivate).await;
        // A lane for each kind of request: they are told apart without colours.
        window.holds("document.querySelectorAll('.chart svg').length === 4").await;
        window
            .holds("[...document.querySelectorAll('.chart .lane-name')].every(name => /[1-9]/.test(name.innerText))")
            .await;
        window.show("token").await;
        for width in [320, 900, 1024, 1440] {
            window.fits_at(width).await;
            window.holds(ONE_LINE).await;
        }
        // A shortened digest is selected and copied whole.
        window.element(".digest").await;
        let selected = "const digest = document.querySelector('.digest'); getSelection().selectAllChildren(digest); \
                        return String(getSelection()) === digest.title && digest.title.length === 71;";
        assert_eq!(window.script(selected).await, json!(true));
    })
    .await;
}

/// No digest takes more than a line, and no row runs out of its table.
const ONE_LINE: &str = "[...document.querySelectorAll('.digest')].every(digest => digest.clientHeight < 30) && \
    [...document.querySelectorAll('.history td')].every(cell => \
    cell.getBoundingClientRect().right <= cell.closest('.history').getBoundingClientRect().right + 1)";

#[tokio::test]
async fn a_tokens_page_shows_its_days_and_its_uses() {
    detail(&ENGLISH).await;
}

#[tokio::test]
async fn a_tokens_page_shows_them_in_chinese() {
    detail(&CHINESE).await;
}
