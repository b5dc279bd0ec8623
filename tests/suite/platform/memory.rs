//! What guessing costs in memory, in the real program.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::program::Program;

/// A line of what Linux says about the process, in KiB.
fn in_kib(program: &Program, name: &str) -> u64 {
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
    let kib = in_kib(&program, "RssAnon:");
    assert!(kib < 64 * 1024, "{kib} KiB");
}

#[tokio::test]
async fn what_a_password_needed_is_freed_soon_afterwards() {
    let folder = TempDir::new().unwrap();
    let program = Program::start(&folder.path().join("data"), &[]);
    let guess = program.browser().post("/login", &[("username", "alice"), ("password", "a guess")]).await;
    assert_eq!(guess.status, StatusCode::UNAUTHORIZED);
    let freed = || in_kib(&program, "VmHWM:") - in_kib(&program, "VmRSS:");
    for _ in 0..100 {
        if freed() > 17 * 1024 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{} KiB", freed());
}
