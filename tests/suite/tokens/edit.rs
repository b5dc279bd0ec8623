//! `/settings/tokens/{id}` and `/edit`: a token's description and access.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::TestServer;

#[tokio::test]
async fn the_form_holds_what_is_and_says_that_the_date_stays() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci \"push\"", "repo:write", "30").await.id;
    let page = alice.get(&format!("/settings/tokens/{id}/edit")).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    let end = (server.clock.now() + Duration::days(30)).date();
    for part in [
        "<!doctype html>".to_owned(),
        format!("<form method=\"post\" action=\"/settings/tokens/{id}\""),
        "value=\"ci &#34;push&#34;\"".into(),
        "value=\"repo:write\" checked".into(),
        "The expiration date can’t be changed.".into(),
        format!("It expires on {} {} {}", end.day(), end.month(), end.year()),
        format!("<a href=\"/settings/tokens/new?like={id}\">Generate a new token with the same settings</a>"),
        ">Save token</button>".into(),
    ] {
        assert!(page.body.contains(&part), "{part}");
    }
    assert!(!page.body.contains("name=\"expiration"));
    let fragment = alice.htmx_get(&format!("/settings/tokens/{id}/edit")).await;
    assert!(fragment.body.trim_start().starts_with("<dialog") && !fragment.body.contains("<html"));
}

#[tokio::test]
async fn saving_changes_description_and_access_and_says_from_when() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let path = format!("/settings/tokens/{}", token.id);
    let form = [("description", "ci push"), ("permission", "repo:write")];
    let answer = alice.post(&path, &form).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    let page = alice.get("/settings/tokens").await;
    let said = "“ci push” saved. New requests follow the change now; access already granted ends within 6 minutes.";
    assert!(page.body.contains(said) && page.body.contains("Read &#38; Write"), "{}", page.body);
    assert!(!alice.get("/settings/tokens").await.body.contains(said), "it is said once");
    let scopes = ["repository:alice/app:pull,push"];
    let access = &server.anonymous().token("alice", &token.secret, &scopes).await.json()["token"];
    let access = crate::harness::claims(access.as_str().unwrap())["access"].clone();
    assert_eq!(access[0]["actions"], serde_json::json!(["pull", "push"]), "from the next request on");
}

#[tokio::test]
async fn htmx_gets_the_table_and_the_sentence() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let form = [("description", "ci pull"), ("permission", "repo:read")];
    let answer = alice.htmx_post(&format!("/settings/tokens/{id}"), &form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(answer.body.trim_start().starts_with("<div id=\"tokens\" hx-swap-oob=\"true\">"), "{}", answer.body);
    assert!(answer.body.contains("<span class=\"description\">ci pull</span>"));
    assert!(answer.body.contains("<div id=\"notice\" hx-swap-oob=\"innerHTML\"><p class=\"notice\">“ci pull” saved."));
    assert!(!answer.body.contains("<dialog"), "the dialog closes");
}

#[tokio::test]
async fn the_expiry_never_changes_whatever_the_form_says() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let before = server.number("SELECT expires_at FROM token").await;
    let form = [
        ("description", "ci"),
        ("permission", "repo:admin"),
        ("expiration", "never"),
        ("expiration_date", "2099-01-01"),
        ("expires_at", "0"),
    ];
    assert_eq!(alice.post(&format!("/settings/tokens/{id}"), &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.number("SELECT expires_at FROM token").await, before);
    assert_eq!(server.text("SELECT level FROM token").await, "repo:admin");
}

#[tokio::test]
async fn wrong_input_comes_back_with_its_values() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let before = server.rows("token").await;
    let long = "x".repeat(101);
    let cases = [
        ("", "repo:write", "description", "Enter a description, such as where you’ll use the token."),
        (&long, "repo:write", "description", "Use at most 100 characters."),
        ("kept", "repo:owner", "permission", "Choose an access level."),
        ("kept", "", "permission", "Choose an access level."),
    ];
    for (description, permission, field, sentence) in cases {
        let form = [("description", description), ("permission", permission)];
        for answer in [
            alice.post(&format!("/settings/tokens/{id}"), &form).await,
            alice.htmx_post(&format!("/settings/tokens/{id}"), &form).await,
        ] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(answer.body.contains(&format!("id=\"{field}-error\">{sentence}")), "{}", answer.body);
            assert_eq!(answer.after("name=\"description\" value=\""), description);
        }
    }
    assert_eq!(server.rows("token").await, before);
}

#[tokio::test]
async fn an_expired_token_cannot_be_edited() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let id = server.signed_in("alice").await.generate("ci push", "repo:read", "7").await.id;
    server.clock.advance(Duration::days(7));
    let alice = server.signed_in("alice").await;
    let before = server.rows("token").await;
    let form = [("description", "revived"), ("permission", "repo:admin")];
    let answer = alice.post(&format!("/settings/tokens/{id}"), &form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::CONFLICT, "no-store"));
    assert!(answer.body.contains("“ci push” has expired and can only be deleted."));
    assert!(answer.body.contains(&format!("href=\"/settings/tokens/new?like={id}\"")));
    assert_eq!(server.rows("token").await, before);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    for id in ["0", "00000000-0000-7000-8000-000000000000", "new%00", "%FF", "'%20OR%201=1", "a".repeat(3000).as_str()]
    {
        let answer = alice.get(&format!("/settings/tokens/{id}/edit")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        assert!(answer.body.contains("This doesn’t exist, or you don’t have access to it."));
    }
}
