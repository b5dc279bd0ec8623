//! A clock that is set back and forth, as on a machine whose time service starts late.

use reqwest::StatusCode;
use time::Duration;

use crate::harness::device::Got;
use crate::harness::{PASSWORD, TestServer};

/// Not further than a session may be idle.
const JUMPS: [Duration; 7] = [
    Duration::hours(-1),
    Duration::hours(2),
    Duration::days(-2),
    Duration::hours(20),
    Duration::minutes(-20),
    Duration::hours(20),
    Duration::days(-400),
];

#[tokio::test]
async fn a_clock_that_jumps_loses_no_token_and_brings_none_back() {
    // Otherwise the sign-ins on devices would replace each other.
    let server = TestServer::start_with(|settings| settings.auto_token_slots = "50".to_owned()).await;
    let alice = server.account_signed_in("alice").await;
    let kept = alice.generate("kept", "repo:read", "never").await;
    let deleted = alice.generate("deleted", "repo:read", "never").await;
    let off = alice.generate("off", "repo:read", "never").await;
    assert_eq!(alice.post(&format!("/settings/tokens/{}/delete", deleted.id), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(alice.post(&format!("/settings/tokens/{}/deactivate", off.id), &[]).await.status, StatusCode::SEE_OTHER);
    let device = server.device(&alice, "laptop").await;
    let client = server.anonymous();
    let status = async |secret: &str| client.token("alice", secret, &["repository:alice/app:pull"]).await.status;
    let mut made = vec![kept, alice.generate("before", "repo:read", "never").await];
    let mut refresh = device.refresh;
    for (number, jump) in JUMPS.into_iter().enumerate() {
        // One that is begun before the jump and approved after it.
        let codes = client.begin(&format!("device {number}")).await;
        server.clock.advance(jump);
        let answer = alice.get("/settings/tokens").await;
        assert_eq!(answer.status, StatusCode::OK, "{jump}");
        // Generating needs a recent sign-in.
        let fresh = server.signed_in("alice").await;
        made.push(fresh.generate(&format!("after {jump}"), "repo:read", "never").await);
        for token in &made {
            assert_eq!(status(&token.secret).await, StatusCode::OK, "{jump}");
        }
        for token in [&deleted, &off] {
            assert_eq!(status(&token.secret).await, StatusCode::UNAUTHORIZED, "{jump}");
        }
        alice.decide(&codes, "approve").await;
        let polled = client.poll(&codes).await;
        assert!(polled.status == StatusCode::OK || polled.status == StatusCode::BAD_REQUEST, "{jump}: {polled:?}");
        let refreshed = Got::of(&client.refresh(&refresh).await);
        assert_eq!(status(&refreshed.token).await, StatusCode::OK, "{jump}");
        refresh = refreshed.refresh;
        server.flush().await;
        for page in ["/settings/activity", "/settings/sessions", "/readyz"] {
            assert_eq!(alice.get(page).await.status, StatusCode::OK, "{jump}: {page}");
        }
        let page = alice.get(&format!("/settings/tokens/{}", made[0].id)).await;
        assert_eq!(page.status, StatusCode::OK, "{jump}: {}", page.body);
    }
}

#[tokio::test]
async fn wrong_passwords_from_before_a_clock_was_set_back_shut_nobody_out() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let attempt = async |password: &str| {
        server.anonymous().post("/login", &[("username", "alice"), ("password", password)]).await.status
    };
    server.clock.advance(Duration::days(3));
    for _ in 0..5 {
        assert_eq!(attempt("wrong").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(attempt(PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    server.clock.advance(Duration::days(-3));
    assert_eq!(attempt(PASSWORD).await, StatusCode::SEE_OTHER);
    for _ in 0..5 {
        attempt("wrong").await;
    }
    assert_eq!(attempt(PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "guessing is still stopped");
}
