//! `dockpass backup` and `dockpass restore`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use reqwest::StatusCode;

use crate::harness::PASSWORD;
use crate::harness::program::{Program, run, run_with_input};

fn shell(data: &Path, arguments: &[&str]) -> Output {
    run(&[&["--data", data.to_str().unwrap()], arguments].concat())
}

fn add(data: &Path, name: &str) {
    let arguments = ["--data", data.to_str().unwrap(), "account", "add", name, "--password-stdin"];
    assert!(run_with_input(&arguments, PASSWORD).status.success());
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn can_sign_in(program: &Program, name: &str) -> bool {
    let answer = program.browser().post("/login", &[("username", name), ("password", PASSWORD)]).await;
    answer.status == StatusCode::SEE_OTHER
}

#[tokio::test]
async fn a_backup_of_a_running_server_can_be_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let copy = file.to_str().unwrap();
    let program = Program::start(&data, &[]);
    add(&data, "alice");
    let browser = program.browser();
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = browser.generate("ci", "repo:read", "30").await;
    assert!(shell(&data, &["backup", copy]).status.success());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(data.join("secret.key")).unwrap();
    let bytes = fs::read(&file).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(key.trim()) && !holds(&token.secret) && holds("alice"));
    add(&data, "late");
    assert!(error(&shell(&data, &["backup", copy])).contains("already exists"));
    assert!(error(&shell(&data, &["restore", copy])).contains("a server is running on this data folder"));
    assert!(can_sign_in(&program, "late").await);
    program.stop();
    assert!(shell(&data, &["restore", copy]).status.success());
    let program = Program::start(&data, &[]);
    assert_eq!(program.setup_link, None);
    assert!(can_sign_in(&program, "alice").await && !can_sign_in(&program, "late").await);
    assert_eq!(program.browser().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_backup_needs_the_key_file_on_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new, file) = (folder.path().join("old"), folder.path().join("new"), folder.path().join("copy.db"));
    Program::start(&old, &[]).stop();
    add(&old, "alice");
    assert!(shell(&old, &["backup", file.to_str().unwrap()]).status.success());
    assert!(shell(&new, &["restore", file.to_str().unwrap()]).status.success());
    let listen = ["--listen", "127.0.0.1:0"];
    assert!(error(&shell(&new, &listen)).contains("the secret key file"));
    fs::copy(old.join("secret.key"), new.join("secret.key")).unwrap();
    assert!(can_sign_in(&Program::start(&new, &[]), "alice").await);
}

#[test]
fn other_files_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    Program::start(&data, &[]).stop();
    let before = fs::read(data.join("dockpass.db")).unwrap();
    for content in [b"".as_slice(), b"not a database, but long enough to be looked at as if it were one"] {
        fs::write(&file, content).unwrap();
        assert!(error(&shell(&data, &["restore", file.to_str().unwrap()])).contains("is not a Dockpass backup"));
    }
    assert!(error(&shell(&data, &["restore", "/nonexistent"])).contains("is not a Dockpass backup"));
    assert_eq!(fs::read(data.join("dockpass.db")).unwrap(), before);
}

#[test]
fn postgresql_needs_its_own_tools() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let url = ["--database-url", "postgres://127.0.0.1:1/x"];
    for verb in ["backup", "restore"] {
        let output = shell(&data, &[url.as_slice(), &[verb, "x"]].concat());
        assert!(error(&output).contains("use pg_dump and pg_restore"));
    }
}
