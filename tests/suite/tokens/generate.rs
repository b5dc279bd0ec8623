//! `POST /settings/tokens`: generating a token.

use data_encoding::HEXLOWER;
use dockpass_core::secret::Secret;
use dockpass_core::timestamp::Timestamp;
use reqwest::StatusCode;
use sha2::{Digest, Sha256};
use time::{Date, Duration};

use crate::harness::{Answer, Browser, TestServer};

async fn post(browser: &Browser, fields: &[(&str, &str)]) -> Answer {
    let key = browser.form_key().await;
    let defaults =
        [("form_key", key.as_str()), ("description", "ci"), ("expiration", "90"), ("permission", "repo:read")];
    let kept = defaults.into_iter().filter(|(name, _)| fields.iter().all(|(other, _)| other != name));
    let form: Vec<_> = kept.chain(fields.iter().copied()).collect();
    browser.post("/settings/tokens", &form).await
}

fn secret(answer: &Answer) -> String {
    assert!(answer.body.contains(" readonly"));
    format!("dp_pat_{}", &answer.body.split_once("dp_pat_").unwrap().1[..36])
}

#[tokio::test]
async fn without_a_script_the_answer_is_a_page_with_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let answer = post(&alice, &[("description", "ci push")]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.body.starts_with("<!doctype html>") && answer.body.contains("<dialog class=\"dialog solemn\""));
    let secret = secret(&answer);
    assert!(secret.starts_with("dp_pat_") && Secret::parse(&secret).is_ok(), "{secret}");
    assert_eq!(answer.body.matches(&secret).count(), 1);
    assert!(answer.body.contains("readonly"));
    assert!(answer.body.contains("Copy it now. Once you close this, it won’t be shown again."));
    assert!(answer.body.contains("Treat it like a password and keep it in a password manager."));
    let host = server.address;
    assert!(answer.body.contains(&format!("<code>docker login {host} <span>-u alice</span></code>")));
    assert!(answer.body.contains(&format!("docker login {host} <span>-u alice</span> <span>--password-stdin</span>")));
    assert!(answer.body.contains("The token “ci push” is ready."));
    assert!(!answer.body.contains("hx-swap-oob"));
}

#[tokio::test]
async fn htmx_gets_the_dialog_with_the_token_and_the_table() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    let form = [("form_key", key.as_str()), ("description", "ci"), ("expiration", "90"), ("permission", "repo:read")];
    let answer = alice.htmx_post("/settings/tokens", &form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.body.trim_start().starts_with("<dialog") && !answer.body.contains("<html"));
    assert_eq!(answer.body.matches(&secret(&answer)).count(), 1);
    let (dialog, table) = answer.body.split_once("<div id=\"tokens\" hx-swap-oob=\"true\">").unwrap();
    assert!(dialog.contains("data-copy=\"secret\"") && dialog.contains(">Close</a>"));
    assert!(table.contains("<span class=\"description\">ci</span>"));
}

#[tokio::test]
async fn the_recipe_names_the_registry_that_the_operator_set() {
    let server = TestServer::start_with(|settings| settings.registry_host = Some("hub.example.com:5000".into())).await;
    let answer = post(&server.account_signed_in("alice").await, &[]).await;
    assert!(answer.body.contains("docker login hub.example.com:5000 <span>-u alice</span>"));
}

#[tokio::test]
async fn the_database_gets_what_was_asked_and_the_hash_of_the_secret() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let levels = ["repo:public_read", "repo:read", "repo:write", "repo:admin"];
    for level in levels {
        let answer = post(&alice, &[("description", level), ("permission", level)]).await;
        let row = server.rows("token").await.into_iter().find(|row| row.contains(level)).unwrap();
        let hash = HEXLOWER.encode(&Sha256::digest(secret(&answer)));
        assert!(row.to_lowercase().contains(&hash) && row.contains("manual"), "{row}");
        let stored = server.text(&format!("SELECT level FROM token WHERE description = '{level}'")).await;
        assert_eq!(stored, level);
    }
}

#[tokio::test]
async fn each_length_ends_that_many_days_from_now() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for days in [7, 30, 60, 90, 365] {
        let choice = days.to_string();
        assert_eq!(post(&alice, &[("description", &choice), ("expiration", &choice)]).await.status, StatusCode::OK);
        let end = server.number(&format!("SELECT expires_at FROM token WHERE description = '{days}'")).await;
        assert_eq!(end, Some((server.clock.now() + Duration::days(days)).millis()));
    }
    assert_eq!(post(&alice, &[("description", "never"), ("expiration", "never")]).await.status, StatusCode::OK);
    assert_eq!(server.number("SELECT expires_at FROM token WHERE description = 'never'").await, None);
}

async fn custom(server: &TestServer, browser: &Browser, date: Date) -> Answer {
    server.sql("DELETE FROM token").await;
    post(browser, &[("expiration", "custom"), ("expiration_date", &date.to_string())]).await
}

#[tokio::test]
async fn a_custom_date_means_the_end_of_that_day() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let today = server.clock.now().date();
    for date in [today, today + Duration::days(100), today + Duration::days(365)] {
        assert_eq!(custom(&server, &alice, date).await.status, StatusCode::OK, "{date}");
        let next_midnight = (date + Duration::DAY).midnight().assume_utc();
        let end = server.number("SELECT expires_at FROM token").await.unwrap();
        assert_eq!(end, Timestamp::from(next_midnight).millis() - 1, "{date}");
    }
}

#[tokio::test]
async fn a_custom_date_in_the_past_or_beyond_a_year_is_refused() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let today = server.clock.now().date();
    let last = today + Duration::days(365);
    let past = custom(&server, &alice, today - Duration::DAY).await;
    assert_eq!(past.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(past.body.contains("id=\"expiration_date-error\">Choose today or a later date."));
    let late = custom(&server, &alice, last + Duration::DAY).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    let sentence = format!("Choose a date no later than {} {} {}.", last.day(), last.month(), last.year());
    assert!(late.body.contains(&sentence), "{sentence}");
    assert!(late.body.contains(&format!("value=\"{}\"", last + Duration::DAY)), "kept");
    assert_eq!(server.count("token").await, 0);
}

/// The wrong field, the form, and the error at the field.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c str);

#[tokio::test]
async fn wrong_input_comes_back_with_its_values_and_a_sentence_beside_the_field() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let long = "ü".repeat(101);
    let cases: [Case; 11] = [
        ("description", &[("description", "")], "Enter a description, such as where you’ll use the token."),
        ("description", &[("description", "  \n ")], "Enter a description, such as where you’ll use the token."),
        ("description", &[("description", &long)], "Use at most 100 characters."),
        ("expiration", &[("expiration", "")], "Choose an option from the list."),
        ("expiration", &[("expiration", "8")], "Choose an option from the list."),
        ("expiration", &[("expiration", "-7")], "Choose an option from the list."),
        ("expiration_date", &[("expiration", "custom")], "Enter a date."),
        ("expiration_date", &[("expiration", "custom"), ("expiration_date", "2026-02-30")], "Enter a date."),
        ("expiration_date", &[("expiration", "custom"), ("expiration_date", "soon")], "Enter a date."),
        ("permission", &[("permission", "")], "Choose an access level."),
        ("permission", &[("permission", "repo:everything")], "Choose an access level."),
    ];
    for (field, fields, sentence) in cases {
        let answer = post(&alice, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.body.contains(&format!("id=\"{field}-error\">{sentence}")), "{fields:?}: {}", answer.body);
        assert!(answer.body.contains("aria-invalid=\"true\""));
        assert_eq!(answer.body.matches("class=\"error\"").count(), 1, "{fields:?}");
        assert!(!answer.body.contains("dp_pat_"));
    }
    assert_eq!((server.count("token").await, server.count("spent_form_key").await), (0, 0));
}

#[tokio::test]
async fn everything_that_was_typed_is_kept() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let fields = [
        ("form_key", "0123456789abcdefghijkl"),
        ("description", "a \"quoted\" <name>"),
        ("expiration", "custom"),
        ("expiration_date", "2001-02-03"),
        ("permission", "repo:admin"),
    ];
    for answer in [alice.post("/settings/tokens", &fields).await, alice.htmx_post("/settings/tokens", &fields).await] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        for part in [
            "name=\"form_key\" value=\"0123456789abcdefghijkl\"",
            "value=\"a &#34;quoted&#34; &#60;name&#62;\"",
            "<option value=\"custom\" selected>",
            "value=\"2001-02-03\"",
            "value=\"repo:admin\" checked",
        ] {
            assert!(answer.body.contains(part), "{part} in {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_form_without_its_key_makes_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for key in ["", "short"] {
        let answer = post(&alice, &[("form_key", key)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("This form is incomplete."));
    }
    assert_eq!(alice.post("/settings/tokens", &[]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(server.count("token").await, 0);
}

#[tokio::test]
async fn the_operators_limit_holds_against_a_form_of_ones_own() {
    let server = TestServer::start_with(|settings| settings.max_token_lifetime_days = Some("30".into())).await;
    let alice = server.account_signed_in("alice").await;
    for choice in ["60", "90", "365", "never"] {
        let answer = post(&alice, &[("expiration", choice)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{choice}");
        assert!(answer.body.contains("id=\"expiration-error\""));
    }
    let last = server.clock.now().date() + Duration::days(30);
    assert_eq!(custom(&server, &alice, last + Duration::DAY).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(custom(&server, &alice, last).await.status, StatusCode::OK);
    assert_eq!(post(&alice, &[("expiration", "30")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_description_is_one_printable_line_of_100_characters() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let hundred = "描".repeat(100);
    let cases = [("  ci \r\n push\u{7}  ", "ci    push"), (&hundred, &hundred), ("a\u{202e}b", "a b")];
    for (typed, kept) in cases {
        server.sql("DELETE FROM token").await;
        assert_eq!(post(&alice, &[("description", typed)]).await.status, StatusCode::OK, "{typed:?}");
        assert_eq!(server.text("SELECT description FROM token").await, kept);
    }
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused_readably() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let (cookie, port) = (alice.cookie("dockpass").unwrap(), server.address.port());
    let large = format!("description={}", "x".repeat(600_000));
    let bodies = [
        ("application/json", "{\"description\":\"x\"}", "400 ", "Something is missing"),
        ("multipart/form-data; boundary=x", "--x--", "400 ", "Something is missing"),
        ("application/x-www-form-urlencoded", "description=a&description=b", "400 ", "Something is missing"),
        ("application/x-www-form-urlencoded", &large, "413 ", "Too large"),
    ];
    for (kind, body, status, title) in bodies {
        let length = body.len();
        let request = format!(
            "POST /settings/tokens HTTP/1.1\r\nHost: x\r\nCookie: dockpass-{port}={cookie}\r\nConnection: close\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let answer = server.raw(request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{kind}: {answer}");
        assert!(answer.contains(title), "{answer}");
    }
    assert_eq!(server.count("token").await, 0);
}
