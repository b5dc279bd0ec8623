//! Migrations only add, so that servers of two versions can run on one database during an upgrade.

use std::collections::{BTreeMap, BTreeSet};

use dockpass::config::{Config, Settings};
use dockpass::platform::clock::Clock;
use dockpass::platform::database::{DatabaseLocation, Db};
use dockpass::platform::in_place_reads::InPlaceReads;
use dockpass::server::Server;
use reqwest::StatusCode;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use crate::harness::filled_tables::{self, columns, tables};
use crate::harness::{Browser, TestServer, database, files, settings};

/// What statements change that earlier versions rely on. `created` and `added` are the tables and columns of the same file:
/// no earlier version knows them.
fn mistake(statement: &str, created: &mut BTreeSet<String>, added: &mut BTreeSet<(String, String)>) -> Option<String> {
    let words: Vec<&str> =
        statement.split(|c: char| c.is_whitespace() || "(),".contains(c)).filter(|w| !w.is_empty()).collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let after = |name: &str| words.iter().position(|word| *word == name).map_or("", |at| word(at + 1)).to_owned();
    let has = |name: &str| words.contains(&name);
    let is_fine = match (word(0), word(1)) {
        ("CREATE", "TABLE") => created.insert(word(2).to_owned()),
        ("CREATE", "INDEX") => true,
        ("CREATE", "UNIQUE") => created.contains(&after("ON")),
        ("INSERT", "INTO") => created.contains(word(2)),
        ("ALTER", "TABLE") if (word(3), word(4)) == ("ADD", "COLUMN") => {
            added.insert((word(2).to_owned(), word(5).to_owned()));
            // An earlier version inserts rows without the column.
            (!has("NOT") || has("DEFAULT")) && !has("UNIQUE") && !has("CHECK")
        }
        ("UPDATE", table) => {
            let rest = statement.split_once(" SET ").map_or(statement, |(_, rest)| rest);
            let assignments = rest.split(" WHERE ").next().unwrap_or_default();
            assignments.split(',').filter_map(|one| one.split_once('=')).all(|(column, _)| {
                created.contains(table) || added.contains(&(table.to_owned(), column.trim().to_owned()))
            })
        }
        _ => false,
    };
    (!is_fine).then(|| words.join(" "))
}

/// The mistakes in a migration.
fn mistakes(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut created, mut added) = (BTreeSet::new(), BTreeSet::new());
    let statements = code.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.filter_map(|statement| mistake(statement, &mut created, &mut added)).collect()
}

#[test]
fn every_migration_only_adds() {
    let all = files("migrations", ".sql");
    assert!(!all.is_empty());
    for (file, text) in all {
        assert_eq!(mistakes(&text), Vec::<String>::new(), "{file}: an earlier version could not go on");
    }
    for bad in [
        "DROP TABLE token;",
        "ALTER TABLE token DROP COLUMN hint;",
        "ALTER TABLE token RENAME COLUMN hint TO tip;",
        "ALTER TABLE token RENAME TO tokens;",
        "ALTER TABLE token ALTER COLUMN hint TYPE BYTEA;",
        "DELETE FROM token;",
        "UPDATE token SET hint = '';",
        "ALTER TABLE token ADD COLUMN note TEXT NOT NULL;",
        "CREATE UNIQUE INDEX token_hint ON token (hint);",
        "INSERT INTO token (id) VALUES ('1');",
        "CREATE TRIGGER t AFTER INSERT ON token BEGIN SELECT 1; END;",
    ] {
        assert!(!mistakes(bad).is_empty(), "{bad}");
    }
    let good = "CREATE TABLE note (id TEXT PRIMARY KEY); -- DROP
                CREATE UNIQUE INDEX note_id ON note (id); INSERT INTO note (id) VALUES ('1');
                ALTER TABLE token ADD COLUMN note TEXT NOT NULL DEFAULT ''; UPDATE token SET note = hint WHERE id > '';";
    assert_eq!(mistakes(good), Vec::<String>::new());
}

/// The migrations of this version, with their numbers.
fn migrations() -> Vec<(i64, Migration)> {
    let read = |(file, text): (String, String)| {
        let name = file.rsplit('/').next().unwrap().trim_end_matches(".sql").to_owned();
        let (version, description) = name.split_once('_').unwrap();
        let version = version.parse().unwrap();
        let sql = AssertSqlSafe(text).into_sql_str();
        (version, Migration::new(version, description.to_owned().into(), MigrationType::Simple, sql, false))
    };
    files("migrations", ".sql").into_iter().map(read).collect()
}

/// The database of these settings, without tables.
async fn empty(settings: &Settings) -> Db {
    std::fs::create_dir_all(&settings.data).unwrap();
    match &Config::check(settings).unwrap().database {
        DatabaseLocation::Sqlite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let pool = sqlx::SqlitePool::connect_with(options.foreign_keys(true)).await.unwrap();
            Db::Sqlite { readers: pool.clone(), writer: pool, in_place: InPlaceReads::none() }
        }
        DatabaseLocation::Postgres(options) => {
            Db::Postgres(sqlx::PgPool::connect_with((**options).clone()).await.unwrap())
        }
    }
}

async fn apply(migrations: Vec<Migration>, db: &Db) {
    let migrator = Migrator::with_migrations(migrations);
    match db {
        Db::Sqlite { writer, .. } => migrator.run(writer).await.unwrap(),
        Db::Postgres(pool) => migrator.run(pool).await.unwrap(),
    }
}

/// All rows of all tables, in the columns of `known`.
async fn content(db: &Db, known: &BTreeMap<String, Vec<(String, String)>>) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in known {
        let cell = |(name, kind): &(String, String)| match (kind.as_str(), db) {
            ("BYTEA", Db::Sqlite { .. }) => format!("COALESCE(hex({name}), '')"),
            ("BYTEA", Db::Postgres(_)) => format!("COALESCE(encode({name}, 'hex'), '')"),
            _ => format!("COALESCE(CAST({name} AS TEXT), '')"),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let query = format!("SELECT '{table}|' || {} FROM {table} ORDER BY 1", cells.join(" || '|' || "));
        rows.extend(database::texts(db, &query).await);
    }
    rows
}

/// A server on filled tables of each earlier version. It runs on SQLite, and on PostgreSQL in that run of the suite.
#[tokio::test]
async fn a_server_starts_on_the_filled_tables_of_every_earlier_version_and_keeps_every_row() {
    let all = migrations();
    for (version, _) in &all {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder.path().join("data"));
        settings.database_url = database::url().await;
        let db = empty(&settings).await;
        apply(all.iter().filter(|(other, _)| other <= version).map(|(_, one)| one.clone()).collect(), &db).await;
        // The server creates its keys by itself: it could not decrypt made-up ones.
        filled_tables::fill(&db, &["signing_key"]).await;
        let mut known = BTreeMap::new();
        for table in tables(&db).await.into_iter().filter(|table| table != "signing_key") {
            known.insert(table.clone(), columns(&db, &table).await);
        }
        let before = content(&db, &known).await;
        assert!(before.len() > known.len(), "{before:?}");
        db.close().await;

        let server = Server::bind(Config::check(&settings).unwrap(), Clock::System).await.unwrap();
        assert_eq!(server.setup_link(), None, "there are accounts");
        let app = server.app().clone();
        assert_eq!(content(&app.db, &known).await, before, "after migration {version}");
        let base = format!("http://{}", server.address());
        let (_sender, requests) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(server.run(requests));
        assert_eq!(Browser::at(&base).get("/readyz").await.body, "ready\n");
        dockpass::server::tidy(&app).await.unwrap();
        dockpass::server::flush(&app).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_goes_on_and_starts_where_a_newer_version_has_migrated() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let next = 1 + migrations().last().unwrap().0;
    let sql = "CREATE TABLE later (id TEXT PRIMARY KEY);
               ALTER TABLE token ADD COLUMN later TEXT NOT NULL DEFAULT 'later';
               CREATE INDEX later_id ON token (later);";
    let later = Migration::new(next, "later".into(), MigrationType::Simple, sql.into_sql_str(), false);
    let own = migrations().into_iter().map(|(_, migration)| migration);
    apply(own.chain([later]).collect(), &server.app.db).await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let restarted = server.beside().await;
    assert_eq!(restarted.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    let alice = restarted.signed_in("alice").await;
    let second = alice.generate("second", "repo:read", "30").await;
    let delete = alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!(delete.status, StatusCode::SEE_OTHER, "{}", delete.body);
    assert_eq!(server.anonymous().token("alice", &second.secret, &[]).await.status, StatusCode::OK);
    assert_eq!(server.anonymous().token("alice", &token.secret, &[]).await.status, StatusCode::UNAUTHORIZED);
}

/// Where an index begins with `source`, SQLite takes it for one that finds few rows, and reads the tokens of everyone.
#[tokio::test]
async fn sqlite_finds_the_manual_tokens_of_an_account_without_those_of_others() {
    let server = TestServer::start().await;
    let Db::Sqlite { writer, .. } = &server.app.db else { return };
    let query = "EXPLAIN QUERY PLAN SELECT COUNT(*), MIN(expires_at) FROM token
                 WHERE account_id = $1 AND source = 'manual' AND (expires_at IS NULL OR expires_at > $2)";
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(query).bind("1").bind(1).fetch_all(writer).await.unwrap();
    assert!(plan.iter().all(|(.., step)| step.contains("(account_id=? AND source=?)")), "{plan:?}");
}
