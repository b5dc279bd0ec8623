//! `dockpass doctor` checks the database and does not change it.

use std::{fs, path::Path};

use crate::harness::{TestServer, database, program::run};

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
async fn missing_migrations_are_reported_and_not_applied() {
    let (server, url, named) = start().await;
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    assert_eq!((code, lines.contains(&format!("OK       database: {named}"))), (Some(0), true), "{lines:#?}");
    let list = "SELECT version || ' ' || description FROM _sqlx_migrations ORDER BY 1";
    let before = database::texts(&server.app.db, list).await;
    server.sql("DROP TABLE password_use").await;
    server.sql("DELETE FROM _sqlx_migrations WHERE version = 6").await;
    let (code, lines) = doctor(&server.data(), url.as_deref()).await;
    let sentence =
        "1 migration is not applied yet (unsettled events): start the server of this version, which applies them";
    assert!(code == Some(1) && lines.contains(&format!("WRONG    database: {named}; {sentence}")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("OK       keys: ")), "the other checks still run: {lines:#?}");
    server.sql("DELETE FROM _sqlx_migrations WHERE version = 5").await;
    let (_, lines) = doctor(&server.data(), url.as_deref()).await;
    let sentence = "2 migrations are not applied yet (device, unsettled events): ";
    assert!(lines[1].starts_with(&format!("WRONG    database: {named}; {sentence}")), "{lines:#?}");
    let after = database::texts(&server.app.db, list).await;
    assert_eq!(after.len(), before.len() - 2);
    assert!(!server.dump().await.contains("password_use"));
}

#[tokio::test]
async fn a_database_of_another_version_is_reported() {
    let (server, url, named) = start().await;
    let sentence = "another version of Dockpass has migrated it: run the doctor of the version that the server has";
    for statement in [
        "UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 2) WHERE version = 1",
        "UPDATE _sqlx_migrations SET version = 9001 WHERE version = 1",
    ] {
        server.sql(statement).await;
        let (code, lines) = doctor(&server.data(), url.as_deref()).await;
        assert!(code == Some(1) && lines[1] == format!("WRONG    database: {named}; {sentence}"), "{lines:#?}");
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
