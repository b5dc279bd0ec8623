//! `--metrics-listen`, which serves `/metrics` on a separate listener.

use std::net::TcpListener;
use std::path::Path;

use reqwest::StatusCode;

use crate::harness::program::{Program, command, run, run_with_input};
use crate::harness::{Browser, PASSWORD};

fn start(data: &Path) -> Program {
    let program = Program::start(data, &["--metrics-listen", "127.0.0.1:0"]);
    let arguments = ["--data", data.to_str().unwrap(), "account", "add", "alice", "--password-stdin"];
    assert!(run_with_input(&arguments, PASSWORD).status.success());
    program
}

async fn text(program: &Program) -> String {
    let answer = program.browser().get(program.metrics.as_ref().unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.body
}

#[track_caller]
fn value(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

async fn generate(browser: &Browser, description: &str) -> String {
    browser.generate(description, "repo:read", "30").await.secret
}

#[tokio::test]
async fn token_requests_are_counted_by_outcome_and_refusals_by_code() {
    let folder = tempfile::tempdir().unwrap();
    let program = start(&folder.path().join("data"));
    let before = text(&program).await;
    for outcome in ["granted", "refused", "throttled", "invalid", "failed"] {
        assert_eq!(value(&before, &format!("dockpass_token_requests_total{{outcome=\"{outcome}\"}}")), 0);
    }
    for code in ["PAT-EXPIRED", "PAT-REPOSITORY", "AUTH-FAILED"] {
        assert_eq!(value(&before, &format!("dockpass_token_refusals_total{{code=\"{code}\"}}")), 0);
    }
    let alice = program.browser();
    alice.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let (good, inactive) = (generate(&alice, "good").await, alice.generate("off", "repo:read", "30").await);
    alice.post(&format!("/settings/tokens/{}/deactivate", inactive.id), &[]).await;
    let caller = program.browser();
    for _ in 0..3 {
        assert_eq!(caller.token("alice", &good, &[]).await.status, StatusCode::OK);
    }
    for _ in 0..2 {
        assert_eq!(caller.token("alice", &inactive.secret, &[]).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(caller.token("bob", &good, &[]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(caller.post("/token", &[("grant_type", "x")]).await.status, StatusCode::BAD_REQUEST);
    caller.get("/v2/").await;

    let text = text(&program).await;
    let requests = [("granted", 3), ("refused", 3), ("throttled", 0), ("invalid", 1), ("failed", 0)];
    for (outcome, count) in requests {
        let name = format!("dockpass_token_requests_total{{outcome=\"{outcome}\"}}");
        assert_eq!(value(&text, &name), count, "{outcome}");
    }
    for (code, count) in [("PAT-INACTIVE", 2), ("PAT-WRONG-USER", 1)] {
        assert_eq!(value(&text, &format!("dockpass_token_refusals_total{{code=\"{code}\"}}")), count, "{code}");
    }
    assert_eq!(value(&text, &format!("dockpass_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1);
    assert!(value(&text, "process_start_time_seconds") > 1_700_000_000);
    assert!(text.ends_with("# EOF\n"), "{text}");
    let secrets = [good.as_str(), inactive.secret.as_str(), "alice"];
    assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
}

#[tokio::test]
async fn the_listeners_serve_separate_routes() {
    let folder = tempfile::tempdir().unwrap();
    let program = start(&folder.path().join("data"));
    assert_eq!(program.browser().get("/metrics").await.status, StatusCode::NOT_FOUND);
    let metrics = program.metrics.clone().unwrap();
    for path in ["/", "/healthz", "/token", "/login"] {
        let answer = program.browser().get(&metrics.replace("/metrics", path)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let ended = program.stop();
    assert_eq!((ended.code, ended.said.lines().count()), (Some(0), 2), "{ended:?}");
    assert!(ended.said.lines().last().unwrap().starts_with("metrics on http://127.0.0.1:"), "{ended:?}");
}

#[test]
fn metrics_are_off_by_default_and_a_wrong_address_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = Program::start(&data, &[]);
    assert_eq!(program.metrics, None);
    program.stop();
    let output = command(&["--data", data.to_str().unwrap()]).env("DOCKPASS_METRICS_LISTEN", "9090").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(2) && error.contains("--metrics-listen \"9090\" is not an address"),
        "{error}"
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = data.to_str().unwrap();
    let output = run(&["--listen", "127.0.0.1:0", "--data", data, "--metrics-listen", &address]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && error.contains(&format!("cannot listen on {address}")), "{error}");
}
