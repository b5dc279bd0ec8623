//! Rows in every table of a database, also in tables that nobody has thought of here.

use dockpass::platform::clock::Clock;
use dockpass::platform::database::Db;
use sqlx::AssertSqlSafe;

use super::database::{number, texts};

/// Texts that a copy could change: what separates fields, what means NULL, and more than ASCII.
pub const AWKWARD: &str = "tab\there, \\N and \\\\, 'quoted', \r\n 令牌 🐳";
/// Columns whose texts may only be some words.
const WORDS: [(&str, &str, &str); 12] = [
    ("signing_key", "role", "leaf"),
    ("device_code", "state", "approved"),
    ("device_session", "ended", "replaced"),
    ("token", "level", "repo:read"),
    ("token", "source", "manual"),
    ("token", "last_used_action", "pull"),
    ("deleted_token", "level", "repo:read"),
    ("token_use", "action", "pull"),
    ("repository_change", "action", "push"),
    ("refusal", "code", "PAT-EXPIRED"),
    ("refusal", "action", "pull"),
    ("activity", "kind", "signed_in"),
];
const AWKWARD_COLUMNS: [&str; 3] = ["description", "display_name", "client"];

/// The names of all tables.
pub async fn tables(db: &Db) -> Vec<String> {
    let query = match db {
        Db::Sqlite { .. } => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
        }
        Db::Postgres(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
    };
    let names = texts(db, query).await;
    names.into_iter().filter(|name| name != "_sqlx_migrations").collect()
}

/// The names and types of a table's columns, in their order: TEXT, BIGINT, BOOLEAN or BYTEA.
pub async fn columns(db: &Db, table: &str) -> Vec<(String, String)> {
    let query = match db {
        Db::Sqlite { .. } => format!("SELECT name || ' ' || type FROM pragma_table_info('{table}') ORDER BY cid"),
        Db::Postgres(_) => format!(
            "SELECT column_name || ' ' || upper(data_type) FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        ),
    };
    let pairs = texts(db, &query).await;
    pairs
        .iter()
        .map(|pair| pair.split_once(' ').unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

/// Puts two rows into every empty table but these. Row `n` of every table has the same id, so all references hold.
pub async fn fill(db: &Db, but: &[&str]) {
    let mut waiting: Vec<String> = Vec::new();
    for table in tables(db).await {
        if !but.contains(&table.as_str()) && number(db, &format!("SELECT COUNT(*) FROM {table}")).await == Some(0) {
            waiting.push(table);
        }
    }
    // A table comes after those that it refers to.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut refused = Vec::new();
        for table in std::mem::take(&mut waiting) {
            match add_rows(db, &table).await {
                Ok(()) => {}
                Err(error) => refused.push((table, error)),
            }
        }
        assert!(refused.len() < before, "these tables take no row: {refused:?}");
        waiting = refused.into_iter().map(|(table, _)| table).collect();
    }
}

async fn add_rows(db: &Db, table: &str) -> sqlx::Result<()> {
    let columns = columns(db, table).await;
    // Some tables have a single row, with the id 1.
    let is_single = columns.iter().any(|(name, kind)| name == "id" && kind == "BIGINT");
    for row in 1..=if is_single { 1 } else { 2 } {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<String> = columns.iter().map(|(name, kind)| value(db, table, name, kind, row)).collect();
        let statement = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "));
        let statement = AssertSqlSafe(statement);
        match db {
            Db::Sqlite { writer, .. } => sqlx::query(statement).execute(writer).await.map(|_| ())?,
            Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.map(|_| ())?,
        }
    }
    Ok(())
}

fn value(db: &Db, table: &str, name: &str, kind: &str, row: i64) -> String {
    match kind {
        "TEXT" => {
            let word = WORDS.iter().find(|(of, column, _)| (*of, *column) == (table, name)).map(|(.., word)| *word);
            let text = match word {
                Some(word) => word.to_owned(),
                None if name == "id" || name.ends_with("_id") => format!("00000000-0000-7000-8000-00000000000{row}"),
                None if AWKWARD_COLUMNS.contains(&name) => format!("{AWKWARD} {row}"),
                None => format!("{name}{row}"),
            };
            format!("'{}'", text.replace('\'', "''"))
        }
        "BIGINT" if name == "id" => "1".to_owned(),
        "BIGINT" => (Clock::System.now().millis() + row).to_string(),
        "BOOLEAN" => (row % 2 == 1).to_string(),
        "BYTEA" => {
            let bytes = data_encoding::HEXLOWER.encode(format!("{table}.{name}\0\u{fffd}{row}").as_bytes());
            if matches!(db, Db::Sqlite { .. }) { format!("x'{bytes}'") } else { format!("'\\x{bytes}'::bytea") }
        }
        other => panic!("{table}.{name} has the type {other}"),
    }
}
