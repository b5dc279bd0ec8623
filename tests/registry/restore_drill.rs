//! A restore drill: backed up under load, everything lost but the backups and the secret key file, and people log in again.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::client::{Client, run};
use crate::harness::PASSWORD;
use crate::harness::program::{self, Program};
use crate::image::Image;
use crate::registry_host::Registry;

/// More tokens than the defaults allow, because the load is made of them.
const LIMITS: [&str; 4] = ["--max-tokens", "50000", "--token-creations-per-hour", "50000"];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_restore_docker_logs_in_with_a_token_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).display().to_string();
    let (data, backups, key) = (text("data"), text("backups"), text("elsewhere.key"));
    let shell = |command: &[&str], input: &str| {
        let arguments = [&["--data", &data], command].concat();
        run(&mut program::command(&arguments), input).succeed()
    };
    shell(&["account", "add", "alice", "--password-stdin"], PASSWORD);
    let server = Program::start(folder.path().join("data").as_path(), &LIMITS);
    fs::copy(folder.path().join("data/secret.key"), &key).unwrap();
    let address = server.base.trim_start_matches("http://").to_owned();
    let registry = Registry::start(&["--data", &data, "--listen", &address]);
    let browser = server.browser();
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = browser.generate("laptop", "repo:write", "30").await;

    // The load: token requests and new tokens, until the last backup is written.
    let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let working: Vec<_> = (0..3)
        .map(|worker| {
            let (is_over, done, token) = (Arc::clone(&is_over), Arc::clone(&done), token.secret.clone());
            let client = server.browser();
            tokio::spawn(async move {
                client.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
                while !is_over.load(Ordering::Relaxed) {
                    client.generate(&format!("load {worker}"), "repo:read", "30").await;
                    assert_eq!(client.token("alice", &token, &["repository:alice/app:pull,push"]).await.status, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut said = String::new();
    for round in 1..=3 {
        while done.load(Ordering::Relaxed) < round * 5 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        said = tokio::task::block_in_place(|| shell(&["backup", "--keep", "2", &backups], ""));
    }
    assert!(said.contains("and verified: 1 account and ") && said.contains("holds 2 backups, at most 2"), "{said}");
    is_over.store(true, Ordering::Relaxed);
    for worker in working {
        worker.await.unwrap();
    }
    let late = browser.generate("after the last backup", "repo:write", "30").await;
    // Killed, and the disk with its data is gone.
    drop(server);
    fs::remove_dir_all(&data).unwrap();

    let mut files: Vec<PathBuf> = fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let newest = files.pop().unwrap().display().to_string();
    let restored = shell(&["restore", &newest], "");
    assert!(restored.contains("copy the secret key file of the backed-up server to "), "{restored}");
    fs::copy(&key, folder.path().join("data/secret.key")).unwrap();
    let arguments = [&["--data", &data, "--listen", &address], LIMITS.as_slice()].concat();
    let _server = Program::spawn(&mut program::command(&arguments));

    // The registry goes on with the certificate that it has, so the keys came back with the backup.
    let client = Client::new();
    assert_eq!(client.docker_login(&registry.host, "alice", &token.secret).succeed(), "Login Succeeded\n");
    client.skopeo_login(&registry.host, "alice", &token.secret).succeed();
    let (image, at) = (Image::holding("hello"), format!("docker://{}/alice/app:v1", registry.host));
    client.skopeo(&["copy", "--dest-tls-verify=false", &image.source(), &at]).succeed();
    let lost = Client::new().docker_login(&registry.host, "alice", &late.secret).fail();
    assert!(lost.contains("(AUTH-FAILED)"), "{lost}");
}
