//! `dockpass backup` and `dockpass restore` while clients write.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dockpass::platform::database::{DatabaseLocation, Db};
use reqwest::StatusCode;
use tokio::task::{JoinSet, spawn_blocking};

use crate::client::{Answers, Client};
use crate::harness::program::{Program, run};
use crate::harness::{PASSWORD, database};
use crate::kill::{LIMITS, check, clients};
use crate::{half_states, is_long};

/// On a thread of its own, because the clients must go on meanwhile.
async fn shell(data: &Path, command: &str, file: &Path) -> Output {
    let arguments = ["--data", data.to_str().unwrap(), command, file.to_str().unwrap()].map(str::to_owned);
    spawn_blocking(move || run(&arguments.each_ref().map(String::as_str))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_load_are_whole_and_can_be_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("copy.db"));
    let settings = ["--data", data.to_str().unwrap()];
    let answers: Arc<Answers> = Arc::default();
    let mut idle = Client::new("alice", &settings, &answers);
    let program = Program::start(&data, &LIMITS);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut working = JoinSet::new();
    for mut client in clients(&settings, &answers) {
        client.be_signed_in(&program, false).await;
        let (base, is_over) = (program.base.clone(), Arc::clone(&is_over));
        working.spawn(async move {
            client.work(&base, || is_over.load(Ordering::Relaxed)).await;
            client
        });
    }
    let browser = program.browser();
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let mut last = None;
    for round in 1..=if is_long() { 30 } else { 3 } {
        answers.wait_for(20).await;
        let token = browser.generate(&format!("before backup {round}"), "repo:read", "30").await;
        let output = shell(&data, "backup", &file).await;
        assert!(output.status.success(), "{output:?}");
        let copy = DatabaseLocation::Sqlite(file.clone());
        half_states::check(&copy).await;
        let db = Db::open_as_it_is(&copy).await.unwrap();
        let query = format!("SELECT COUNT(*) FROM token WHERE id = '{}'", token.id);
        assert_eq!(database::number(&db, &query).await, Some(1), "what was shown before the backup is in it");
        db.close().await;
        let refused = shell(&data, "restore", &file).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("a server is running on this data folder"), "{said}");
        last = Some(token);
    }
    let late = browser.generate("after the last backup", "repo:read", "30").await;
    is_over.store(true, Ordering::Relaxed);
    let mut clients = working.join_all().await;
    assert!(answers.unavailable() == 0 && clients.iter().any(|client| client.counts().0 > 0));
    let location = DatabaseLocation::Sqlite(data.join("dockpass.db"));
    check(&mut clients, &program, &location, true).await;
    program.stop();

    assert!(shell(&data, "restore", &file).await.status.success());
    let program = Program::start(&data, &LIMITS);
    half_states::check(&location).await;
    idle.check(&program, true).await;
    let status = async |secret: &str| program.browser().token("alice", secret, &[]).await.status;
    assert_eq!(status(&last.unwrap().secret).await, StatusCode::OK);
    assert_eq!(status(&late.secret).await, StatusCode::UNAUTHORIZED);
}
