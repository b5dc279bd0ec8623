//! The files for Prometheus and Grafana in `packaging/`, against a real Prometheus that scrapes a server with a registry.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;

use crate::client::run;
use crate::harness::database::execute;
use crate::harness::{Browser, TestServer, events, files};
use crate::registry_host::Running;

/// How long Prometheus gets to answer everything. It usually takes some seconds.
const PATIENCE: Duration = Duration::from_secs(120);

struct Prometheus {
    client: Browser,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// With the configuration of `docs/operating.md`, but at this address and every second.
    fn start(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (_, manual) = files("docs", "operating.md").pop().unwrap();
        let (_, rest) = manual.split_once("```yaml\nrule_files:").unwrap();
        let config = rest.split("```").next().unwrap().replace("127.0.0.1:8081", target);
        assert!(config.contains(target) && config.contains("alert-rules.yml"), "{config}");
        fs::copy("packaging/alert-rules.yml", folder.path().join("alert-rules.yml")).unwrap();
        let file = folder.path().join("prometheus.yml");
        let globals = "global: {scrape_interval: 1s, evaluation_interval: 1s}";
        fs::write(&file, format!("{globals}\nrule_files:{config}")).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--log.format=logfmt"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let (running, address) =
            Running::start(&mut command, |child| child.stderr.take().unwrap(), "msg=\"Listening on\" address=");
        Self { client: Browser::at(&format!("http://{address}")), _running: running, _folder: folder }
    }

    /// The values that an expression has now.
    async fn values(&self, expression: &str) -> Result<Vec<String>, String> {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", expression).finish();
        let began = Instant::now();
        let answer = loop {
            let answer = self.client.get(&format!("/api/v1/query?{query}")).await;
            // Prometheus accepts connections before it is ready, and answers 503 until then.
            if answer.status != StatusCode::SERVICE_UNAVAILABLE || began.elapsed() >= PATIENCE {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        if answer.status != StatusCode::OK {
            return Err(answer.body);
        }
        let result = answer.json()["data"]["result"].as_array().unwrap().clone();
        Ok(result.iter().map(|series| series["value"][1].as_str().unwrap().to_owned()).collect())
    }

    /// The expressions that still have no value after some time.
    async fn without_a_value(&self, mut expressions: Vec<String>) -> Vec<String> {
        let began = Instant::now();
        loop {
            let mut missing = Vec::new();
            for expression in expressions {
                let values = self.values(&expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
                // The server did everything at least once, so nothing is divided by zero.
                if !values.iter().any(|value| value != "NaN") {
                    missing.push(expression);
                }
            }
            if missing.is_empty() || began.elapsed() > PATIENCE {
                return missing;
            }
            expressions = missing;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// The names and expressions of all alerts. A comparison is empty where the alert is silent, so `left > 5` becomes
/// `left * 0 + 5`: it has a value as long as every metric and label on both sides exists, and no number if the left side
/// is none.
fn alerts() -> Vec<(String, String)> {
    let text = fs::read_to_string("packaging/alert-rules.yml").unwrap();
    let rules: Value = serde_saphyr::from_str(&text).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let always = |expression: String| {
        let without = [" > ", " == "].iter().fold(expression.clone(), |all, sign| all.replace(sign, " * 0 + "));
        assert!(without != expression && !without.contains(['<', '>', '!']), "{expression}");
        without
    };
    rules.iter().map(|rule| (text(&rule["alert"]), always(text(&rule["expr"])))).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string("packaging/grafana-dashboard.json").unwrap()).unwrap()
}

/// The expressions of all panels, with Grafana's variables replaced as Grafana does.
fn panel_expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions.map(|text| text.replace("$__rate_interval", "1m").replace("$instance", ".*")).collect()
}

/// Does everything that has a metric of its own with a label that only shows once it happened: a failed request, a push
/// that is notified.
async fn provoke(server: &TestServer, alice: &Browser, number: u32) {
    let client = server.anonymous();
    client.post("/login", &[("username", "alice"), ("password", "wrong")]).await;
    client.token("alice", "wrong", &[]).await;
    client.token("", "", &["repository:alice/app:pull"]).await;
    let push = server.event(&format!("push-{number}"), "push", "v1");
    server.tell(serde_json::json!([push])).await;
    assert_eq!(server.notify("Bearer wrong", "{}").await.status, StatusCode::UNAUTHORIZED);
    execute(&server.app.db, "ALTER TABLE repository RENAME TO away").await;
    let failed = alice.get("/settings/repositories").await;
    execute(&server.app.db, "ALTER TABLE away RENAME TO repository").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", failed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_and_every_panel_has_a_series() {
    // A port that is free now.
    let target = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let server = TestServer::start_with(|settings| {
        settings.database_url = None;
        settings.metrics_listen = Some(target.clone());
        events::open(settings);
    })
    .await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("ci", "repo:write", "30").await;
    let prometheus = Prometheus::start(&target);
    let alerts = alerts();
    let panels = panel_expressions(&dashboard());
    assert!(alerts.len() > 10 && panels.len() > 20, "{} {}", alerts.len(), panels.len());
    // Rates need what happens between two scrapes.
    let provoking = async {
        for number in 0.. {
            provoke(&server, &alice, number).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let expressions = alerts.iter().map(|(_, expression)| expression.clone()).chain(panels).collect();
    let missing = tokio::select! {
        missing = prometheus.without_a_value(expressions) => missing,
        () = provoking => unreachable!(),
    };
    assert!(missing.is_empty(), "no series for:\n{}", missing.join("\n"));
    // Prometheus itself evaluates the file without an error, too.
    let rules = prometheus.client.get("/api/v1/rules").await.json();
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap().clone();
    assert_eq!(rules.len(), alerts.len());
    assert!(rules.iter().all(|rule| rule["health"] == "ok"), "{rules:#?}");
}

#[test]
fn promtool_accepts_the_alerts_and_each_says_what_to_do() {
    let said = run(Command::new("promtool").args(["check", "rules", "packaging/alert-rules.yml"]), "");
    assert!(said.succeed().contains("rules found"));
    let text = fs::read_to_string("packaging/alert-rules.yml").unwrap();
    let count = |what: &str| text.matches(what).count();
    assert_eq!((count("- alert: "), count("severity: ")), (count("summary: "), count("description: ")));
}

#[test]
fn promtool_sees_each_alert_fire_and_stay_silent() {
    run(Command::new("promtool").args(["test", "rules", "tests/registry/alerts.yml"]), "").succeed();
    let tested = fs::read_to_string("tests/registry/alerts.yml").unwrap();
    for (name, _) in alerts() {
        assert!(tested.contains(&format!("alertname=\"{name}\"")), "{name} has no test in alerts.yml");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_imports() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36 && dashboard["title"] == "Dockpass");
    let variables = dashboard["templating"]["list"].as_array().unwrap().clone();
    assert!(variables.iter().any(|variable| variable["type"] == "datasource" && variable["query"] == "prometheus"));
    let panels = dashboard["panels"].as_array().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(!title.is_empty() && seen.insert(panel["id"].as_u64().unwrap()), "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| !unit.is_empty()), "{title}");
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}
