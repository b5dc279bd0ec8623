//! `/settings/tokens/{id}/delete`: the question, the deletion, and the tombstone.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, MadeToken, TestServer};

async fn message(server: &TestServer, name: &str, token: &MadeToken) -> String {
    let answer = server.anonymous().token(name, &token.secret, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    answer.json()["errors"][0]["message"].as_str().unwrap().to_owned()
}

async fn delete(browser: &Browser, token: &MadeToken) {
    let answer = browser.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
}

#[tokio::test]
async fn it_asks_first_and_names_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    let path = format!("/settings/tokens/{}/delete", token.id);
    let page = alice.get(&path).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.starts_with("<!doctype html>"));
    let question = "Delete “ci push”? Anything that uses it will lose access. This can’t be undone.";
    assert!(page.body.contains(question), "{}", page.body);
    assert!(page.body.contains(&format!("<form method=\"post\" action=\"{path}\"")));
    assert!(page.body.contains(&format!("{}…", &token.secret[..10])), "and shows its hint");
    let fragment = alice.htmx_get(&path).await;
    assert!(fragment.body.trim_start().starts_with("<dialog") && fragment.body.contains(question));
    assert_eq!(server.count("token").await, 1, "asking deletes nothing");
}

#[tokio::test]
async fn deleting_is_for_good() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    delete(&alice, &token).await;
    let page = alice.get("/settings/tokens").await;
    assert!(page.body.contains("“ci push” deleted. Access already granted ends within 6 minutes."));
    assert!(page.body.contains("No tokens yet"));
    assert_eq!(server.count("token").await, 0);
    for end in ["", "/edit", "/delete"] {
        let path = format!("/settings/tokens/{}{end}", token.id);
        assert_eq!(alice.get(&path).await.status, StatusCode::NOT_FOUND, "{end}");
    }
    let again = alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_question_says_what_will_stop() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "never").await;
    let path = format!("/settings/tokens/{}/delete", token.id);
    assert!(alice.get(&path).await.body.contains("<p class=\"hint\">Never used.</p>"));
    let docker = server.anonymous().with_header("user-agent", "docker/28.0.1 go/go1.24 os/linux arch/amd64");
    docker.token("alice", &token.secret, &[]).await;
    server.flush().await;
    server.clock.advance(Duration::minutes(3));
    let stake = "<p class=\"notice warning\">Last used 3 minutes ago by docker 28.0 on linux: that will stop.</p>";
    let page = alice.get(&path).await.body;
    assert!(page.contains(stake), "{page}");
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    let page = alice.get(&path).await.body;
    assert!(
        page.contains("<p class=\"hint\">Last used 8 days ago by docker 28.0 on linux: that will stop.</p>"),
        "{page}"
    );
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    let page = alice.get(&path).await.body;
    assert!(
        page.contains("<p class=\"hint\">Last used 8 days ago by docker 28.0 on linux.</p>"),
        "it stopped before: {page}"
    );
}

#[tokio::test]
async fn every_verb_says_that_a_token_was_already_deleted_and_shows_the_list_as_it_is() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("<i>laptop</i>", "repo:read", "30").await;
    alice.generate("kept", "repo:read", "30").await;
    delete(&alice, &token).await;
    let base = format!("/settings/tokens/{}", token.id);
    let edited = [("description", "new"), ("permission", "repo:admin"), ("reach", "all")];
    for (end, form) in [
        ("/edit", None),
        ("/delete", None),
        ("/delete", Some(&[][..])),
        ("/activate", Some(&[][..])),
        ("/deactivate", Some(&[][..])),
        ("", Some(&edited[..])),
        ("", None),
    ] {
        let path = format!("{base}{end}");
        let plain = match form {
            Some(form) => alice.post(&path, form).await,
            None => alice.get(&path).await,
        };
        let fragment = match form {
            Some(form) => alice.htmx_post(&path, form).await,
            None => alice.htmx_get(&path).await,
        };
        for (answer, is_page) in [(plain, true), (fragment, false)] {
            assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::NOT_FOUND, "no-store"), "{path}");
            assert_eq!(answer.body.contains("<!doctype html>"), is_page);
            assert!(
                answer.body.contains("This token was already deleted (“&#60;i&#62;laptop&#60;/i&#62;”)."),
                "{path}"
            );
            assert!(answer.body.contains("<span class=\"description\">kept</span>"), "{path}: the others are there");
            assert!(is_page || answer.body.contains("id=\"tokens\"") && answer.body.contains("hx-swap-oob=\"true\""));
        }
    }
    // Whoever stands on the token's page is led to the list.
    let (there, verb) = (server.url(&base), format!("{base}/deactivate"));
    let led = alice.send(
        reqwest::Method::POST,
        &verb,
        Some(&[]),
        crate::harness::callers::headers(&[("hx-request", "true"), ("hx-current-url", &there)]),
    );
    let led = led.await;
    assert_eq!((led.status, led.header("hx-redirect")), (StatusCode::OK, "/settings/tokens"));
    assert!(alice.get("/settings/tokens").await.body.contains("This token was already deleted"));
    assert_eq!(server.count("token").await, 1);
}

#[tokio::test]
async fn htmx_gets_the_table_without_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "30").await;
    let answer = alice.htmx_post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.body.contains("<div id=\"tokens\" hx-swap-oob=\"true\">"));
    assert!(answer.body.contains("No tokens yet") && answer.body.contains("“ci push” deleted."));
}

#[tokio::test]
async fn an_expired_token_can_be_deleted() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let token = server.signed_in("alice").await.generate("ci", "repo:read", "7").await;
    server.clock.advance(Duration::days(8));
    let alice = server.signed_in("alice").await;
    assert_eq!(alice.get(&format!("/settings/tokens/{}/delete", token.id)).await.status, StatusCode::OK);
    delete(&alice, &token).await;
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn whoever_uses_a_deleted_token_is_told_for_90_days() {
    let server = TestServer::start().await;
    server.account("bob").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "never").await;
    delete(&alice, &token).await;
    let told = format!(
        "access token \"ci push\" was deleted on {}: generate a new one at {} (PAT-DELETED)",
        server.clock.now().date(),
        server.url("/settings/tokens"),
    );
    assert_eq!(message(&server, "alice", &token).await, told);
    assert!(message(&server, "bob", &token).await.ends_with("(PAT-WRONG-USER)"));
    server.clock.advance(Duration::days(90));
    assert_eq!(message(&server, "alice", &token).await, told, "the 90th day");
    server.clock.advance(Duration::DAY);
    assert!(message(&server, "alice", &token).await.ends_with("(AUTH-FAILED)"), "after 90 days");
    assert!(message(&server, "bob", &token).await.ends_with("(AUTH-FAILED)"), "after 90 days, whoever asks");
}

#[tokio::test]
async fn a_tombstone_is_cleared_away_after_90_days() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci push", "repo:read", "never").await;
    delete(&alice, &token).await;
    let tidy = async || {
        server.tidy().await;
        server.count("deleted_token").await
    };
    server.clock.advance(Duration::days(90));
    assert_eq!(tidy().await, 1);
    server.clock.advance(Duration::DAY);
    assert_eq!(tidy().await, 0);
}
