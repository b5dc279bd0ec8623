//! Actions that only one caller may win, called forty times at once.

use std::collections::HashSet;
use std::sync::Arc;

use dockpass::server;
use dockpass_core::usage::{ImageDirection, LastUse, UsedWith};
use reqwest::StatusCode;
use time::Duration;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::{Answer, PASSWORD, TestServer};

fn count(answers: &[Answer], status: StatusCode) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn of_forty_first_accounts_one_is_made() {
    // Each has its own address: one address may try ten codes a minute.
    let server = TestServer::start_with(|settings| settings.trusted_proxies = Some("127.0.0.1".into())).await;
    let mut callers = Vec::new();
    for number in 0..MANY {
        let caller = server.anonymous().with_header("x-forwarded-for", &format!("10.0.0.{number}"));
        assert_eq!(caller.get(server.setup_link.as_ref().unwrap()).await.status, StatusCode::SEE_OTHER);
        callers.push(Arc::new(caller));
    }
    let answers = all_at_once(|number| {
        let caller = Arc::clone(&callers[number]);
        async move { caller.post("/setup", &[("username", &format!("user{number}")), ("password", PASSWORD)]).await }
    })
    .await;
    assert_eq!((count(&answers, StatusCode::SEE_OTHER), count(&answers, StatusCode::GONE)), (1, MANY - 1));
    assert_eq!((server.count("account").await, server.count("installation").await), (1, 1));
    assert_eq!(server.number("SELECT COUNT(*) FROM account WHERE is_admin").await, Some(1));
}

#[tokio::test]
async fn of_forty_deletes_one_finds_the_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let caller = server.same_session(&alice);
    let answers = all_at_once(|_| {
        let (caller, path) = (Arc::clone(&caller), format!("/settings/tokens/{id}/delete"));
        async move { caller.post(&path, &[]).await }
    })
    .await;
    assert_eq!((count(&answers, StatusCode::SEE_OTHER), count(&answers, StatusCode::NOT_FOUND)), (1, MANY - 1));
    assert_eq!((server.count("token").await, server.count("deleted_token").await), (0, 1));
}

#[tokio::test]
async fn changes_and_a_delete_at_once_leave_nothing_behind() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let id = alice.generate("ci", "repo:read", "30").await.id;
    let caller = server.same_session(&alice);
    let verbs = ["", "/activate", "/deactivate", "/delete"];
    let answers = all_at_once(|number| {
        let (caller, path) = (Arc::clone(&caller), format!("/settings/tokens/{id}{}", verbs[number % verbs.len()]));
        async move { caller.post(&path, &[("description", "changed"), ("permission", "repo:admin")]).await }
    })
    .await;
    let answered = count(&answers, StatusCode::SEE_OTHER) + count(&answers, StatusCode::NOT_FOUND);
    assert_eq!(answered, MANY, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!((server.count("token").await, server.count("deleted_token").await), (0, 1));
}

#[tokio::test]
async fn forty_forms_make_forty_tokens() {
    let server = TestServer::start_with(|settings| settings.token_creations_per_hour = "100".into()).await;
    let alice = server.account_signed_in("alice").await;
    let caller = server.same_session(&alice);
    let tokens = all_at_once(|number| {
        let caller = Arc::clone(&caller);
        async move { caller.generate(&format!("token {number}"), "repo:read", "30").await }
    })
    .await;
    let different: HashSet<&str> = tokens.iter().map(|token| token.secret.as_str()).collect();
    assert_eq!((different.len(), server.count("token").await), (MANY, MANY as i64));
}

#[tokio::test]
async fn forty_sign_ins_get_forty_sessions() {
    let server = Arc::new(TestServer::start().await);
    server.account("alice").await;
    let cookies = all_at_once(|_| {
        let server = Arc::clone(&server);
        async move { server.signed_in("alice").await.cookie("dockpass").unwrap() }
    })
    .await;
    let different: HashSet<&String> = cookies.iter().collect();
    assert_eq!((different.len(), server.count("session").await), (MANY, MANY as i64));
}

#[tokio::test]
async fn requests_in_flight_do_not_bring_a_signed_out_session_back() {
    let server = TestServer::start().await;
    server.account("alice").await;
    for _ in 0..5 {
        let alice = server.signed_in("alice").await;
        // From here on every request extends the session, which writes it.
        server.clock.advance(Duration::minutes(6));
        let cookie = alice.cookie("dockpass").unwrap();
        let answers =
            all_at_once(|number| {
                let caller = server.anonymous().with_cookie("dockpass", &cookie);
                async move {
                    if number == MANY / 2 { caller.post("/logout", &[]).await } else { caller.get("/settings").await }
                }
            })
            .await;
        let seen = answers.iter().all(|answer| matches!(answer.status, StatusCode::OK | StatusCode::SEE_OTHER));
        assert!(seen, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        assert_eq!(server.count("session").await, 0);
        let late = server.anonymous().with_cookie("dockpass", &cookie);
        assert_eq!(late.get("/settings").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn once_deactivated_no_token_request_succeeds() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let answers = all_at_once(|number| {
        let (caller, secret) = (server.anonymous(), token.secret.clone());
        let off = (number == 3).then(|| (server.same_session(&alice), token.id.clone()));
        async move {
            match off {
                Some((alice, id)) => alice.post(&format!("/settings/tokens/{id}/deactivate"), &[]).await,
                None => caller.token("alice", &secret, &["repository:alice/app:pull"]).await,
            }
        }
    })
    .await;
    let served = count(&answers, StatusCode::OK) + count(&answers, StatusCode::UNAUTHORIZED);
    assert_eq!(served, MANY - 1, "each is granted or refused, and none fails");
    let late = server.anonymous().token("alice", &token.secret, &[]).await;
    assert!(late.body.contains("PAT-INACTIVE"));
}

#[tokio::test]
async fn two_servers_that_start_at_once_share_one_key() {
    let server = TestServer::start().await;
    let config = Arc::clone(&server.app.config);
    server.sql("DELETE FROM signing_key").await;
    std::fs::remove_file(&config.secret_key_file).unwrap();
    let now = server.clock.now();
    let roots = all_at_once(|_| {
        let (db, config) = (server.app.db.clone(), Arc::clone(&config));
        async move {
            use dockpass::{platform::rng::SystemRng, registry::keys::actions};
            actions::load_or_create(&db, &config.secret_key_file, now, SystemRng).await.unwrap().root_pem
        }
    })
    .await;
    assert!(roots.iter().all(|root| *root == roots[0]));
    assert_eq!(server.count("signing_key").await, 2);
}

#[tokio::test]
async fn two_servers_that_write_pushes_do_not_deadlock() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let other = server.beside().await;
    let account_id = Some(server.text("SELECT id FROM account").await);
    for round in 0..10 {
        let now = server.clock.now();
        // Each server notes a repository that both know, and a new one that sorts before or after it.
        for (app, new) in [(&server.app, format!("alice/z{round}")), (&other.app, format!("alice/a{round}"))] {
            for name in ["alice/m".to_owned(), new] {
                let last_use = LastUse { at: now, account_id: account_id.clone(), by: UsedWith::Password };
                app.repository_uses.note((name, ImageDirection::Push), last_use);
            }
        }
        let (one, two) = tokio::join!(server::flush(&server.app), server::flush(&other.app));
        assert!(one.is_ok() && two.is_ok(), "{round}: {one:?} {two:?}");
        server.clock.advance(Duration::SECOND);
    }
    assert_eq!(server.count("repository").await, 21);
}
