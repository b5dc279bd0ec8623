//! How many tokens an account may have, and how many it may generate per hour.

use std::sync::Arc;

use dockpass::config::Settings;
use reqwest::StatusCode;
use time::Duration;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::{Answer, Browser, TestServer};

async fn start(tokens: &str, an_hour: &str) -> TestServer {
    let (tokens, an_hour) = (tokens.to_owned(), an_hour.to_owned());
    TestServer::start_with(move |settings: &mut Settings| {
        settings.max_tokens = tokens;
        settings.token_creations_per_hour = an_hour;
    })
    .await
}

async fn post(browser: &Browser, expiration: &str) -> Answer {
    let key = browser.form_key().await;
    let form = [("form_key", key.as_str()), ("description", "one more"), ("expiration", expiration)];
    browser.post("/settings/tokens", &[form.as_slice(), &[("permission", "repo:read")]].concat()).await
}

fn assert_full(answer: &Answer, wait: Option<&str>, sentence: &str) {
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::TOO_MANY_REQUESTS, "no-store"));
    assert_eq!(answer.header("retry-after"), wait.unwrap_or_default());
    assert!(answer.body.contains(sentence), "{}", answer.body);
    assert_eq!(answer.after("name=\"description\" value=\""), "one more", "nothing typed is lost");
    assert!(!answer.body.contains("dp_pat_"));
}

#[tokio::test]
async fn the_page_says_the_numbers() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    assert!(
        alice.get("/settings/tokens").await.body.contains("0 of 200 tokens used. You can generate 30 more this hour.")
    );
    for _ in 0..3 {
        alice.generate("ci", "repo:read", "7").await;
    }
    assert!(
        alice.get("/settings/tokens").await.body.contains("3 of 200 tokens used. You can generate 27 more this hour.")
    );
    server.clock.advance(Duration::hours(1));
    let page = alice.get("/settings/tokens").await.body;
    assert!(page.contains("3 of 200 tokens used. You can generate 30 more this hour."), "{page}");
}

#[tokio::test]
async fn an_hour_holds_so_many_and_the_button_says_until_when() {
    let server = start("200", "2").await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("first", "repo:read", "7").await;
    server.clock.advance(Duration::minutes(20));
    let second = alice.generate("second", "repo:read", "7").await;
    alice.post(&format!("/settings/tokens/{}/delete", second.id), &[]).await;
    let said = "You’ve reached the limit of 2 new tokens an hour, including those you’ve deleted. You can generate another token in 40 minutes.";
    let page = alice.get("/settings/tokens").await.body;
    assert!(page.contains(said) && !page.contains("tokens used"), "only what stops the reader: {page}");
    assert!(page.contains("id=\"generate\" disabled aria-describedby=\"quota-full\">Generate new token</button>"));
    assert!(page.split_once("id=\"quota-full\"").unwrap().1.split("</").next().unwrap().contains(said), "its reason");
    assert!(!page.contains("<a class=\"button primary\" id=\"generate\""));
    assert_full(&post(&alice, "7").await, Some("2400"), said);
    assert_eq!(server.count("spent_form_key").await, 2, "the form can be posted again later");
    server.clock.advance(Duration::minutes(40) - Duration::MILLISECOND);
    let alice = server.signed_in("alice").await;
    assert_eq!(post(&alice, "7").await.status, StatusCode::TOO_MANY_REQUESTS, "a deleted token still counts");
    server.clock.advance(Duration::MILLISECOND);
    assert_eq!(post(&alice, "7").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_account_holds_so_many_and_is_told_what_to_do() {
    let server = start("2", "30").await;
    let alice = server.account_signed_in("alice").await;
    let first = alice.generate("first", "repo:read", "never").await;
    alice.generate("second", "repo:read", "never").await;
    let said = "You’ve reached the limit of 2 tokens. Delete a token you no longer use.";
    assert_full(&post(&alice, "7").await, None, said);
    let page = alice.get("/settings/tokens").await.body;
    assert!(page.contains(said) && !page.contains("more this hour"), "only what stops the reader: {page}");
    alice.post(&format!("/settings/tokens/{}/deactivate", first.id), &[]).await;
    assert_eq!(post(&alice, "7").await.status, StatusCode::TOO_MANY_REQUESTS, "an inactive one counts");
    alice.post(&format!("/settings/tokens/{}/delete", first.id), &[]).await;
    assert_eq!(post(&alice, "7").await.status, StatusCode::OK);
    let said = "Delete a token you no longer use, or wait 7 days until one expires.";
    assert_full(&post(&alice, "7").await, Some("604800"), said);
    server.clock.advance(Duration::days(7));
    let alice = server.signed_in("alice").await;
    assert_eq!(post(&alice, "7").await.status, StatusCode::OK, "an expired one does not count");
}

#[tokio::test]
async fn auto_generated_tokens_do_not_count_and_accounts_are_counted_apart() {
    let server = start("1", "1").await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    bob.generate("bobs", "repo:read", "7").await;
    assert!(
        alice.get("/settings/tokens").await.body.contains("0 of 1 tokens used. You can generate 1 more this hour.")
    );
    server.sql("UPDATE token SET source = 'auto-generated'").await;
    server.clock.advance(Duration::hours(1));
    let bob = server.signed_in("bob").await;
    let page = bob.get("/settings/tokens").await.body;
    assert!(page.contains("0 of 1 tokens used. You can generate 1 more this hour."), "{page}");
    assert_eq!(post(&bob, "7").await.status, StatusCode::OK);
}

async fn forty(server: &TestServer, alice: &Browser) -> (usize, usize) {
    let caller = server.same_session(alice);
    let statuses = all_at_once(|_| {
        let caller = Arc::clone(&caller);
        async move { post(&caller, "30").await.status }
    })
    .await;
    let made = statuses.iter().filter(|status| **status == StatusCode::OK).count();
    let refused = statuses.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!(made + refused, MANY, "{statuses:?}");
    (made, refused)
}

#[tokio::test]
async fn the_hour_holds_under_forty_posts_at_once() {
    let server = start("200", "7").await;
    let alice = server.account_signed_in("alice").await;
    assert_eq!(forty(&server, &alice).await, (7, MANY - 7));
    assert_eq!((server.count("token").await, server.count("token_creation").await), (7, 7));
}

#[tokio::test]
async fn the_number_of_tokens_holds_under_forty_posts_at_once() {
    let server = start("5", "100").await;
    let alice = server.account_signed_in("alice").await;
    assert_eq!(forty(&server, &alice).await, (5, MANY - 5));
    assert_eq!(server.count("token").await, 5);
}

#[tokio::test]
async fn creations_are_forgotten_after_their_hour() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("ci", "repo:read", "7").await;
    server.clock.advance(Duration::hours(1) + Duration::MILLISECOND);
    server.tidy().await;
    assert_eq!((server.count("token_creation").await, server.count("token").await), (0, 1));
}

#[tokio::test]
async fn the_form_says_before_it_is_filled_in_that_a_limit_is_reached() {
    let server = start("2", "30").await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("first", "repo:read", "never").await;
    let page = alice.get("/settings/tokens").await.body;
    assert!(
        page.contains("1 of 2 tokens used. You can generate 1 more."),
        "the tokens are fewer than the hour: {page}"
    );
    assert!(page.contains("Expired and auto-generated ones don’t count."));
    assert!(!alice.get("/settings/tokens/new").await.body.contains("You’ve reached the limit"));
    alice.generate("second", "repo:read", "never").await;
    let form = alice.get("/settings/tokens/new").await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.body.contains("You’ve reached the limit of 2 tokens. Delete"), "{}", form.body);
}
