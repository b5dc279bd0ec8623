//! One server after the other is restarted, as for an upgrade, and no request fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use crate::harness::{Browser, MadeToken, PASSWORD};
use crate::is_long;
use crate::nginx::Site;

const LIMITS: [&str; 4] = ["--max-tokens", "50000", "--token-creations-per-hour", "50000"];
const CLIENTS: usize = 6;

/// What one client sends, over and over. Each sentence is a failure.
async fn work(base: String, session: String, token: MadeToken, is_over: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut sent, mut failures) = (0, Vec::new());
    let browser = Browser::at(&base).with_cookie("dockpass", &session);
    while !is_over.load(Ordering::Relaxed) {
        let mut expect = |what: &str, expected: StatusCode, answer: reqwest::Result<crate::harness::Answer>| {
            sent += 1;
            match answer {
                Ok(answer) if answer.status == expected => return Some(answer),
                Ok(answer) => failures.push(format!("{what}: {} {}", answer.status, answer.header("x-upstream"))),
                Err(error) => failures.push(format!("{what}: {error:?}")),
            }
            None
        };
        let send = |method, path: String, form: Option<Vec<(&'static str, String)>>| {
            let browser = &browser;
            async move {
                let form: Option<Vec<(&str, &str)>> =
                    form.as_ref().map(|form| form.iter().map(|(name, value)| (*name, value.as_str())).collect());
                browser.try_send(method, &path, form.as_deref(), HeaderMap::new()).await
            }
        };
        for _ in 0..4 {
            expect("GET /token", StatusCode::OK, browser.try_token("alice", &token.secret, &[]).await);
        }
        let form = send(Method::GET, "/settings/tokens/new".to_owned(), None).await;
        let Some(form) = expect("GET the form", StatusCode::OK, form) else { continue };
        let fields = vec![
            ("form_key", form.after("name=\"form_key\" value=\"")),
            ("description", "rolling".to_owned()),
            ("expiration", "30".to_owned()),
            ("permission", "repo:read".to_owned()),
        ];
        // Not idempotent: nginx must not send it a second time.
        let shown = send(Method::POST, "/settings/tokens".to_owned(), Some(fields)).await;
        let Some(shown) = expect("POST a token", StatusCode::OK, shown) else { continue };
        let secret = format!("dp_pat_{}", &shown.body.split("dp_pat_").nth(1).unwrap()[..36]);
        expect("GET /token", StatusCode::OK, browser.try_token("alice", &secret, &[]).await);
        let theme = vec![("theme", "dark".to_owned()), ("back", "/".to_owned())];
        let theme = send(Method::POST, "/preferences".to_owned(), Some(theme)).await;
        expect("POST preferences", StatusCode::SEE_OTHER, theme);
        sleep(Duration::from_millis(20)).await;
    }
    (sent, failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_one_server_after_the_other_restarts() {
    let site = Arc::new(Site::start());
    site.account("alice");
    let mut servers = [0, 1].map(|number| Some(site.server(number, &LIMITS)));
    let alice = site.signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let (session, is_over) = (alice.cookie("dockpass").unwrap(), Arc::new(AtomicBool::new(false)));
    let mut working = JoinSet::new();
    for _ in 0..CLIENTS {
        working.spawn(work(site.base.clone(), session.clone(), token.clone(), Arc::clone(&is_over)));
    }
    let sign_ins = tokio::spawn({
        let (base, is_over) = (site.base.clone(), Arc::clone(&is_over));
        async move {
            let mut failures = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let form = [("username", "alice"), ("password", PASSWORD)];
                let answer = Browser::at(&base).try_send(Method::POST, "/login", Some(&form), HeaderMap::new()).await;
                if !answer.as_ref().is_ok_and(|answer| answer.status == StatusCode::SEE_OTHER) {
                    failures.push(format!("{answer:?}"));
                }
                sleep(Duration::from_millis(300)).await;
            }
            failures
        }
    });
    for round in 0..if is_long() { 10 } else { 1 } {
        for (number, place) in servers.iter_mut().enumerate() {
            sleep(Duration::from_millis(500)).await;
            let (server, site) = (place.take().unwrap(), Arc::clone(&site));
            // On a blocking thread, because the clients must go on meanwhile.
            let restarted = spawn_blocking(move || {
                server.signal("TERM");
                let ended = server.wait();
                (ended, site.server(number, &LIMITS))
            });
            let (ended, server) = restarted.await.unwrap();
            assert_eq!(ended.code, Some(0), "round {round}: {}", ended.log);
            *place = Some(server);
        }
    }
    sleep(Duration::from_millis(500)).await;
    is_over.store(true, Ordering::Relaxed);
    let (mut sent, mut failures) = (0, sign_ins.await.unwrap());
    for (number, failed) in working.join_all().await {
        sent += number;
        failures.extend(failed);
    }
    assert!(failures.is_empty(), "of {sent} requests {} failed: {failures:#?}", failures.len());
    println!("no failure in {sent} requests while servers restarted");
    assert!(sent > 100, "there was load: {sent}");
}
