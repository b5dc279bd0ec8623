//! `dockpass keys rotate`, the yearly rotation, and running servers that load new keys.

use std::path::Path;
use std::process::Output;
use std::time::Duration as Wait;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use dockpass::platform::clock::Clock;
use dockpass::platform::rng::SystemRng;
use dockpass::registry::keys::actions as keys;
use reqwest::StatusCode;
use serde_json::Value;
use time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::harness::program::{Program, command, run, run_with_input};
use crate::harness::{Browser, TestServer, database};

/// Servers look for new keys every two seconds.
const PATIENCE: u32 = 150;

/// On a blocking thread, because the test's servers may hold the database's lock and must keep running.
async fn rotate(data: &Path, url: Option<&str>) -> Output {
    let mut rotate = command(&["--data", data.to_str().unwrap(), "keys", "rotate"]);
    rotate.args(url.map(|url| ["--database-url", url]).into_iter().flatten());
    tokio::task::spawn_blocking(move || rotate.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn made(generation: i64) -> (Option<i32>, String, String) {
    let sentence = format!(
        "signing key {generation} created: running servers sign with it within 10 seconds; registries need no change"
    );
    (Some(0), sentence + "\n", String::new())
}

/// A registry token for an anonymous client.
async fn token(browser: &Browser) -> String {
    let answer = browser.get("/token?service=dockpass").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn header(token: &str) -> Value {
    let header = BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

async fn signs_with(browser: &Browser) -> String {
    header(&token(browser).await)["kid"].as_str().unwrap().to_owned()
}

async fn listed(browser: &Browser) -> Vec<String> {
    let keys = browser.get("/.well-known/jwks.json").await.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn is_let_in(browser: &Browser, token: &str) -> bool {
    let answer = browser.get_with("/v2/", &[("authorization", &format!("Bearer {token}"))]).await;
    answer.status == StatusCode::OK
}

/// Repeats `ask` until it returns `expected`.
async fn comes<T: PartialEq + std::fmt::Debug>(expected: &T, ask: impl AsyncFn() -> T) {
    for _ in 0..PATIENCE {
        if ask().await == *expected {
            return;
        }
        tokio::time::sleep(Wait::from_millis(100)).await;
    }
    assert_eq!(ask().await, *expected);
}

#[tokio::test]
async fn servers_take_up_a_new_key_and_know_the_old_one_while_its_tokens_live() {
    let mut url = None;
    let one = TestServer::start_with(|settings| url.clone_from(&settings.database_url)).await;
    let other = one.beside().await;
    let (at_one, at_other) = (one.anonymous(), other.anonymous());
    let old = token(&at_one).await;
    let old_key = header(&old)["kid"].as_str().unwrap().to_owned();
    assert_eq!(listed(&at_other).await, [old_key.as_str()]);

    assert_eq!(said(&rotate(&one.data(), url.as_deref()).await), made(2));
    for browser in [&at_one, &at_other] {
        comes(&2, async || listed(browser).await.len()).await;
        assert_eq!(signs_with(browser).await, old_key, "the others must know the new one first");
    }
    let keys = listed(&at_one).await;
    assert_eq!((&listed(&at_other).await, keys[1].as_str()), (&keys, old_key.as_str()));

    one.clock.advance(Duration::seconds(20));
    for browser in [&at_one, &at_other] {
        comes(&keys[0], async || signs_with(browser).await).await;
    }
    let new = token(&at_one).await;
    assert_ne!(header(&new)["x5c"], header(&old)["x5c"]);
    let late = one.beside().await;
    let at_late = late.anonymous();
    assert_eq!((listed(&at_late).await, signs_with(&at_late).await), (keys.clone(), keys[0].clone()));
    one.clock.advance(Duration::seconds(339));
    for browser in [&at_one, &at_other, &at_late] {
        assert!(is_let_in(browser, &new).await && is_let_in(browser, &old).await);
    }

    one.clock.advance(Duration::minutes(5));
    for browser in [&at_one, &at_other, &at_late] {
        comes(&keys[..1].to_vec(), async || listed(browser).await).await;
        assert_eq!(signs_with(browser).await, keys[0]);
    }
}

#[tokio::test]
async fn no_request_fails_while_keys_rotate_under_two_running_programs() {
    let folder = tempfile::tempdir().unwrap();
    let (data, url) = (folder.path().join("data"), database::url().await);
    let database = url.as_deref().map(|url| vec!["--database-url", url]).unwrap_or_default();
    let programs = [Program::start(&data, &database), Program::start(&data, &database)];
    let [one, other] = programs.each_ref().map(Program::browser);
    let first = signs_with(&one).await;
    assert_eq!(said(&rotate(&data, url.as_deref()).await), made(2));
    for round in 0.. {
        let tokens = [token(&one).await, token(&other).await];
        for token in &tokens {
            assert!(is_let_in(&one, token).await && is_let_in(&other, token).await, "in round {round}");
        }
        if tokens.iter().all(|token| header(token)["kid"] != first.as_str()) {
            assert!(round > 50, "{round}");
            break;
        }
        assert!(round < 2000, "nobody took up the new key");
        tokio::time::sleep(Wait::from_millis(10)).await;
    }
    for program in programs {
        assert!(program.stop().log.contains("signed with a new key from now on"));
    }
}

#[tokio::test]
async fn of_several_rotations_at_once_each_makes_a_key() {
    let mut url = None;
    let server = TestServer::start_with(|settings| url.clone_from(&settings.database_url)).await;
    let data = server.data();
    let one = || rotate(&data, url.as_deref());
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    let mut results: Vec<_> = [a, b, c, d].iter().map(said).collect();
    results.sort();
    assert_eq!(results, (2..6).map(made).collect::<Vec<_>>());
    comes(&5, async || listed(&server.anonymous()).await.len()).await;
}

#[tokio::test]
async fn after_a_year_a_server_rotates_by_itself() {
    let server = TestServer::start().await;
    let other = server.beside().await;
    let (browser, leaves) = (server.anonymous(), "SELECT COUNT(*) FROM signing_key WHERE role = 'leaf'");
    let first = signs_with(&browser).await;
    server.clock.advance(Duration::days(365));
    tokio::time::sleep(Wait::from_secs(5)).await;
    assert_eq!(listed(&browser).await, [first.as_str()], "not yet");
    server.clock.advance(Duration::MINUTE);
    for server in [&server, &other] {
        comes(&2, async || listed(&server.anonymous()).await.len()).await;
    }
    server.clock.advance(Duration::seconds(6));
    let second = listed(&browser).await[0].clone();
    assert_ne!(second, first);
    for server in [&server, &other] {
        comes(&second, async || signs_with(&server.anonymous()).await).await;
    }
    assert_eq!(database::number(&server.app.db, leaves).await, Some(2), "one for both servers");
}

#[tokio::test]
async fn a_key_from_the_future_is_followed_by_one_of_today() {
    let server = TestServer::start().await;
    let future = (server.clock.now() + Duration::days(20 * 365)).millis();
    server.sql(&format!("UPDATE signing_key SET created_at = {future} WHERE role = 'leaf'")).await;
    let late = server.beside().await;
    let browser = late.anonymous();
    let keys = listed(&browser).await;
    assert_eq!((keys.len(), signs_with(&browser).await), (2, keys[0].clone()));
    comes(&keys, async || listed(&server.anonymous()).await).await;
    assert_eq!(database::number(&server.app.db, "SELECT COUNT(*) FROM signing_key").await, Some(3), "the root and two");
}

#[tokio::test]
async fn a_server_that_was_off_for_years_begins_with_a_new_key() {
    let mut server = TestServer::start().await;
    let first = signs_with(&server.anonymous()).await;
    server.stop().await;
    server.clock.advance(Duration::days(3 * 365));
    let server = server.beside().await;
    let browser = server.anonymous();
    let keys = listed(&browser).await;
    assert_eq!((keys.len(), keys[1].as_str()), (2, first.as_str()));
    let token = token(&browser).await;
    assert_eq!(header(&token)["kid"], keys[0].as_str(), "the old one's certificate is over");
    assert!(is_let_in(&browser, &token).await);
}

#[tokio::test]
async fn where_nothing_is_installed_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for command in [vec!["keys", "rotate"], vec!["registry-config", "--registry-version", "2", "--out", "out"]] {
        let output = run(&[vec!["--data", data.to_str().unwrap()], command].concat());
        let (code, out, error) = said(&output);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(error.contains("there is no database") && error.contains("--data"), "{error}");
        assert!(!data.exists());
    }

    let url = database::url().await;
    let mut add = vec!["--data", data.to_str().unwrap(), "account", "add", "alice", "--password-stdin"];
    add.extend(url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
    assert!(run_with_input(&add, crate::harness::PASSWORD).status.success());
    let (code, _, error) = said(&rotate(&data, url.as_deref()).await);
    assert!(code == Some(1) && error.contains("this database has no keys yet"), "{error}");
    assert!(!data.join("secret.key").exists());
}

#[tokio::test]
async fn another_secret_key_file_makes_no_key() {
    let mut url = None;
    let server = TestServer::start_with(|settings| url.clone_from(&settings.database_url)).await;
    std::fs::write(server.data().join("secret.key"), data_encoding::BASE64.encode(&[7; 32])).unwrap();
    let (code, _, error) = said(&rotate(&server.data(), url.as_deref()).await);
    assert!(code == Some(1) && error.contains("secret.key") && error.contains("is not the one"), "{error}");
    assert_eq!(database::number(&server.app.db, "SELECT COUNT(*) FROM signing_key").await, Some(2));
}

/// A registry refuses every chain whose leaf begins in the future. After the clock is right, the next key mends that.
#[tokio::test]
async fn a_first_start_with_a_wrong_clock_is_mended_by_the_next_key() {
    for wrong_by in [Duration::days(4000), Duration::days(-4000)] {
        let folder = tempfile::tempdir().unwrap();
        let (clock, file) = (Clock::manual(), folder.path().join("secret.key"));
        let now = clock.now();
        let server = TestServer::start().await;
        server.sql("DELETE FROM signing_key").await;
        let keys = keys::load_or_create(&server.app.db, &file, now + wrong_by, SystemRng).await.unwrap();
        let root = keys.root_pem.clone();
        keys::rotate(&server.app.db, &keys.encryptor, now, SystemRng).await.unwrap();
        let mended = keys::load(&server.app.db, &file, now, SystemRng).await.unwrap();
        assert_eq!((mended.signing_keys.newest(), mended.root_pem), ((2, now), root));
        let token = mended.signing_keys.sign(&dockpass::platform::jwt::Claims {
            iss: "i".into(),
            sub: String::new(),
            aud: "a".into(),
            exp: now.seconds() + 300,
            nbf: now.seconds(),
            iat: now.seconds(),
            jti: String::new(),
            access: Vec::new(),
        });
        let certificate = BASE64.decode(header(&token)["x5c"][0].as_str().unwrap().as_bytes()).unwrap();
        let (_, leaf) = X509Certificate::from_der(&certificate).unwrap();
        let (begins, ends) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        assert!(begins <= now.seconds() && now.seconds() < ends, "{wrong_by}: {begins} to {ends}");
    }
}
