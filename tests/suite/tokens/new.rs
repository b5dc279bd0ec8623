//! `GET /settings/tokens/new`: the form.

use dockpass_core::timestamp::Timestamp;
use reqwest::StatusCode;
use time::Duration;

use crate::harness::{Answer, TestServer};

/// The values of the expiration select in their order. The selected one has a star.
fn choices(answer: &Answer) -> Vec<String> {
    let select = answer.body.split_once("name=\"expiration\"").unwrap().1.split_once("</select>").unwrap().0;
    let options = select.split("<option value=\"").skip(1);
    options
        .map(|option| {
            let value = option.split('"').next().unwrap();
            format!("{value}{}", if option.split('>').next().unwrap().contains(" selected") { "*" } else { "" })
        })
        .collect()
}

#[tokio::test]
async fn it_is_a_page_that_works_without_a_script() {
    let server = TestServer::start().await;
    let page = server.account_signed_in("alice").await.get("/settings/tokens/new").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.starts_with("<!doctype html>") && page.body.contains("<dialog class=\"dialog\""));
    for part in [
        "<form method=\"post\" action=\"/settings/tokens\"",
        "<label for=\"description\">Description</label>",
        "<label for=\"expiration\">Expiration date</label>",
        "<legend>Access permissions</legend>",
        ">Generate</button>",
        "maxlength=\"100\"",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn htmx_gets_the_dialog_alone() {
    let server = TestServer::start().await;
    let fragment = server.account_signed_in("alice").await.htmx_get("/settings/tokens/new").await;
    assert_eq!((fragment.status, fragment.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(fragment.body.trim_start().starts_with("<dialog"), "{}", fragment.body);
    assert!(!fragment.body.contains("<html") && !fragment.body.contains("<nav"));
}

#[tokio::test]
async fn ninety_days_and_read_only_are_chosen() {
    let server = TestServer::start().await;
    let page = server.account_signed_in("alice").await.get("/settings/tokens/new").await;
    assert_eq!(choices(&page), ["7", "30", "60", "90*", "365", "custom", "never"]);
    for label in ["7 days", "30 days", "60 days", "90 days", "1 year", "Custom date", "No expiration"] {
        assert!(page.body.contains(&format!(">{label}</option>")), "{label}");
    }
    let checked = page.body.matches("\" checked").count();
    assert_eq!(checked, 2, "a level, and all repositories");
    assert!(page.body.contains("value=\"repo:read\" checked"));
    for sentence in ["Pull public repositories.", "Can’t push or delete.", "Can’t delete.", "Can’t manage your"] {
        assert!(page.body.contains(sentence), "{sentence}");
    }
}

#[tokio::test]
async fn the_resulting_date_is_said_in_words() {
    let server = TestServer::start().await;
    let page = server.account_signed_in("alice").await.get("/settings/tokens/new").await;
    for days in [7, 30, 60, 90, 365] {
        let end = (server.clock.now() + Duration::days(days)).date();
        let said = format!("Expires on {} {} {}.", end.day(), end.month(), end.year());
        assert!(page.body.contains(&said), "{said}");
    }
    let today = server.clock.now().date();
    let last = (server.clock.now() + Duration::days(365)).date();
    assert!(page.body.contains(&format!("min=\"{today}\" max=\"{last}\"")));
    assert!(page.body.contains("Works until you delete it."));
}

#[tokio::test]
async fn the_operators_limit_narrows_the_choices() {
    let offered = [
        ("30", vec!["7", "30*", "custom"]),
        ("45", vec!["7", "30", "45*", "custom"]),
        ("3", vec!["3*", "custom"]),
        ("90", vec!["7", "30", "60", "90*", "custom"]),
        ("200", vec!["7", "30", "60", "90*", "200", "custom"]),
        ("400", vec!["7", "30", "60", "90*", "365", "custom"]),
    ];
    for (limit, expected) in offered {
        let server = TestServer::start_with(|settings| settings.max_token_lifetime_days = Some(limit.into())).await;
        let page = server.account_signed_in("alice").await.get("/settings/tokens/new").await;
        assert_eq!(choices(&page), expected, "{limit}");
        assert!(!page.body.contains("No expiration"));
    }
}

#[tokio::test]
async fn every_form_has_a_key_of_its_own() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (one, other) = (alice.form_key().await, alice.form_key().await);
    assert!(one.len() >= 11 && one != other);
}

#[tokio::test]
async fn days_are_those_of_the_accounts_zone() {
    let server = TestServer::start().await;
    // The last evening but one of a year in Los Angeles, where it is 18:00; in UTC it is the next day.
    let evening = Timestamp::from_seconds(1_798_682_400);
    server.clock.advance(evening - server.clock.now());
    let alice = server.account_signed_in("alice").await;
    let zone = [("time_zone", "America/Los_Angeles")];
    assert_eq!(alice.post("/settings", &zone).await.status, reqwest::StatusCode::SEE_OTHER);
    let page = alice.get("/settings/tokens/new").await;
    assert!(page.body.contains("min=\"2026-12-30\" max=\"2027-12-30\""), "{}", page.body);
    for said in ["Expires on 6 January 2027.", "Works until the end of that day (America/Los_Angeles)."] {
        assert!(page.body.contains(said), "{said}");
    }
    let form = |key: String, date: &str| {
        let pairs = [("form_key", key.as_str()), ("description", "ci"), ("permission", "repo:read")];
        let mut form: Vec<(String, String)> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        form.extend([("expiration".to_owned(), "custom".to_owned()), ("expiration_date".to_owned(), date.to_owned())]);
        form
    };
    for (browser, date, status) in [
        (&alice, "2026-12-29", 422),
        (&alice, "2026-12-30", 200),
        (&server.signed_in("alice").await, "2027-12-31", 422),
    ] {
        let form = form(alice.form_key().await, date);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(browser.post("/settings/tokens", &form).await.status, status, "{date}");
    }
    let end = server.number("SELECT expires_at FROM token").await.unwrap();
    assert_eq!(Timestamp::from_millis(end).rfc3339(), "2026-12-31T07:59:59Z");
    assert!(alice.get("/settings/tokens").await.body.contains("30 December 2026 23:59 PST"));

    // Without a choice of the account, the browser's zone counts.
    server.account("bob").await;
    let bob = server.signed_in("bob").await.with_cookie("dockpass_zone", "America/Los_Angeles");
    assert!(bob.get("/settings/tokens/new").await.body.contains("min=\"2026-12-30\""));
    let odd = server.signed_in("bob").await.with_cookie("dockpass_zone", "Mars/Olympus");
    assert!(odd.get("/settings/tokens/new").await.body.contains("min=\"2026-12-31\""));
}
