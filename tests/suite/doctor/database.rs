//! `dockpass doctor` checks the database and does not change it.

use std::fs;
use std::path::Path;

use crate::harness::program::run;
use crate::harness::{TestServer, database};

/// The exit code and the lines of `dockpass doctor` for this data folder and database.
async fn doctor(data: &Path, url: Option<&str>) -> (Option<i32>, Vec<String>) {
    let mut all = vec!["--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    all.extend(url.map(|url| ["--database-url", url]).into_iter().flatten());
    all.push("doctor");
    let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    // On a blocking thread, because the test's server must keep running.
    let output = tokio::task::spawn_blocking(move || run(&all.iter().map(String::as_str).collect::<Vec<_>>()));
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said.lines().map(str::to_owned).collect())
}

/// A server, its database URL if it has one, and the doctor's name for its database.
async fn start() -> (TestServer, Option<String>, String) {
    let mut url = None;
    let server = TestServer::start_with(|settings| url.clone_from(&settings.database_url)).await;
    let named = match url {
        Some(_) => "PostgreSQL answers".to_owned(),
        None => server.data().join("dockpass.db").display().to_string(),
    };
    (server, url, named)
}

#[tokio::test]
async fn a_database_of_another_version_is_reported() {
    let (server, url, named) = start().await;
    let sentence = "another version of Dockpass has migrated it: run the doctor of the version that the server has";
    server.sql(&format!("UPDATE _sqlx_migrations SET checksum = {}", server.bytes("cd"))).await;
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    assert!(code == Some(1) && lines[1] == format!("WRONG    database: {named}; {sentence}"), "{lines:#?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_a_warning() {
    let (server, url, named) = start().await;
    let columns = "version, description, installed_on, success, checksum, execution_time";
    server
        .sql(&format!(
            "INSERT INTO _sqlx_migrations ({columns}) SELECT 9001, 'later_tables', installed_on, success, checksum, 0
             FROM _sqlx_migrations WHERE version = 1"
        ))
        .await;
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    let sentence =
        "a newer version of Dockpass has migrated it (later tables): to be sure, run the doctor of that version";
    assert!(code == Some(0) && lines[1] == format!("WARNING  database: {named}; {sentence}"), "{lines:#?}");
}

#[tokio::test]
async fn a_database_from_before_the_first_release_is_refused_with_what_to_do() {
    let (mut server, url, named) = start().await;
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    assert_eq!((code, lines.contains(&format!("OK       database: {named}"))), (Some(0), true), "{lines:#?}");
    // As its list of migrations began.
    server.sql("UPDATE _sqlx_migrations SET description = 'accounts_and_tokens'").await;
    server.stop().await;
    let sentence = "this database was created by a version of Dockpass from before its first release, and its tables cannot \
                    be upgraded: start with an empty data folder or database, create the accounts and tokens again and \
                    write the registry's files with `dockpass registry-config`, or keep running the version that created it";
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    assert!(code == Some(1) && lines[1] == format!("WRONG    database: {named}; {sentence}"), "{lines:#?}");
    assert_eq!(lines[2], "SKIPPED  keys: they are in the database");
    let mut start = vec!["--data".to_owned(), server.data().display().to_string(), "--listen=127.0.0.1:0".to_owned()];
    start.extend(url.map(|url| format!("--database-url={url}")));
    for command in [&["serve"][..], &["account", "list"], &["keys", "rotate"]] {
        let arguments: Vec<&str> = start.iter().map(String::as_str).chain(command.iter().copied()).collect();
        let output = run(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said), (Some(1), format!("dockpass: {sentence}\n")), "{command:?}");
    }
}

#[tokio::test]
async fn an_empty_database_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (url, file) = (database::url().await, data.join("dockpass.db"));
    if url.is_none() {
        fs::create_dir(&data).unwrap();
        fs::write(&file, "").unwrap();
    }
    let (code, lines) = doctor(&data, url.as_deref()).await;
    let named = url.as_ref().map_or(file.display().to_string(), |_| "PostgreSQL answers".to_owned());
    let sentence = "it is empty: the server creates its tables at its first start";
    assert_eq!((code, &lines[1]), (Some(1), &format!("WRONG    database: {named}; {sentence}")));
    assert_eq!(lines[2], "SKIPPED  keys: they are in the database");
    match url {
        Some(url) => assert_eq!(database::tables(&url).await, 0),
        None => {
            assert_eq!(fs::read(&file).unwrap(), b"");
            assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no other file");
        }
    }
}

#[tokio::test]
async fn without_a_running_server_it_leaves_no_files_behind() {
    let (mut server, url, _) = start().await;
    server.stop().await;
    let files = || {
        let names = fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let before = files();
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    assert_eq!((code, files()), (Some(0), before), "{lines:#?}");
}
