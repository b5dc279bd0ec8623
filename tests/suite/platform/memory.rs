//! How much memory the real program takes while clients guess passwords, and afterwards.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::program::Program;

/// A value of `/proc/<pid>/status`, in KiB.
fn status_kib(program: &Program, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn thirty_two_guessing_clients_do_not_fill_it() {
    let folder = TempDir::new().unwrap();
    let program = Arc::new(Program::start(&folder.path().join("data"), &[]));
    let mut clients = JoinSet::new();
    for client in 0..32 {
        let program = Arc::clone(&program);
        clients.spawn(async move {
            for guess in 0..3 {
                let name = format!("user{client}-{guess}");
                program.browser().post("/login", &[("username", &name), ("password", "a guess")]).await;
            }
        });
    }
    clients.join_all().await;
    let kib = status_kib(&program, "RssAnon:");
    assert!(kib < 64 * 1024, "{kib} KiB");
}

#[tokio::test]
async fn the_memory_of_a_password_hash_is_freed_soon_afterwards() {
    let folder = TempDir::new().unwrap();
    let program = Program::start(&folder.path().join("data"), &[]);
    let guess = program.browser().post("/login", &[("username", "alice"), ("password", "a guess")]).await;
    assert_eq!(guess.status, StatusCode::UNAUTHORIZED);
    // The peak was reached with a hash's 19 MiB.
    let freed = || status_kib(&program, "VmHWM:").saturating_sub(status_kib(&program, "VmRSS:"));
    for _ in 0..100 {
        if freed() > 17 * 1024 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("only {} KiB were freed", freed());
}
