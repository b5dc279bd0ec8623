//! The `dockpass` program, as an operator runs it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::harness::program::{Program, command, run, run_with_input};
use crate::harness::{Browser, PASSWORD};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn said(output: &std::process::Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn add(data: &Path, name: &str, password: &str) -> (Option<i32>, String) {
    let arguments = ["--data", data.to_str().unwrap(), "account", "add", name, "--password-stdin"];
    said(&run_with_input(&arguments, &format!("{password}\n")))
}

async fn sign_in(browser: &Browser, name: &str) -> StatusCode {
    browser.post("/login", &[("username", name), ("password", PASSWORD)]).await.status
}

#[tokio::test]
async fn it_works_on_an_empty_folder() {
    let folder = folder();
    let data = folder.path().join("deep/data");
    let program = Program::start(&data, &[]);
    assert!(program.base.starts_with("http://127.0.0.1:") && !program.base.ends_with(":0"), "{}", program.base);
    let link = program.setup_link.clone().unwrap();
    assert!(link.starts_with(&format!("{}/setup?code=", program.base)), "{link}");
    assert_eq!((mode(&data), mode(&data.join("secret.key"))), (0o700, 0o600));
    let browser = program.browser();
    browser.get(&link).await;
    let made = browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER);
    let token = browser.generate("ci", "repo:read", "30").await;
    assert_eq!(program.browser().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    let ended = program.stop();
    assert_eq!((ended.code, ended.said.lines().count()), (Some(0), 1), "{ended:?}");
    let again = Program::start(&data, &["serve"]);
    assert_eq!(again.setup_link, None);
    assert_eq!(sign_in(&again.browser(), "alice").await, StatusCode::SEE_OTHER);
    assert_eq!(again.browser().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    assert_eq!(again.stop().said, "");
}

#[tokio::test]
async fn accounts_can_be_added_while_it_runs() {
    let folder = folder();
    let data = folder.path().join("data");
    let program = Program::start(&data, &[]);
    assert_eq!(add(&data, "alice", PASSWORD), (Some(0), String::new()));
    assert_eq!(sign_in(&program.browser(), "alice").await, StatusCode::SEE_OTHER);
    assert_eq!(program.browser().get("/setup").await.status, StatusCode::GONE);
    let refusals = [
        ("alice", PASSWORD, "is taken: there is an account with this name"),
        ("Alice", PASSWORD, "is not a valid username"),
        ("settings", PASSWORD, "is reserved"),
        ("bob", "too short", "at least 15 characters"),
        ("bob", "", "there is no password on standard input"),
    ];
    for (name, password, sentence) in refusals {
        let (code, error) = add(&data, name, password);
        assert!(code == Some(1) && error.contains(sentence), "{code:?} {error}");
        assert!(password.is_empty() || !error.contains(password));
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn an_account_can_be_added_before_its_first_start() {
    let folder = folder();
    let data = folder.path().join("data");
    assert_eq!(add(&data, "alice", PASSWORD), (Some(0), String::new()));
    assert_eq!(Program::start(&data, &[]).setup_link, None);
}

#[test]
fn all_wrong_settings_are_reported_at_once() {
    let folder = folder();
    let data = folder.path().join("data");
    let wrong = ["--listen", "nowhere", "--session-idle-hours", "0", "--log-format", "xml", "--public-url", "ftp://x"];
    let mut start = command(&["--data", data.to_str().unwrap()]);
    let output = start.args(wrong).env("DOCKPASS_MAX_TOKEN_LIFETIME_DAYS", "many").output().unwrap();
    let (code, error) = said(&output);
    assert_eq!(code, Some(2));
    let flags = ["--listen", "--session-idle-hours", "--log-format", "--public-url", "--max-token-lifetime-days"];
    assert!(flags.iter().all(|flag| error.contains(flag)), "{error}");
    assert_eq!(error.lines().count(), 5);
    assert!(output.stdout.is_empty() && !data.exists(), "nothing was created");
}

#[test]
fn a_public_url_is_required_if_it_cannot_be_guessed() {
    let (code, error) = said(&run(&["--listen", "0.0.0.0:0", "--data", "/nonexistent/data"]));
    assert!(code == Some(2) && error.contains("--public-url must be given"), "{code:?} {error}");
}

#[test]
fn a_password_in_a_wrong_database_url_is_not_repeated() {
    let (code, error) = said(&run(&["--database-url", "mysql://root:hunter2@db/x"]));
    assert!(code == Some(2) && error.contains("--database-url") && !error.contains("hunter2"), "{error}");
    let folder = folder();
    let data = folder.path().join("data");
    let url = "postgres://root:hunter2@127.0.0.1:1/x";
    let (code, error) = said(&run(&["--data", data.to_str().unwrap(), "--database-url", url]));
    assert!(code == Some(1) && error.contains("database") && !error.contains("hunter2"), "{code:?} {error}");
}

#[test]
fn a_wrong_secret_key_file_stops_the_start() {
    let folder = folder();
    let data = folder.path().join("data");
    Program::start(&data, &[]).stop();
    let key = data.join("secret.key");
    let right = fs::read_to_string(&key).unwrap();
    let start = || said(&run(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]));
    fs::write(&key, data_encoding::BASE64.encode(&[7; 32])).unwrap();
    let (code, error) = start();
    let sentence = "the secret key file is not the one with which this database was encrypted";
    assert!(code == Some(1) && error.contains(sentence) && error.contains("secret.key"), "{code:?} {error}");
    fs::write(&key, "no key").unwrap();
    let (code, error) = start();
    assert!(code == Some(1) && error.contains("does not contain 32 bytes in base64"), "{error}");
    assert!(!error.contains("no key"));
    fs::remove_file(&key).unwrap();
    let (code, error) = start();
    assert!(code == Some(1) && error.contains("the secret key file") && error.contains("secret.key"), "{error}");
    assert!(!key.exists(), "a new key could not decrypt anything");
    fs::write(&key, right).unwrap();
    Program::start(&data, &[]);
}

#[test]
fn a_taken_port_is_reported() {
    let (folder, taken) = (folder(), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let (code, error) = said(&run(&["--listen", &address, "--data", data.to_str().unwrap()]));
    assert!(code == Some(1) && error.contains(&format!("cannot listen on {address}")), "{code:?} {error}");
    assert!(error.contains("a server that is stopping needs its address for a few seconds more"), "{error}");
}

/// A connection with half a request, which never ends by itself.
fn half_a_request(program: &Program) -> TcpStream {
    let mut half = TcpStream::connect(program.base.strip_prefix("http://").unwrap()).unwrap();
    half.write_all(b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ngrant_type=").unwrap();
    half
}

/// Waits until load balancers are told to send their requests elsewhere.
async fn is_draining(program: &Program) {
    let browser = program.browser();
    let mut answer = browser.get("/readyz").await;
    while answer.status == StatusCode::OK {
        answer = browser.get("/readyz").await;
    }
    assert_eq!(answer.body, "the server is stopping\n");
    assert_eq!((answer.status, answer.header("connection")), (StatusCode::SERVICE_UNAVAILABLE, "close"));
}

#[tokio::test]
async fn after_sigterm_it_takes_connections_for_a_while_and_ends_within_ten_seconds_despite_open_requests() {
    let folder = folder();
    let program = Program::start(&folder.path().join("data"), &[]);
    let _half = half_a_request(&program);
    let _silent = TcpStream::connect(program.base.strip_prefix("http://").unwrap()).unwrap();
    assert_eq!(program.browser().get("/healthz").await.status, StatusCode::OK);
    program.signal("TERM");
    is_draining(&program).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut late = TcpStream::connect(program.base.strip_prefix("http://").unwrap()).unwrap();
    late.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"), "{answer}");
    let ended = program.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.took < Duration::from_secs(10), "{ended:?}");
    let order = ["connections are accepted for 5 s more", "stopping\n", "some requests did not end in time"];
    let places = order.map(|words| ended.log.find(words).unwrap_or_else(|| panic!("{words}: {}", ended.log)));
    assert!(places.is_sorted(), "{}", ended.log);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let folder = folder();
    for second in ["TERM", "INT"] {
        let program = Program::start(&folder.path().join("data"), &[]);
        let _half = half_a_request(&program);
        program.signal("TERM");
        is_draining(&program).await;
        program.signal(second);
        let ended = program.wait();
        assert!(ended.code == Some(0) && ended.log.contains("a second signal"), "{ended:?}");
        assert!(!ended.log.contains("did not end in time"), "{ended:?}");
    }
}

#[tokio::test]
async fn ctrl_c_stops_an_idle_server_at_once_and_loses_nothing() {
    let folder = folder();
    let data = folder.path().join("data");
    let program = Program::start(&data, &[]);
    add(&data, "alice", PASSWORD);
    let browser = program.browser();
    sign_in(&browser, "alice").await;
    let token = browser.generate("ci", "repo:read", "30").await;
    program.browser().token("alice", &token.secret, &[]).await;
    let ended = program.stop();
    assert!(ended.code == Some(0) && !ended.log.contains("connections are accepted"), "{ended:?}");
    let program = Program::start(&data, &[]);
    let browser = program.browser();
    sign_in(&browser, "alice").await;
    assert!(browser.get("/settings/tokens").await.body.contains("data-label=\"Used\"><time"));
}

#[test]
fn it_writes_what_a_registry_needs() {
    let folder = folder();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    Program::start(&data, &[]).stop();
    let version = |version: &str| {
        let data = data.to_str().unwrap();
        let url = "https://hub.example.com";
        let output = run(&[
            "--data",
            data,
            "--public-url",
            url,
            "registry-config",
            "--registry-version",
            version,
            "--out",
            out.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (two, three) = (version("2"), version("3"));
    let bundle = out.canonicalize().unwrap().join("bundle.pem");
    let expected = format!(
        "auth:\n  token:\n    realm: \"https://hub.example.com/token\"\n    service: \"dockpass\"\n    issuer: \
         \"dockpass\"\n    rootcertbundle: \"{}\"\n",
        bundle.display()
    );
    assert_eq!(two, expected);
    assert!(three.starts_with(&expected) && three.contains("jwks.json") && three.contains("ES256"), "{three}");
    assert!(fs::read_to_string(&bundle).unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"));
    let keys: serde_json::Value = serde_json::from_slice(&fs::read(out.join("jwks.json")).unwrap()).unwrap();
    assert!(keys["keys"][0]["kid"].is_string() && keys["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn what_editors_and_shells_add_is_no_part_of_a_secret() {
    let folder = folder();
    let data = folder.path().join("data");
    let (key, events) = (folder.path().join("secret.key"), folder.path().join("events.secret"));
    Program::start(&data, &["--secret-key-file", key.to_str().unwrap()]).stop();
    let text = fs::read_to_string(&key).unwrap();
    fs::write(&key, format!("\u{feff}{}\r\n\r\n", text.trim())).unwrap();
    fs::write(&events, "\u{feff}a-secret-of-two-programs\r\n").unwrap();
    assert_eq!(add(&data, "alice", &format!("\u{feff}{PASSWORD}\r")), (Some(0), String::new()));
    let files = ["--secret-key-file", key.to_str().unwrap(), "--events-secret-file", events.to_str().unwrap()];
    let program = Program::start(&data, &files);
    assert_eq!(sign_in(&program.browser(), "alice").await, StatusCode::SEE_OTHER);
    let request = reqwest::Client::new().post(format!("{}/registry/events", program.base)).body(r#"{"events":[]}"#);
    let answer = request.bearer_auth("a-secret-of-two-programs").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let out = folder.path().join("out");
    let more = ["--data", data.to_str().unwrap(), "--public-url", "https://hub.example.com", "registry-config"];
    let end = ["--registry-version", "3", "--out", out.to_str().unwrap()];
    let output = run(&[&files[..], &more, &end].concat());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("Authorization: [\"Bearer a-secret-of-two-programs\"]"), "{printed}");
}

#[test]
fn settings_are_read_from_a_file_too() {
    let folder = folder();
    let (file, data) = (folder.path().join("dockpass.conf"), folder.path().join("data"));
    let text = format!(
        "\u{feff}# comment\r\nDOCKPASS_LISTEN=127.0.0.1:0\r\nDOCKPASS_DATA=\"{}\"\r\nDOCKPASS_ISSUER='file'\r\n\
         DOCKPASS_REGISTRY_SERVICE=file\r\nDOCKPASS_REQUIRE_2FA=\r\nRUST_LOG=info\r\n",
        data.display()
    );
    fs::write(&file, text).unwrap();
    let file_name = file.to_str().unwrap();
    Program::spawn(command(&[]).env("DOCKPASS_CONFIG", file_name)).stop();
    assert!(data.join("dockpass.db").exists() || std::env::var_os("DOCKPASS_TEST_POSTGRES").is_some());
    let out = folder.path().join("out");
    let config = |more: &[&str]| {
        let url = ["--public-url", "http://127.0.0.1:8080"];
        let arguments = ["registry-config", "--config", file_name, "--registry-version", "2", "--out"];
        let mut printing = command(&[&arguments[..], &[out.to_str().unwrap()], &url, more].concat());
        let output = printing.env("DOCKPASS_REGISTRY_SERVICE", "variable").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = config(&[]);
    assert!(printed.contains("issuer: \"file\"") && printed.contains("service: \"variable\""), "{printed}");
    let printed = config(&["--issuer", "flag"]);
    assert!(printed.contains("issuer: \"flag\""), "{printed}");

    fs::write(&file, "DOCKPASS_LISTEN=nowhere\nDOCKPASS_LISTN=127.0.0.1:0\nDOCKPASS_SIGNUP=perhaps\n").unwrap();
    let (code, error) = said(&run(&["--config", file_name]));
    let expected = ["there is no setting DOCKPASS_LISTN", "--listen \"nowhere\"", "--signup \"perhaps\""];
    assert!(code == Some(2) && expected.iter().all(|words| error.contains(words)), "{code:?} {error}");
    fs::write(&file, "listen on everything\n").unwrap();
    let (code, error) = said(&run(&["--config", file_name]));
    assert!(code == Some(2) && error.contains("dockpass.conf line 1 is not NAME=value"), "{code:?} {error}");
    let (code, error) = said(&run(&["--config", "/nonexistent/dockpass.conf"]));
    assert!(code == Some(2) && error.contains("/nonexistent/dockpass.conf cannot be read"), "{code:?} {error}");
}

#[test]
fn the_help_of_a_subcommand_shows_only_its_own_flags() {
    let help = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for arguments in [
        &["keys", "rotate", "--help"][..],
        &["account", "add", "--help"],
        &["account", "--help"],
        &["help", "account", "add"],
        &["backup", "--help"],
        &["doctor", "-h"],
    ] {
        let text = help(arguments);
        assert!(!text.contains("--listen") && !text.contains("--session-idle-hours"), "{arguments:?}: {text}");
        assert!(text.contains("dockpass serve --help"), "{arguments:?}: {text}");
    }
    assert!(help(&["account", "add", "--help"]).contains("--password-stdin"));
    for arguments in [&["--help"][..], &["serve", "--help"]] {
        assert!(help(arguments).contains("--listen") && help(arguments).contains("--config"), "{arguments:?}");
    }
}

#[test]
fn a_full_standard_error_crashes_no_command_and_a_lost_output_is_a_failure() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = folder();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let code = |command: &mut Command| command.status().unwrap().code();
    assert_eq!(code(command(&["--listen", "nowhere"]).stderr(full())), Some(2));
    if std::env::var_os("DOCKPASS_TEST_POSTGRES").is_none() {
        assert_eq!(code(command(&["--data", data, "account", "list"]).stderr(full())), Some(1));
    }
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    let add = ["--data", data, "account", "add", "alice", "--password-stdin"];
    assert_eq!(code(command(&add).stdin(fs::File::open(&password).unwrap())), Some(0));
    assert_eq!(code(command(&["--data", data, "account", "list"]).stdout(full())), Some(1));
    assert_eq!(code(command(&["--data", data, "account", "list"]).stdout(full()).stderr(full())), Some(1));
}
