//! `/signup`.

use std::sync::Arc;

use reqwest::StatusCode;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::{PASSWORD, TestServer};

async fn open() -> TestServer {
    let server = TestServer::start_with(|settings| settings.signup = "open".into()).await;
    server.account("root-of-all").await;
    server
}

#[tokio::test]
async fn it_is_closed_unless_the_operator_opens_it() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    for answer in [server.anonymous().get("/signup").await, server.anonymous().post("/signup", &form).await] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.body.contains("This doesn’t exist, or you don’t have access to it."));
    }
    assert!(!server.anonymous().get("/login").await.body.contains("Create account"));
    assert_eq!(server.count("account").await, 1);
}

#[tokio::test]
async fn before_the_first_account_it_is_closed_too() {
    let server = TestServer::start_with(|settings| settings.signup = "open".into()).await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    let page = server.anonymous().get("/login").await.body;
    assert!(!page.contains("/signup") && !page.contains("name=\"password\""), "{page}");
    assert!(page.contains("open the link the server printed") && !page.contains("code="), "where to begin: {page}");
    assert_eq!(server.anonymous().get("/signup").await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.anonymous().post("/signup", &form).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.count("account").await, 0, "nobody becomes the administrator this way");
}

#[tokio::test]
async fn who_signs_up_is_signed_in_and_no_administrator() {
    let server = open().await;
    let login = server.anonymous().get("/login").await;
    assert!(login.body.contains("<a href=\"/signup\">Create account</a>"));
    let browser = server.anonymous();
    let page = browser.get("/signup").await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(page.body.contains(">Create account</button>") && page.body.contains("autocomplete=\"new-password\""));
    let planted = server.anonymous().with_cookie("dockpass", "AAAAAAAAAAAAAAAAAAAAAA");
    let answer = planted.post("/signup", &[("username", " alice "), ("password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    assert_ne!(planted.cookie("dockpass").unwrap(), "AAAAAAAAAAAAAAAAAAAAAA");
    assert!(planted.get("/settings").await.body.contains("Member"));
    assert_eq!(planted.get("/admin/accounts").await.status, StatusCode::NOT_FOUND);
    server.signed_in("alice").await;
}

#[tokio::test]
async fn wrong_input_is_said_beside_its_field() {
    let server = open().await;
    let browser = server.anonymous();
    for (name, password, field, sentence) in [
        ("", PASSWORD, "username", "Enter a username."),
        ("Alice", PASSWORD, "username", "Use only lowercase letters and digits"),
        ("settings", PASSWORD, "username", "This username is reserved."),
        ("root-of-all", PASSWORD, "username", "This username isn’t available."),
        ("alice", "short", "password", "Use at least 15 characters."),
        ("alice", "alicealicealicealice", "password", "This password is too easy to guess."),
    ] {
        let answer = browser.post("/signup", &[("username", name), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(answer.body.contains(&format!("id=\"{field}-error\">{sentence}")), "{name}: {}", answer.body);
        assert_eq!(answer.after("name=\"username\" value=\""), name, "kept");
        assert!(!answer.body.contains(password));
    }
    assert_eq!(server.count("account").await, 1);
}

#[tokio::test]
async fn an_address_makes_ten_accounts_an_hour() {
    let server = TestServer::start_with(|settings| {
        settings.signup = "open".into();
        settings.trusted_proxies = Some("127.0.0.1".into());
    })
    .await;
    server.account("root-of-all").await;
    let sign_up = async |address: &str, name: String| {
        let browser = server.anonymous().with_header("x-forwarded-for", address);
        browser.post("/signup", &[("username", &name), ("password", PASSWORD)]).await
    };
    for number in 0..10 {
        assert_eq!(sign_up("10.0.0.1", format!("user{number}")).await.status, StatusCode::SEE_OTHER);
    }
    let answer = sign_up("10.0.0.1", "user10".into()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=360).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
    assert!(answer.body.contains("Too many attempts"));
    assert_eq!(sign_up("10.0.0.2", "user10".into()).await.status, StatusCode::SEE_OTHER);
    assert_eq!(server.count("account").await, 12);
}

#[tokio::test]
async fn of_forty_that_want_one_name_one_gets_it() {
    let server = TestServer::start_with(|settings| {
        settings.signup = "open".into();
        settings.trusted_proxies = Some("127.0.0.1".into());
    })
    .await;
    server.account("root-of-all").await;
    let server = Arc::new(server);
    let statuses = all_at_once(|number| {
        let caller = server.anonymous().with_header("x-forwarded-for", &format!("10.0.0.{number}"));
        async move { caller.post("/signup", &[("username", "alice"), ("password", PASSWORD)]).await.status }
    })
    .await;
    let made = statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count();
    let told = statuses.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count();
    assert_eq!((made, told, server.count("account").await), (1, MANY - 1, 2));
}
