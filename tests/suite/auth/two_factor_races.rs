//! One code and one recovery code, used forty times at once.

use std::sync::Arc;

use reqwest::StatusCode;

use crate::harness::callers::{MANY, all_at_once};
use crate::harness::factor::Enrolled;
use crate::harness::{Browser, TestServer};

/// Callers that each entered the password.
async fn half_signed_in(server: &TestServer) -> Vec<Arc<Browser>> {
    let mut callers = Vec::new();
    for _ in 0..MANY {
        callers.push(Arc::new(server.half_signed_in("alice").await));
    }
    callers
}

/// How many callers sign in when all use the same code.
async fn let_in(callers: &[Arc<Browser>], path: &'static str, code: &str) -> usize {
    let answers = all_at_once(|number| {
        let (caller, code) = (Arc::clone(&callers[number]), code.to_owned());
        async move { caller.post(path, &[("code", &code)]).await }
    })
    .await;
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
    let others = answers.iter().filter(|answer| refused.contains(&answer.status)).count();
    let inside = answers.iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count();
    assert_eq!(inside + others, MANY, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    inside
}

#[tokio::test]
async fn of_forty_callers_with_one_code_one_gets_in() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let callers = half_signed_in(&server).await;
    assert_eq!(let_in(&callers, "/login/code", &server.next_code(&authenticator)).await, 1);
    assert_eq!(server.number("SELECT COUNT(*) FROM session WHERE account_id IS NOT NULL").await, Some(2));
}

#[tokio::test]
async fn of_forty_callers_with_one_recovery_code_one_gets_in() {
    let server = TestServer::start().await;
    let Enrolled { recovery_codes, .. } = server.enrolled("alice").await;
    let callers = half_signed_in(&server).await;
    assert_eq!(let_in(&callers, "/login/recovery", &recovery_codes[3]).await, 1);
    assert_eq!(server.number("SELECT COUNT(*) FROM recovery_code WHERE used_at IS NOT NULL").await, Some(1));
    assert_eq!(server.number("SELECT COUNT(*) FROM session WHERE account_id IS NOT NULL").await, Some(2));
}

#[tokio::test]
async fn of_forty_posts_of_one_half_signed_in_browser_one_gets_in() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let half = server.half_signed_in("alice").await;
    let callers = vec![server.same_session(&half); MANY];
    let code = server.next_code(&authenticator);
    let answers = all_at_once(|number| {
        let (caller, code) = (Arc::clone(&callers[number]), code.clone());
        async move { caller.post("/login/code", &[("code", &code)]).await }
    })
    .await;
    let inside = answers.iter().filter(|answer| answer.header("location") == "/settings/tokens").count();
    assert_eq!(inside, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_forty_confirmations_one_shows_recovery_codes() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let page = alice.post("/settings/security/two-factor", &[]).await;
    let code = crate::harness::factor::Authenticator::reading(&page).code(server.clock.now());
    let caller = server.same_session(&alice);
    let answers = all_at_once(|_| {
        let (caller, code) = (Arc::clone(&caller), code.clone());
        async move { caller.post("/settings/security/two-factor/confirm", &[("code", &code)]).await }
    })
    .await;
    let shown = answers.iter().filter(|answer| answer.body.contains("id=\"recovery-codes\"")).count();
    assert_eq!((shown, server.count("recovery_code").await), (1, 10));
}

#[tokio::test]
async fn forty_guesses_at_once_are_not_all_looked_at() {
    let server = TestServer::start().await;
    let Enrolled { authenticator, .. } = server.enrolled("alice").await;
    let half = server.half_signed_in("alice").await;
    let caller = server.same_session(&half);
    let wrong = authenticator.wrong_code(server.clock.now());
    let answers = all_at_once(|_| {
        let (caller, wrong) = (Arc::clone(&caller), wrong.clone());
        async move { caller.post("/login/code", &[("code", &wrong)]).await }
    })
    .await;
    let looked_at = answers.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
    assert!(looked_at <= 5, "{looked_at} of {MANY}");
}
