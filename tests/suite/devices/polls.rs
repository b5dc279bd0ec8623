//! Programs that poll too often, and what that costs others.

use time::Duration;

use crate::devices::token::error;
use crate::harness::TestServer;
use crate::harness::device::Got;

#[tokio::test]
async fn whoever_polls_what_is_decided_over_or_as_slow_as_can_be_waits_for_nobody_and_nobody_waits_for_them() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let program = server.anonymous();
    let over = program.begin("over").await;
    server.clock.advance(Duration::minutes(10));
    let (denied, spent, slow) =
        (program.begin("denied").await, program.begin("spent").await, program.begin("slow").await);
    alice.decide(&denied, "deny").await;
    alice.decide(&spent, "approve").await;
    Got::of(&program.poll(&spent).await);
    assert_eq!(error(&program.poll(&slow).await), "authorization_pending");
    for _ in 0..119 {
        assert_eq!(error(&program.poll(&slow).await), "slow_down");
    }
    assert_eq!(server.number("SELECT MAX(interval_ms) FROM device_code").await, Some(600_000));
    // A use is not written yet, and another transaction holds the write lock.
    server.anonymous().token("alice", &got.token, &[]).await;
    let writing = server.writing("UPDATE device_code SET network = network").await;
    for _ in 0..3 {
        for (codes, said) in
            [(&denied, "access_denied"), (&spent, "invalid_grant"), (&over, "expired_token"), (&slow, "slow_down")]
        {
            assert_eq!(error(&program.poll(codes).await), said);
        }
    }
    drop(writing);
    server.clock.advance(Duration::minutes(10) - Duration::MILLISECOND);
    assert_eq!(error(&program.poll(&slow).await), "slow_down", "to its end");
    assert_eq!(server.number("SELECT MAX(interval_ms) FROM device_code").await, Some(600_000));
}

#[tokio::test]
async fn a_poll_that_waits_for_a_decision_writes_no_uses() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    let codes = server.anonymous().begin("another").await;
    let mut left = 0;
    // The server writes uses after a second, so a slow machine may need several attempts.
    for _ in 0..5 {
        server.anonymous().token("alice", &got.token, &[]).await;
        server.anonymous().poll(&codes).await;
        left += server.app.token_uses.batch().await.len();
    }
    assert!(left > 0, "they still wait");
}
