//! `/settings/tokens/new?like=…`: a new token with the settings of another.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Browser, TestServer};

async fn form(browser: &Browser, id: &str) -> String {
    let page = browser.get(&format!("/settings/tokens/new?like={id}")).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    page.body
}

#[tokio::test]
async fn the_form_is_filled_in_from_the_menu_and_from_an_expired_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci \"push\" <x>", "repo:write", "30").await;
    let link = format!("href=\"/settings/tokens/new?like={0}&amp;from={0}\"", token.id);
    let home = format!("/settings/tokens/{}", token.id);
    assert!(alice.get(&home).await.body.contains(&link));
    let before = server.rows("token").await;
    for days in [0, 31] {
        server.clock.advance(Duration::days(days));
        let alice = server.signed_in("alice").await;
        assert!(alice.get(&home).await.body.contains(&link), "expired or not");
        let form = form(&alice, &token.id).await;
        for part in [
            "value=\"ci &#34;push&#34; &#60;x&#62;\"",
            "<option value=\"30\" selected>",
            "name=\"permission\" value=\"repo:write\" checked",
        ] {
            assert!(form.contains(part), "{part} in {form}");
        }
        assert_eq!(form.matches(" checked").count(), 2, "a level, and all repositories");
    }
    assert_eq!(server.rows("token").await, before, "nothing about the old token changes");
}

#[tokio::test]
async fn the_length_of_life_is_the_same() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for choice in ["7", "365", "never"] {
        let token = alice.generate(choice, "repo:read", choice).await;
        assert!(form(&alice, &token.id).await.contains(&format!("<option value=\"{choice}\" selected>")), "{choice}");
    }
    let (today, key) = (server.clock.now().date(), alice.form_key().await);
    let date = (today + Duration::days(12)).to_string();
    let custom = [
        ("form_key", key.as_str()),
        ("description", "custom"),
        ("expiration", "custom"),
        ("expiration_date", &date),
        ("permission", "repo:read"),
    ];
    assert_eq!(alice.post("/settings/tokens", &custom).await.status, StatusCode::OK);
    let id = server.text("SELECT id FROM token WHERE description = 'custom'").await;
    server.clock.advance(Duration::days(20));
    let alice = server.signed_in("alice").await;
    let form = form(&alice, &id).await;
    let later = server.clock.now().date() + Duration::days(12);
    assert!(form.contains("<option value=\"custom\" selected>"));
    assert!(form.contains(&format!("value=\"{later}\"")), "{later} in {form}");
}

#[tokio::test]
async fn what_the_operator_no_longer_allows_is_not_offered_again() {
    let server = TestServer::start_with(|settings| settings.max_token_lifetime_days = Some("30".into())).await;
    let alice = server.account_signed_in("alice").await;
    let (long, ever) = (alice.generate("long", "repo:read", "7").await, alice.generate("ever", "repo:read", "7").await);
    let end = server.clock.now().millis() + 90 * 86_400_000;
    server.sql(&format!("UPDATE token SET expires_at = {end} WHERE id = '{}'", long.id)).await;
    server.sql(&format!("UPDATE token SET expires_at = NULL WHERE id = '{}'", ever.id)).await;
    let last = server.clock.now().date() + Duration::days(30);
    assert!(form(&alice, &long.id).await.contains(&format!("value=\"{last}\"")), "as long as is allowed");
    assert!(form(&alice, &ever.id).await.contains("<option value=\"30\" selected>"));
}

#[tokio::test]
async fn a_token_that_is_not_ones_own_is_not_found() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("alices own", "repo:read", "30").await;
    let bob = server.account_signed_in("bob").await;
    for id in [token.id.as_str(), "00000000-0000-7000-8000-000000000000", "nonsense", "", "%27"] {
        for answer in [
            bob.get(&format!("/settings/tokens/new?like={id}")).await,
            bob.htmx_get(&format!("/settings/tokens/new?like={id}")).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
            assert!(!answer.body.contains("alices own"));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_an_id_is_found_nowhere() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for wrong in ["", "x", "../edit"] {
        let answer = alice.get(&format!("/settings/tokens/new?like={wrong}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}
