//! The migrations that this program brings, and how a database's tables compare with them.

use std::borrow::Cow;

use rust_embed::RustEmbed;
use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use super::database::{Connection as _, Db, Engine};

#[derive(RustEmbed)]
#[folder = "migrations"]
struct Migrations;

/// All of them, for sqlx.
pub(super) fn migrator() -> Migrator {
    let mut names: Vec<_> = Migrations::iter().collect();
    names.sort();
    let read = |name: Cow<'static, str>| {
        let (version, description) = name.trim_end_matches(".sql").split_once('_')?;
        let sql = String::from_utf8(Migrations::get(&name)?.data.into_owned()).ok()?;
        Some(Migration::new(
            version.parse().ok()?,
            description.to_owned().into(),
            MigrationType::Simple,
            sqlx::AssertSqlSafe(sql).into_sql_str(),
            false,
        ))
    };
    Migrator::with_migrations(names.into_iter().filter_map(read).collect())
}

/// How the tables of a database compare with this program's migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tables {
    /// There are none.
    None,
    /// These migrations are not applied yet, by what they are about.
    Behind(Vec<String>),
    /// All are applied.
    Current,
    /// Others than this program's were applied.
    Foreign,
}

/// Compares, and changes nothing.
///
/// # Errors
/// The database's.
pub async fn compare(db: &Db) -> sqlx::Result<Tables> {
    let Some(applied) = applied(db).await?.filter(|applied| !applied.is_empty()) else { return Ok(Tables::None) };
    let migrator = migrator();
    let own = |version: i64| migrator.iter().find(|migration| migration.version == version);
    if applied.iter().any(|(version, sum)| own(*version).is_none_or(|own| own.checksum.as_ref() != sum.as_slice())) {
        return Ok(Tables::Foreign);
    }
    let is_applied = |migration: &&Migration| applied.iter().any(|(version, _)| *version == migration.version);
    let missing = migrator.iter().filter(|migration| !is_applied(migration));
    let missing: Vec<String> = missing.map(|migration| migration.description.replace('_', " ")).collect();
    Ok(if missing.is_empty() { Tables::Current } else { Tables::Behind(missing) })
}

/// Number and checksum of each that was applied; `None` where there is no such list, which sqlx keeps.
async fn applied(db: &Db) -> sqlx::Result<Option<Vec<(i64, Vec<u8>)>>> {
    const LIST: &str = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
    match db.read().await?.engine() {
        Engine::Sqlite(connection) => {
            let query =
                "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations')";
            let (is_there,): (bool,) = sqlx::query_as(query).fetch_one(&mut *connection).await?;
            if is_there { sqlx::query_as(LIST).fetch_all(connection).await.map(Some) } else { Ok(None) }
        }
        Engine::Postgres(connection) => {
            let query = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
            let (is_there,): (bool,) = sqlx::query_as(query).fetch_one(&mut *connection).await?;
            if is_there { sqlx::query_as(LIST).fetch_all(connection).await.map(Some) } else { Ok(None) }
        }
    }
}
