//! `/setup`.

use data_encoding::HEXLOWER;
use reqwest::StatusCode;
use sha2::{Digest, Sha256};

use crate::harness::{Browser, PASSWORD, TestServer, database};

fn code(server: &TestServer) -> String {
    server.setup_link.as_ref().unwrap().split_once("code=").unwrap().1.to_owned()
}

/// A browser that opened the link.
async fn let_in(server: &TestServer) -> Browser {
    let browser = server.anonymous();
    assert_eq!(browser.get(server.setup_link.as_ref().unwrap()).await.status, StatusCode::SEE_OTHER);
    browser
}

#[tokio::test]
async fn the_link_becomes_a_cookie_and_the_code_leaves_the_address() {
    let server = TestServer::start().await;
    let link = server.setup_link.clone().unwrap();
    assert!(link.starts_with(&server.url("/setup?code=")), "{link}");
    assert!(code(&server).len() >= 11, "64 random bits are 11 base62 characters");
    let browser = server.anonymous();
    let answer = browser.get(&link).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/setup"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let cookie = answer.set_cookie("dockpass");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains(&code(&server)));
    let form = browser.get("/setup").await;
    assert_eq!((form.status, form.header("cache-control")), (StatusCode::OK, "no-store"));
    assert!(form.body.contains("name=\"username\"") && form.body.contains("autocomplete=\"new-password\""));
    assert!(!form.body.contains(&code(&server)));
}

#[tokio::test]
async fn without_the_code_the_page_is_closed() {
    let server = TestServer::start().await;
    let browser = server.anonymous();
    let page = browser.get("/setup").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.body.contains("the link the server printed") && !page.body.contains("name=\"password\""));
    let posted = browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(posted.status, StatusCode::FORBIDDEN);
    assert_eq!(server.count("account").await, 0);
}

#[tokio::test]
async fn after_ten_codes_an_address_must_wait_even_with_the_right_one() {
    let server = TestServer::start().await;
    let browser = server.anonymous();
    for wrong in 0..10 {
        let answer = browser.get(&format!("/setup?code=wrong{wrong}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    for code in ["wrong", &code(&server)] {
        let answer = browser.get(&format!("/setup?code={code}")).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(answer.body.contains("Too many attempts"));
        assert!(answer.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn the_database_has_the_hash_of_the_code_alone() {
    let server = TestServer::start().await;
    let code = code(&server);
    let dump = server.dump().await;
    assert!(!database::holds(&dump, &code));
    assert!(dump.to_lowercase().contains(&HEXLOWER.encode(&Sha256::digest(&code))));
    let browser = let_in(&server).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(server.count("setup_code").await, 0);
}

#[tokio::test]
async fn the_first_account_is_an_administrator_and_signed_in() {
    let server = TestServer::start().await;
    let browser = let_in(&server).await;
    let before = browser.cookie("dockpass").unwrap();
    let answer = browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/settings/tokens"));
    assert_ne!(browser.cookie("dockpass").unwrap(), before);
    let settings = browser.get("/settings").await;
    assert!(settings.body.contains("alice") && settings.body.contains("Administrator"));
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE is_admin").await, Some(1));
    let planted = server.anonymous().with_cookie("dockpass", &before);
    assert_eq!(planted.get("/settings").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn it_is_gone_once_an_account_exists() {
    let server = TestServer::start().await;
    let (browser, late) = (let_in(&server).await, let_in(&server).await);
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    for path in ["/setup", server.setup_link.as_ref().unwrap()] {
        let answer = late.get(path).await;
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(answer.body.contains("Already set up"));
    }
    let answer = late.post("/setup", &[("username", "mallory"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert_eq!(server.count("account").await, 1);
}

#[tokio::test]
async fn an_account_made_at_the_shell_closes_it_too() {
    let server = TestServer::start().await;
    let browser = let_in(&server).await;
    server.account("alice").await;
    assert_eq!(browser.get("/setup").await.status, StatusCode::GONE);
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE is_admin").await, Some(1));
}

#[tokio::test]
async fn a_wrong_username_is_told_beside_its_field() {
    let server = TestServer::start().await;
    let browser = let_in(&server).await;
    let (long, characters) = ("a".repeat(40), "Use only lowercase letters and digits");
    let cases = [
        ("", "Enter a username."),
        ("a", "Use 2 to 39 characters."),
        (&long, "Use 2 to 39 characters."),
        ("Alice", characters),
        ("-alice", characters),
        ("alice.", characters),
        ("al..ice", characters),
        ("al__ice", characters),
        ("al._ice", characters),
        ("al ice", characters),
        ("ali/ce", characters),
        ("älice", characters),
        ("settings", "This username is reserved."),
        ("library", "This username is reserved."),
    ];
    for (name, sentence) in cases {
        let answer = browser.post("/setup", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        let beside = answer.body.split_once("id=\"username-error\">").unwrap().1;
        assert!(beside.starts_with(sentence), "{name}: {beside}");
        assert!(answer.body.contains("aria-describedby=\"username-error username-hint\""));
        assert_eq!(answer.after("name=\"username\" value=\""), name, "kept");
        assert!(!answer.body.contains(PASSWORD) && !answer.body.contains("password-error"));
    }
    assert_eq!(server.count("account").await, 0);
}

#[tokio::test]
async fn a_wrong_password_is_told_beside_its_field_and_never_sent_back() {
    let server = TestServer::start().await;
    let browser = let_in(&server).await;
    let long = "long enough in words ".repeat(25);
    let cases = [
        ("", "Enter a password."),
        ("fourteen chars", "Use at least 15 characters."),
        (&long, "Use at most 512 characters."),
        ("password12345678", "This password is too easy to guess."),
        ("aaaaaaaaaaaaaaaa", "This password is too easy to guess."),
        ("alicealicealicealice", "This password is too easy to guess."),
        ("dp_pat_as_a_password", "Passwords can’t start with dp_"),
    ];
    for (password, sentence) in cases {
        let answer = browser.post("/setup", &[("username", "alice"), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        let beside = answer.body.split_once("id=\"password-error\">").unwrap().1;
        assert!(beside.starts_with(sentence), "{password}: {beside}");
        assert_eq!(answer.after("name=\"username\" value=\""), "alice", "kept");
        assert!(password.is_empty() || !answer.body.contains(password));
    }
    assert_eq!(server.count("account").await, 0);
}

#[tokio::test]
async fn long_passwords_are_taken_whole_and_without_composition_rules() {
    let server = TestServer::start().await;
    let browser = let_in(&server).await;
    let password: String = ["wandering", "lantern", "oyster", "gravel"].map(|word| word.repeat(8)).concat();
    assert!(password.len() > 200);
    let answer = browser.post("/setup", &[("username", "al-ice_0.9"), ("password", &password)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let sign_in = async |password: &str| {
        server.anonymous().post("/login", &[("username", "al-ice_0.9"), ("password", password)]).await.status
    };
    assert_eq!(sign_in(&password[..password.len() - 1]).await, StatusCode::UNAUTHORIZED, "never truncated");
    assert_eq!(sign_in(&format!("{password} ")).await, StatusCode::UNAUTHORIZED, "never trimmed");
    assert_eq!(sign_in(&password).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_digest_is_argon2id_with_the_parameters_of_owasp() {
    let server = TestServer::start().await;
    let browser = let_in(&server).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    let digest = server.text("SELECT password_hash FROM account").await;
    assert!(digest.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{digest}");
    assert!(!database::holds(&server.dump().await, PASSWORD));
}
