//! What a registry token costs, as a multiple of the cheapest request, so that the machine's speed cancels out.
//!
//! `cargo bench --bench token_endpoint`. Each round measures every subject in turn, through the whole router and
//! without a network. The output is the median of the rounds.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use dockpass::router;
use dockpass_core::password::{HashMemory, Password};
use harness::{PASSWORD, TestServer, basic};
use tower::ServiceExt;

const ROUNDS: usize = 15;
const REQUESTS: u32 = 300;

#[tokio::main]
async fn main() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("bench", "repo:admin", "30").await;
    let app = router::router(server.app.clone());
    let one = "/token?service=dockpass&scope=repository:alice/app:pull,push";
    let mount = "/token?service=dockpass&scope=repository:alice/app:pull,push&scope=repository:alice/base:pull";
    let other = "/token?service=dockpass&scope=repository:bob/app:pull";
    let subjects: [(&str, &str, Option<&str>); 6] = [
        ("GET /healthz: only routing and layers", "/healthz", None),
        ("GET /token, anonymous: one signature", "/token?service=dockpass", None),
        ("GET /token, a token, one scope: one read, one signature", one, Some(&token.secret)),
        ("GET /token, a token, two scopes of its own: the same", mount, Some(&token.secret)),
        ("GET /token, a token, another account's repository: two reads, one signature", other, Some(&token.secret)),
        (
            "GET /token, an unknown token: two reads, no argon2",
            one,
            Some("dp_pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr"),
        ),
    ];
    let mut memory = HashMemory::default();
    let mut rounds: Vec<Vec<Duration>> = vec![Vec::new(); subjects.len() + 1];
    for _ in 0..ROUNDS {
        for (at, (_, path, secret)) in subjects.iter().enumerate() {
            rounds[at].push(requests(&app, path, *secret).await);
        }
        let started = Instant::now();
        let _ = Password::typed(PASSWORD).verify(None, &mut memory);
        rounds[subjects.len()].push(started.elapsed());
    }
    let medians: Vec<Duration> = rounds.into_iter().map(median).collect();
    let names = subjects.iter().map(|(name, ..)| *name).chain(["one argon2 verification, which a token never needs"]);
    for (name, median) in names.zip(&medians) {
        let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
        println!("{ratio:>9.1} x  {:>9.1} µs  {name}", median.as_secs_f64() * 1e6);
    }
}

/// The average time of one request.
async fn requests(app: &Router, path: &str, secret: Option<&str>) -> Duration {
    let started = Instant::now();
    for _ in 0..REQUESTS {
        let mut request = Request::get(path);
        if let Some(secret) = secret {
            request = request.header("authorization", basic("alice", secret));
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert!(!response.status().is_server_error());
    }
    started.elapsed() / REQUESTS
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}
