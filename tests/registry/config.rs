//! `dockpass registry-config`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::client::run;
use crate::harness::{PASSWORD, TestServer, program};

fn installation() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut add = program::command(&["account", "add", "alice", "--password-stdin"]);
    run(add.current_dir(folder.path()), PASSWORD).succeed();
    folder
}

/// Runs it in `folder`. It writes to `trust`, and the data folder is `data`.
#[track_caller]
fn configure(folder: &Path, version: &str, more: &[&str]) -> String {
    let mut command = program::command(&["registry-config", "--registry-version", version, "--out", "trust"]);
    run(command.args(more).current_dir(folder), "").succeed()
}

fn absolute(folder: &Path) -> String {
    folder.canonicalize().unwrap().join("trust").display().to_string()
}

#[test]
fn version_2_gets_the_bundle_by_its_absolute_path() {
    let folder = installation();
    let yaml = configure(folder.path(), "2", &["--listen", "127.0.0.1:8099"]);
    let trust = absolute(folder.path());
    let expected = format!(
        "auth:\n  token:\n    realm: \"http://127.0.0.1:8099/token\"\n    service: \"dockpass\"\n    \
         issuer: \"dockpass\"\n    rootcertbundle: \"{trust}/bundle.pem\"\n"
    );
    assert_eq!(yaml, expected);
    let bundle = fs::read_to_string(folder.path().join("trust/bundle.pem")).unwrap();
    assert!(bundle.starts_with("-----BEGIN CERTIFICATE-----"), "{bundle}");
    assert!(bundle.trim_end().ends_with("-----END CERTIFICATE-----"), "{bundle}");
    assert_eq!(bundle.matches("BEGIN").count(), 1, "the root's certificate and nothing else: {bundle}");
}

#[test]
fn version_3_gets_the_bundle_and_the_keys_and_takes_one_algorithm() {
    let folder = installation();
    let more = ["--public-url", "https://hub.example", "--issuer", "me", "--registry-service", "hub"];
    let yaml = configure(folder.path(), "3", &more);
    let trust = absolute(folder.path());
    let expected = format!(
        "auth:\n  token:\n    realm: \"https://hub.example/token\"\n    service: \"hub\"\n    issuer: \"me\"\n    \
         rootcertbundle: \"{trust}/bundle.pem\"\n    jwks: \"{trust}/jwks.json\"\n    signingalgorithms: [ES256]\n"
    );
    assert_eq!(yaml, expected);
    assert!(folder.path().join("trust/bundle.pem").exists());
    let keys = fs::read_to_string(folder.path().join("trust/jwks.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"]), (&"EC".into(), &"P-256".into()));
    assert!(key.get("d").is_none(), "a private key was written: {keys}");
    // A libtrust fingerprint has twelve groups of four characters.
    let id = key["kid"].as_str().unwrap();
    assert!(id.split(':').count() == 12 && id.split(':').all(|group| group.len() == 4), "{id}");
}

#[test]
fn with_a_secret_for_events_it_tells_the_registry_where_and_how_to_send_them() {
    let folder = installation();
    fs::write(folder.path().join("events.secret"), "a-\"secret\"-of-two-programs\n").unwrap();
    let more = ["--listen", "127.0.0.1:8099", "--events-secret-file", "events.secret"];
    let yaml = configure(folder.path(), "2", &more);
    let trust = absolute(folder.path());
    let expected = format!(
        r#"auth:
  token:
    realm: "http://127.0.0.1:8099/token"
    service: "dockpass"
    issuer: "dockpass"
    rootcertbundle: "{trust}/bundle.pem"
notifications:
  events:
    includereferences: true
  endpoints:
    - name: dockpass
      url: "http://127.0.0.1:8099/registry/events"
      headers:
        Authorization: ["Bearer a-\"secret\"-of-two-programs"]
      timeout: 2s
      threshold: 5
      backoff: 2s
"#
    );
    assert_eq!(yaml, expected);
    let after = configure(folder.path(), "3", &more);
    let (auth, notifications) = after.split_once("notifications:").unwrap();
    assert!(auth.contains("    jwks: ") && expected.ends_with(notifications), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_are_written_while_the_server_runs() {
    let server = TestServer::start_with(|settings| settings.database_url = None).await;
    let folder = tempfile::tempdir().unwrap();
    let data = server.data().display().to_string();
    let first = configure(folder.path(), "3", &["--data", &data]);
    let files = || ["bundle.pem", "jwks.json"].map(|file| fs::read(folder.path().join("trust").join(file)).unwrap());
    let written = files();
    assert_eq!(configure(folder.path(), "3", &["--data", &data]), first);
    assert_eq!(files(), written);
    assert_eq!(server.anonymous().get("/.well-known/jwks.json").await.body.as_bytes(), written[1]);
}

#[test]
fn a_folder_that_cannot_be_made_is_a_sentence() {
    let folder = installation();
    fs::write(folder.path().join("trust"), "a file").unwrap();
    let mut command = program::command(&["registry-config", "--registry-version", "2", "--out", "trust"]);
    let said = run(command.current_dir(folder.path()), "").fail();
    assert_eq!(said, "dockpass: the files cannot be written to trust: File exists (os error 17)");
}

#[test]
fn a_mistyped_data_folder_is_a_sentence_and_stays_empty() {
    let folder = installation();
    let arguments = ["--data", "date", "registry-config", "--registry-version", "2", "--out", "trust"];
    let said = run(program::command(&arguments).current_dir(folder.path()), "").fail();
    let what = "give the server's --data or --database-url, or start the server once, which creates it";
    let where_ = "there is no database date/dockpass.db, because the folder date does not exist";
    assert_eq!(said, format!("dockpass: {where_}: {what}"));
    assert!(!folder.path().join("date").exists() && !folder.path().join("trust").exists());
}

#[test]
fn the_version_must_be_said() {
    let said = run(&mut program::command(&["registry-config", "--out", "trust"]), "").fail();
    assert!(said.starts_with("error: the following required arguments were not provided:\n"), "{said}");
    assert!(said.contains("--registry-version <REGISTRY_VERSION>"), "{said}");
}
