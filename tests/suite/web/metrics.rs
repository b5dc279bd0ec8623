//! `--metrics-listen`, which serves `/metrics` on a separate listener.

use std::net::TcpListener;
use std::path::Path;

use dockpass::platform::database::Db;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row as _};

use crate::harness::database::execute;
use crate::harness::events::SECRET;
use crate::harness::program::{Program, command, run, run_with_input};
use crate::harness::{Browser, PASSWORD, TestServer};

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

/// The metrics of a server in this process.
fn of(server: &TestServer) -> String {
    server.app.metrics.text()
}

#[tokio::test]
async fn durations_are_by_route_method_and_class_of_status_and_made_up_paths_share_one_label() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for path in ["/login", "/login", "/made/up", "/made/up/too", "/settings/tokens/a", "/settings/tokens/b"] {
        client.get(path).await;
    }
    client.send(Method::from_bytes(b"BREW").unwrap(), "/login", None, HeaderMap::new()).await;
    client.token("alice", "nothing", &[]).await;
    let text = of(&server);
    let count = |route: &str, method: &str, status: &str| {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        value(&text, &format!("dockpass_http_request_duration_seconds_count{{{labels}}}"))
    };
    assert_eq!(count("/login", "GET", "2xx"), 2);
    assert_eq!(count("/login", "other", "4xx"), 1);
    assert_eq!(count("unmatched", "GET", "4xx"), 2);
    assert_eq!(count("/settings/tokens/{id}", "GET", "3xx"), 2);
    assert_eq!(count("/token", "GET", "4xx"), 1);
    assert!(!text.contains("made"), "{text}");
    let buckets: Vec<&str> =
        text.lines().filter(|line| line.contains("_bucket{") && line.contains("\"/token\"")).collect();
    let bounds: Vec<&str> = buckets.iter().map(|line| line.split('"').nth(1).unwrap()).collect();
    assert_eq!((bounds[0], bounds[14], bounds.len()), ("0.0005", "+Inf", 15), "{buckets:?}");
    assert!(buckets[14].ends_with(" 1"), "{buckets:?}");
}

#[tokio::test]
async fn a_request_that_is_granted_nothing_is_granted_and_refused() {
    let server = TestServer::start().await;
    server.account_signed_in("bob").await.post("/settings/repositories", &[("name", "bob/secret")]).await;
    let alice = server.account_signed_in("alice").await;
    let secret = generate(&alice, "ci").await;
    let answer = server.anonymous().token("alice", &secret, &["repository:bob/secret:pull"]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let text = of(&server);
    assert_eq!(value(&text, "dockpass_token_requests_total{outcome=\"granted\"}"), 1);
    assert_eq!(value(&text, "dockpass_token_requests_total{outcome=\"refused\"}"), 0);
    assert_eq!(value(&text, "dockpass_token_refusals_total{code=\"PAT-REPOSITORY\"}"), 1);
}

#[tokio::test]
async fn sign_ins_are_counted_by_step_and_outcome() {
    let server = TestServer::start().await;
    let enrolled = server.enrolled("alice").await;
    let sign_in = async |password: &str| {
        let browser = server.anonymous();
        browser.post("/login", &[("username", "alice"), ("password", password)]).await;
        browser
    };
    sign_in("wrong").await;
    let browser = sign_in(PASSWORD).await;
    browser.post("/login/code", &[("code", &enrolled.authenticator.wrong_code(server.clock.now()))]).await;
    server.clock.advance(time::Duration::minutes(10));
    let browser = sign_in(PASSWORD).await;
    assert_eq!(
        browser.post("/login/code", &[("code", &server.next_code(&enrolled.authenticator))]).await.status,
        StatusCode::SEE_OTHER
    );
    for _ in 0..12 {
        sign_in("worse").await;
    }
    let text = of(&server);
    let count = |outcome: &str| value(&text, &format!("dockpass_sign_ins_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((count("signed_in"), count("second_factor"), count("wrong_code")), (2, 2, 1), "{text}");
    assert_eq!((count("wrong_password") + count("throttled"), count("disabled")), (13, 0));
    assert!(count("throttled") > 0);
}

#[tokio::test]
async fn tokens_are_counted_by_status_and_by_days_to_expiry() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    assert!(!of(&server).contains("dockpass_tokens{"), "nothing is claimed before it was counted");
    for (description, days) in
        [("a", "1"), ("b", "7"), ("c", "30"), ("d", "90"), ("e", "365"), ("f", "none"), ("g", "30")]
    {
        let token = alice.next_token(&server, description, "repo:read").await;
        let end = match days {
            "none" => "NULL".to_owned(),
            days => (server.clock.now() + time::Duration::days(days.parse().unwrap())).millis().to_string(),
        };
        let is_active = if description == "g" { "FALSE" } else { "TRUE" };
        let change = format!("UPDATE token SET expires_at = {end}, is_active = {is_active} WHERE id = '{}'", token.id);
        execute(&server.app.db, &change).await;
    }
    let counts = async || {
        dockpass::server::count_tokens(&server.app).await.unwrap();
        let text = of(&server);
        let statuses = ["active", "inactive", "expired"]
            .map(|status| value(&text, &format!("dockpass_tokens{{source=\"manual\",status=\"{status}\"}}")));
        let days = ["0-1", "1-7", "7-30", "30-90", "90+", "never"].map(|days| {
            value(&text, &format!("dockpass_active_tokens{{source=\"manual\",expires_in_days=\"{days}\"}}"))
        });
        (statuses, days)
    };
    assert_eq!(counts().await, ([6, 1, 0], [1, 1, 1, 1, 1, 1]));
    server.clock.advance(time::Duration::days(29) + time::Duration::HOUR);
    assert_eq!(counts().await, ([4, 1, 2], [1, 0, 0, 1, 1, 1]));
    server.clock.advance(time::Duration::days(2));
    assert_eq!(counts().await, ([3, 0, 4], [0, 0, 0, 1, 1, 1]), "an expired token is not inactive, too");
}

#[tokio::test]
async fn the_count_of_tokens_reads_only_an_index() {
    let server = TestServer::start().await;
    // PostgreSQL reads a small table rather as a whole.
    let Db::Sqlite { readers, .. } = &server.app.db else { return };
    for condition in ["expires_at > 1 AND expires_at <= 2", "expires_at IS NULL"] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT COUNT(*) FROM token WHERE source = 'manual' AND is_active = TRUE AND {condition}"
        );
        let plan: String = sqlx::query(AssertSqlSafe(sql)).fetch_one(readers).await.unwrap().get("detail");
        assert!(plan.contains("USING COVERING INDEX token_expiry"), "{plan}");
    }
}

#[tokio::test]
async fn notifications_are_counted_by_outcome_and_their_events_once() {
    let server = TestServer::with_registry().await;
    server.account("alice").await;
    let (push, pull) = (server.event("1", "push", "v1"), server.event("2", "pull", "v1"));
    let layer = json!({"id": "3", "action": "push", "target": {"mediaType": "application/octet-stream"}});
    server.tell(json!([push, pull, layer])).await;
    server.tell(json!([push])).await;
    server.notify("Bearer wrong", "{}").await;
    server.notify(&format!("Bearer {SECRET}"), "{\"events\":").await;
    let text = of(&server);
    let outcomes = ["accepted", "refused", "invalid", "failed"]
        .map(|outcome| value(&text, &format!("dockpass_notifications_total{{outcome=\"{outcome}\"}}")));
    assert_eq!(outcomes, [2, 1, 1, 0]);
    let actions = ["push", "pull", "delete"]
        .map(|action| value(&text, &format!("dockpass_notified_events_total{{action=\"{action}\"}}")));
    assert_eq!(actions, [1, 1, 0]);
}

#[tokio::test]
async fn the_journals_show_what_waits_while_the_database_fails() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let secret = generate(&alice, "ci").await;
    server.flush().await;
    let count = |text: &str, name: &str, label: &str| value(text, &format!("dockpass_{name}{{{label}}}"));
    let waiting = "journal=\"token_uses\"";
    let before = of(&server);
    assert_eq!(count(&before, "journal_entries", waiting), 0);
    assert!(before.contains("\ndockpass_database_writes_commit 1\n"), "{before}");
    execute(&server.app.db, "ALTER TABLE token_use RENAME TO away").await;
    assert_eq!(server.anonymous().token("alice", &secret, &["repository:alice/app:pull"]).await.status, StatusCode::OK);
    dockpass::server::flush(&server.app).await.unwrap_err();
    let during = of(&server);
    assert_eq!(count(&during, "journal_entries", waiting), 1, "{during}");
    assert!(!during.contains("\ndockpass_journal_oldest_entry_age_seconds{journal=\"token_uses\"} 0.0\n"), "{during}");
    assert!(during.contains("\ndockpass_database_writes_commit 0\n"), "{during}");
    // Other tests of this process count their errors there, too.
    let errors = "kind=\"other\"";
    assert!(count(&during, "database_errors_total", errors) > count(&before, "database_errors_total", errors));
    execute(&server.app.db, "ALTER TABLE away RENAME TO token_use").await;
    server.flush().await;
    let after = of(&server);
    assert_eq!(count(&after, "journal_entries", waiting), 0);
    assert!(after.contains("\ndockpass_journal_oldest_entry_age_seconds{journal=\"token_uses\"} 0.0\n"), "{after}");
}
