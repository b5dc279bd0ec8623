//! The migrations of this program, and how the tables of a database compare with them.

use std::borrow::Cow;

use rust_embed::RustEmbed;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqliteConnection};

use super::database::{Connection, Engine, fetch};

#[derive(RustEmbed)]
#[folder = "migrations"]
struct Migrations;

/// The first migration of the versions before the first release, which had seven others.
const FIRST_UNRELEASED: &str = "accounts_and_tokens";

/// What to do with a database that such a version created.
pub const UNRELEASED: &str = "this database was created by a version of Dockpass from before its first release, and its \
                              tables cannot be upgraded: start with an empty data folder or database, create the accounts \
                              and tokens again and write the registry's files with `dockpass registry-config`, or keep \
                              running the version that created it";

/// All migrations, for sqlx.
pub(super) fn migrator() -> Migrator {
    let mut names: Vec<_> = Migrations::iter().collect();
    names.sort();
    let read = |name: Cow<'static, str>| {
        let (version, description) = name.trim_end_matches(".sql").split_once('_')?;
        let sql = String::from_utf8(Migrations::get(&name)?.data.into_owned()).ok()?;
        Some(migration(version.parse().ok()?, description, sql))
    };
    let mut migrator = Migrator::with_migrations(names.into_iter().filter_map(read).collect());
    // Servers of two versions run on one database during an upgrade. Migrations only add, so the older one goes on.
    migrator.set_ignore_missing(true);
    migrator
}

fn migration(version: i64, description: &str, sql: String) -> Migration {
    let sql = sqlx::AssertSqlSafe(sql).into_sql_str();
    Migration::new(version, description.to_owned().into(), MigrationType::Simple, sql, false)
}

/// How the tables of a database compare with this program's migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tables {
    None,
    /// These migrations are not applied yet, by their descriptions.
    MissingMigrations(Vec<String>),
    Current,
    /// A newer version added these migrations, by their descriptions. This program runs on them.
    Newer(Vec<String>),
    /// The migrations are not those of any version of this program.
    Foreign,
    Unreleased,
}

/// A migration that was applied: version, description, checksum.
type Applied = (i64, String, Vec<u8>);

/// sqlx's own list of applied migrations.
const LIST: &str = "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version";

/// Compares, and changes nothing.
pub async fn compare(connection: &mut impl Connection) -> sqlx::Result<Tables> {
    let has_list = match connection.engine().await? {
        Engine::Sqlite(_) => {
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations')"
        }
        Engine::Postgres(_) => "SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
    };
    let (has_list,) = fetch!(fetch_one, connection, (bool,), has_list)?;
    let applied = if has_list { fetch!(fetch_all, connection, Applied, LIST)? } else { Vec::new() };
    Ok(judge(&applied, &migrator()))
}

/// The tables that the applied migrations of this version create and that an SQLite database lacks.
pub(super) async fn missing_tables(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let applied: Vec<Applied> = sqlx::query_as(LIST).fetch_all(&mut *connection).await?;
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let found: Vec<(String,)> = sqlx::query_as(tables).fetch_all(connection).await?;
    let migrator = migrator();
    let is_applied = |one: &&Migration| applied.iter().any(|(.., sum)| one.checksum.as_ref() == sum.as_slice());
    let created = migrator.iter().filter(is_applied).flat_map(|one| one.sql.as_str().split("CREATE TABLE ").skip(1));
    let names = created.filter_map(|rest| rest.split_whitespace().next());
    Ok(names.filter(|name| !found.iter().any(|(found,)| found == name)).map(str::to_owned).collect())
}

fn judge(applied: &[Applied], migrator: &Migrator) -> Tables {
    if applied.is_empty() {
        return Tables::None;
    }
    if applied.iter().any(|(version, description, _)| *version == 1 && description == FIRST_UNRELEASED) {
        return Tables::Unreleased;
    }
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or_default();
    let (newer, known): (Vec<_>, Vec<_>) = applied.iter().partition(|(version, ..)| *version > newest);
    let own = |version: i64| migrator.iter().find(|migration| migration.version == version);
    if known.iter().any(|(version, _, sum)| own(*version).is_none_or(|own| own.checksum.as_ref() != sum.as_slice())) {
        return Tables::Foreign;
    }
    let is_applied = |migration: &&Migration| applied.iter().any(|(version, ..)| *version == migration.version);
    let missing = migrator.iter().filter(|migration| !is_applied(migration));
    let missing: Vec<String> = missing.map(|migration| migration.description.replace('_', " ")).collect();
    match (missing.is_empty(), newer.is_empty()) {
        (false, _) => Tables::MissingMigrations(missing),
        (true, true) => Tables::Current,
        (true, false) => {
            Tables::Newer(newer.into_iter().map(|(_, description, _)| description.replace('_', " ")).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applied_migrations_are_compared_by_version_and_checksum() {
        let of = |version, description: &str, sql: &str| migration(version, description, sql.to_owned());
        let own = [of(1, "initial", "a"), of(2, "more_tables", "b"), of(3, "an_index", "c")];
        let migrator = Migrator::with_migrations(own.to_vec());
        let row = |one: &Migration| (one.version, one.description.to_string(), one.checksum.to_vec());
        let tables = |applied: &[&Migration]| judge(&applied.iter().map(|one| row(one)).collect::<Vec<_>>(), &migrator);
        assert_eq!(tables(&[]), Tables::None);
        assert_eq!(
            tables(&[&own[0]]),
            Tables::MissingMigrations(vec!["more tables".to_owned(), "an index".to_owned()])
        );
        assert_eq!(tables(&[&own[0], &own[1], &own[2]]), Tables::Current);
        assert_eq!(tables(&[&of(1, "initial", "changed")]), Tables::Foreign);
        assert_eq!(
            tables(&[&own[0], &own[1], &own[2], &of(9, "later_tables", "z")]),
            Tables::Newer(vec!["later tables".to_owned()])
        );
        assert_eq!(tables(&[&own[0], &of(0, "before", "z")]), Tables::Foreign);
        let unreleased = [of(1, FIRST_UNRELEASED, "x"), of(2, "people_and_limits", "y")];
        assert_eq!(tables(&[&unreleased[0], &unreleased[1]]), Tables::Unreleased);
    }
}
