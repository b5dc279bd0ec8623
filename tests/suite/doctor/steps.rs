//! `dockpass doctor`: what is left to set up, JSON for monitoring, and what it says of the environment and of deleting.

use std::net::TcpListener;

use serde_json::Value;

use super::running_server::RunningServer;
use crate::harness::PASSWORD;
use crate::harness::program::{command, run};

/// The exit code and the JSON of `dockpass doctor --json`.
fn json(server: &RunningServer, more: &[&str]) -> (Option<i32>, Value) {
    let listen = server.program.base.split_at(7).1;
    let (code, said, _) = server.run(listen, &[&["doctor", "--json"], more].concat());
    assert_eq!(said.lines().count(), 1, "{said}");
    (code, serde_json::from_str(&said).unwrap())
}

fn steps(json: &Value) -> Vec<&str> {
    json["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_left_is_listed_with_its_commands_until_it_is_done_or_dismissed() {
    let server = RunningServer::start().await;
    let listen = server.program.base.split_at(7).1;
    let key = server.folder.path().join("data/secret.key").display().to_string();
    let (code, said, error) = server.run(listen, &["doctor"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "steps are no mistake: {said}");
    let (_, list) =
        said.split_once("\n\nLeft to set up (administrators can dismiss a step above their tokens):\n").unwrap();
    assert!(list.starts_with("\n1. Set the public URL. Browsers and clients are sent to http://127.0.0.1:"), "{list}");
    let last = format!(
        "\n6. Keep a copy of the secret key. Without the file {key}, a backup is useless. Keep its content in another place, such \
         as a password manager, and mark this as done.\n\ncat {key}\n"
    );
    assert!(list.ends_with(&last), "{list}");

    let (_, report) = json(&server, &[]);
    assert_eq!(steps(&report), ["public_url", "https", "registry", "notifications", "backup", "secret_key"]);
    assert_eq!(report["steps"][5]["title"], "Keep a copy of the secret key");
    assert_eq!(report["steps"][5]["commands"], format!("cat {key}"));
    let browser = server.program.browser();
    let code = server.program.setup_link.as_deref().unwrap().split_once("code=").unwrap().1;
    browser.get(&format!("/setup?code={code}")).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    browser.post("/admin/setup-steps/dismiss", &[("step", "secret_key")]).await;
    let (_, report) = json(&server, &["--registry-url", &server.program.base]);
    assert_eq!(steps(&report), ["public_url", "https", "registry", "notifications", "backup"]);
    if server.url.is_none() {
        let folder = server.folder.path().join("backups").display().to_string();
        let (code, ..) = server.run(listen, &["backup", "--keep", "2", &folder]);
        assert_eq!((code, steps(&json(&server, &[]).1).contains(&"backup")), (Some(0), false));
    }
    for step in steps(&report) {
        browser.post("/admin/setup-steps/dismiss", &[("step", step)]).await;
    }
    let (_, said, _) = server.run(listen, &["doctor"]);
    assert!(!said.contains("Left to set up"), "{said}");
}

#[tokio::test]
async fn json_names_each_check_and_the_exit_code_says_whether_one_is_wrong() {
    let server = RunningServer::start().await;
    let (code, report) = json(&server, &[]);
    assert_eq!((code, &report["status"]), (Some(0), &Value::from("ok")), "{report:#}");
    let check = |report: &Value, name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {report:#}")).clone()
    };
    let public = check(&report, "public URL");
    let message = format!("{} answers", server.program.base);
    assert_eq!(public, serde_json::json!({"name": "public URL", "status": "ok", "message": message}));
    assert_eq!(check(&report, "registry")["status"], "skipped");

    let file = server.write("registry.yml", "auth: {token: {autoredirect: true}}\n");
    let (code, report) = json(&server, &["--registry-config", &file]);
    assert_eq!((code, &report["status"]), (Some(1), &Value::from("error")));
    assert_eq!(check(&report, "file's autoredirect")["status"], "error");
    assert_eq!(check(&report, "file's storage.delete.enabled")["status"], "warning");
    // Without the database nobody knows what is left, and an empty list would say that all is done.
    let empty = tempfile::tempdir().unwrap();
    let output =
        run(&["--data", empty.path().to_str().unwrap(), "--public-url", &server.program.base, "doctor", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["steps"].is_null(), "{report:#}");
    assert_eq!(check(&report, "setup steps")["status"], "skipped");
    // Wrong settings: nothing is checked, so there is no JSON.
    let (code, said, error) = server.run("nowhere", &["doctor", "--json"]);
    assert!(code == Some(2) && said.is_empty() && error.contains("--listen"), "{said} {error}");
    let help = String::from_utf8(run(&["doctor", "--help"]).stdout).unwrap();
    assert!(help.contains("Exit codes: 0 if nothing is wrong"), "{help}");
}

#[tokio::test]
async fn a_registry_that_deletes_nothing_is_a_warning() {
    let server = RunningServer::start().await;
    let warned = |storage: &str| {
        let lines = server.file(&format!("storage: {storage}\nauth: {{token: {{realm: x}}}}\n"));
        lines
            .into_iter()
            .filter(|line| line.starts_with("WARNING  file's storage.delete.enabled: images cannot"))
            .count()
    };
    assert_eq!(warned("{filesystem: {rootdirectory: /x}, delete: {enabled: true}}"), 0);
    assert_eq!(warned("{filesystem: {rootdirectory: /x}, delete: {enabled: false}}"), 1);
    assert_eq!(warned("{filesystem: {rootdirectory: /x}}"), 1);
}

#[test]
fn mistyped_variables_are_warned_of_and_those_of_kubernetes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = command(&["--data", folder.path().to_str().unwrap(), "--listen", "127.0.0.1:0", "doctor"]);
    doctor.env("DOCKPASS_PUBLICURL", "https://hub.example.com").env("DOCKPASS_SMTP_HOST", "mail.example.com");
    doctor.env("DOCKPASS_PORT", "tcp://10.0.0.1:8080").env("DOCKPASS_PORT_8080_TCP_ADDR", "10.0.0.1");
    let said = String::from_utf8(doctor.output().unwrap().stdout).unwrap();
    let warned: Vec<&str> = said.lines().filter(|line| line.starts_with("WARNING  environment: ")).collect();
    let no_setting =
        |name: &str, advice: &str| format!("WARNING  environment: {name} is no setting and has no effect: {advice}");
    let expected = [
        no_setting("DOCKPASS_PUBLICURL", "perhaps it should be DOCKPASS_PUBLIC_URL"),
        no_setting("DOCKPASS_SMTP_HOST", "`dockpass serve --help` names all settings"),
    ];
    assert_eq!(warned, expected);
}

#[test]
fn a_data_folder_without_a_database_is_said_in_clear_words() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = |data: &str| {
        let output = run(&["--data", data, "--listen", &free, "doctor"]);
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().find(|line| line.contains("  database: ")).unwrap().to_owned()
    };
    let line = |data: &str, found: &str| {
        format!(
            "WRONG    database: there is no database {data}/dockpass.db, because the folder {data} {found}: give the server's \
             --data or --database-url, or start the server once, which creates it"
        )
    };
    let data = folder.path().join("data").display().to_string();
    assert_eq!(said(&data), line(&data, "does not exist"));
    std::fs::create_dir(&data).unwrap();
    assert_eq!(said(&data), line(&data, "is empty"));
    std::fs::write(format!("{data}/notes.txt"), "").unwrap();
    assert_eq!(said(&data), line(&data, "has other files, but no database"));
}
