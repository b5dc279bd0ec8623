//! `dockpass migrate-to`. It needs a PostgreSQL server, so these tests do nothing in the run on SQLite.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use dockpass::platform::database::{DatabaseLocation, Db};
use reqwest::StatusCode;
use tempfile::TempDir;

use crate::harness::filled_tables::{self, columns, tables};
use crate::harness::program::{Program, command, run, run_with_input};
use crate::harness::{PASSWORD, database};

/// An empty schema of PostgreSQL, and a folder for the SQLite server.
async fn start() -> Option<(String, TempDir, PathBuf)> {
    let url = database::url().await?;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Some((url, folder, data))
}

async fn open(location: &str) -> Db {
    Db::open(&location.parse::<DatabaseLocation>().unwrap()).await.unwrap()
}

async fn sqlite(data: &Path) -> Db {
    fs::create_dir_all(data).unwrap();
    open(&format!("sqlite:{}", data.join("dockpass.db").display())).await
}

fn migrate(data: &Path, url: &str) -> Output {
    run(&["--data", data.to_str().unwrap(), "migrate-to", url])
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A table's rows as texts, in one order on both engines.
async fn content(db: &Db, table: &str) -> Vec<String> {
    let as_text = |(name, kind): &(String, String)| match (kind.as_str(), db) {
        ("BYTEA", Db::Sqlite { .. }) => format!("hex({name})"),
        ("BYTEA", Db::Postgres(_)) => format!("upper(encode({name}, 'hex'))"),
        ("BOOLEAN", _) => format!("CASE WHEN {name} THEN 'yes' WHEN NOT {name} THEN 'no' END"),
        _ => format!("CAST({name} AS TEXT)"),
    };
    let columns = columns(db, table).await;
    let cells: Vec<String> = columns.iter().map(|column| format!("COALESCE({}, 'NULL')", as_text(column))).collect();
    let mut rows = database::texts(db, &format!("SELECT {} FROM {table}", cells.join(" || '|' || "))).await;
    rows.sort();
    rows
}

#[tokio::test]
async fn every_row_of_every_table_arrives_as_it_was() {
    let Some((url, _folder, data)) = start().await else { return };
    let source = sqlite(&data).await;
    filled_tables::fill(&source, &[]).await;
    database::execute(&source, "UPDATE account SET display_name = NULL, calendar_hash = x'' WHERE is_admin").await;
    let mut before = Vec::new();
    for table in tables(&source).await {
        before.push((table.clone(), content(&source, &table).await));
    }
    source.close().await;
    let output = migrate(&data, &url);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("all counts and checksums agree") && said.contains("secret.key"), "{said}");

    let target = open(&url).await;
    assert_eq!(tables(&target).await, before.iter().map(|(table, _)| table.clone()).collect::<Vec<_>>());
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{table} is empty, so the test says nothing about it");
        assert_eq!(content(&target, table).await, *rows, "{table}");
        assert!(said.contains(&format!("{table:<24}{:>10} rows, checksum ", rows.len())), "{said}");
    }
    target.close().await;
    let source = sqlite(&data).await;
    for (table, rows) in &before {
        assert_eq!(content(&source, table).await, *rows, "the source is as it was: {table}");
    }
    source.close().await;
    assert!(error(&migrate(&data, &url)).contains("is not empty: it has a table "));
}

#[tokio::test]
async fn accounts_tokens_and_sessions_go_on_where_they_were() {
    let Some((url, _folder, data)) = start().await else { return };
    let add = ["--data", data.to_str().unwrap(), "account", "add", "alice", "--password-stdin"];
    assert!(run_with_input(&add, PASSWORD).status.success());
    let program = Program::start(&data, &[]);
    let browser = program.browser();
    browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = browser.generate("ci", "repo:read", "30").await;
    let refused = error(&migrate(&data, &url));
    assert!(refused.contains("a server is running on this data folder"), "{refused}");
    assert_eq!(database::tables(&url).await, 0);
    let session = browser.cookie("dockpass").unwrap();
    program.stop();

    // From standard input, so that the address is on no command line.
    let output = run_with_input(&["--data", data.to_str().unwrap(), "migrate-to", "-"], &format!("{url}\n"));
    assert!(output.status.success(), "{output:?}");
    let listen = ["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let program = Program::spawn(command(&listen).env("DOCKPASS_DATABASE_URL", &url));
    assert_eq!(program.setup_link, None);
    assert_eq!(program.browser().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    let browser = program.browser().with_cookie("dockpass", &session);
    assert!(browser.get("/settings/tokens").await.body.contains(&token.id));
    let other = browser.generate("second", "repo:read", "30").await;
    assert_eq!(program.browser().token("alice", &other.secret, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_row_that_postgresql_refuses_leaves_the_target_empty_and_the_source_as_it_was() {
    let Some((url, _folder, data)) = start().await else { return };
    let source = sqlite(&data).await;
    filled_tables::fill(&source, &[]).await;
    // The last table that is copied before the tokens' uses: SQLite takes this text and PostgreSQL does not.
    database::execute(&source, "UPDATE token SET description = 'a' || char(0) || 'b'").await;
    let before = content(&source, "token").await;
    source.close().await;
    let said = error(&migrate(&data, &url));
    assert!(said.contains("token is not accepted: ") && said.contains("nothing was copied"), "{said}");
    assert_eq!(database::tables(&url).await, 0);
    let source = sqlite(&data).await;
    assert_eq!(content(&source, "token").await, before);
    database::execute(&source, "UPDATE token SET description = 'mended'").await;
    source.close().await;
    assert!(migrate(&data, &url).status.success(), "it can be run again");
}

#[tokio::test]
async fn what_cannot_be_copied_is_said_and_no_password_is_repeated() {
    let Some((url, _folder, data)) = start().await else { return };
    let missing = error(&migrate(&data, &url));
    assert!(missing.contains("there is no database"), "{missing}");
    sqlite(&data).await.close().await;
    let no_server = "postgres://dockpass:hunter2@127.0.0.1:1/dockpass";
    for (address, sentence) in [
        (no_server, "127.0.0.1:1/dockpass: the database cannot be opened: connection refused at 127.0.0.1:1"),
        ("mysql://root:hunter2@db/x", "the address must begin with postgres:// or sqlite:"),
        ("sqlite:other.db", "the address must begin with postgres://"),
        ("postgres://x:hunter2@[", "the address is not a PostgreSQL URL that can be read"),
    ] {
        let said = error(&migrate(&data, address));
        assert!(said.contains(sentence) && !said.contains("hunter2"), "{said}");
    }
    let from_postgres = ["--data", data.to_str().unwrap(), "--database-url", &url, "migrate-to", &url];
    assert!(error(&run(&from_postgres)).contains("is PostgreSQL already"));
    assert_eq!(run(&["--data", data.to_str().unwrap(), "migrate-to"]).status.code(), Some(2));
    let source = sqlite(&data).await;
    database::execute(
        &source,
        "UPDATE _sqlx_migrations SET version = 9001 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
    )
    .await;
    source.close().await;
    let said = error(&migrate(&data, &url));
    assert!(said.contains("the tables are not those of this version") || said.contains("a newer version"), "{said}");
    assert_eq!(database::tables(&url).await, 0);
}
