//! `dockpass migrate-to`: the way from SQLite to PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use zeroize::Zeroizing;

use super::database::{Connection as _, DatabaseLocation, Db, Engine};
use super::migrations::{self, Tables, migrator};
use super::open_database::{OpenError, connect, open_error};
use super::{data_folder, text_input};
use crate::config::Config;

/// Rows are read in pieces of this many.
const ROWS_AT_ONCE: usize = 2000;

/// The address that was given, or for `-` the one on standard input: other users of the machine can see arguments.
pub fn read_address(given: &str) -> Result<Zeroizing<String>, String> {
    match given {
        "-" => text_input::read(io::stdin()).map_err(|error| format!("standard input cannot be read: {error}")),
        given => Ok(Zeroizing::new(given.to_owned())),
    }
}

/// Copies every table of the SQLite database into an empty PostgreSQL database, in one transaction, and compares the two
/// before it commits. Returns what to print; errors are sentences, after which the target is as empty as before.
pub async fn migrate_to(config: &Config, address: &str) -> Result<String, String> {
    let DatabaseLocation::Sqlite(path) = &config.database else {
        return Err("the database of these settings is PostgreSQL already: leave out --database-url and \
                    DOCKPASS_DATABASE_URL, and give the --data of the SQLite server"
            .to_owned());
    };
    let target = match address.parse::<DatabaseLocation>() {
        Ok(target @ DatabaseLocation::Postgres(_)) => target,
        Ok(DatabaseLocation::Sqlite(_)) => return Err("the address must begin with postgres://".to_owned()),
        Err(mistake) => return Err(format!("the address {mistake}")),
    };
    data_folder::must_exist(config)?;
    let _lock = data_folder::occupy_exclusively(config)?;
    let source = Db::open_as_it_is(&config.database).await.map_err(unreadable)?;
    let copied = copy_from(&source, &target).await;
    source.close().await;
    let copied = copied?;
    let list: String = copied.iter().map(|(table, sum)| format!("{table:<24}{sum}\n")).collect();
    Ok(format!(
        "{list}{} tables copied to {}; all counts and checksums agree\n\
         Start the servers with DOCKPASS_DATABASE_URL set to that address, and each with the secret key file {}.\n\
         {} is unchanged: keep it until you are sure, and start no server on it.\n",
        copied.len(),
        name_of(&target),
        config.secret_key_file.display(),
        path.display()
    ))
}

async fn copy_from(source: &Db, target: &DatabaseLocation) -> Result<Vec<(String, Checksum)>, String> {
    let mut reader = source.read().await.map_err(unreadable)?;
    match migrations::compare(&mut reader).await.map_err(unreadable)? {
        Tables::Current => {}
        Tables::Newer(_) => {
            return Err("a newer version of Dockpass has migrated this database: use that version".to_owned());
        }
        Tables::Unreleased => return Err(migrations::UNRELEASED.to_owned()),
        Tables::Foreign => return Err("the tables are not those of Dockpass".to_owned()),
        Tables::None | Tables::MissingMigrations(_) => {
            let advice = "start the server of this version once, and stop it again";
            return Err(format!("the tables are not those of this version: {advice}"));
        }
    }
    match reader.engine().await.map_err(unreadable)? {
        Engine::Sqlite(connection) => copy_database(connection, target).await,
        Engine::Postgres(_) => Err("the source is not SQLite".to_owned()),
    }
}

fn unreadable(error: sqlx::Error) -> String {
    format!("the SQLite database cannot be read: {}", message(&error))
}

/// A table of the source, with what it refers to.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<Column>,
    parents: BTreeSet<String>,
}

#[derive(Debug)]
struct Column {
    name: String,
    column_type: ColumnType,
}

/// The types of the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    Text,
    Number,
    Boolean,
    Bytes,
}

/// What two equal tables have in common, whatever the order of their rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Checksum {
    rows: u64,
    /// The sum of the rows' SHA-256, in four parts.
    sum: [u64; 4],
}

impl Checksum {
    fn add(&mut self, line: &str) {
        self.rows += 1;
        let hash: [u8; 32] = Sha256::digest(line).into();
        for (sum, part) in self.sum.iter_mut().zip(hash.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*part));
        }
    }
}

/// Half of the sum, which is enough to compare by eye.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.sum;
        write!(f, "{:>10} rows, checksum {a:016x}{b:016x}", self.rows)
    }
}

/// Copies within one transaction on each side; the checksum of each table.
async fn copy_database(
    source: &mut SqliteConnection,
    target: &DatabaseLocation,
) -> Result<Vec<(String, Checksum)>, String> {
    let mut source = source.begin().await.map_err(unreadable)?;
    let (integrity,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut *source).await.map_err(unreadable)?;
    if integrity != "ok" {
        return Err(format!("the SQLite database is damaged: {integrity}"));
    }
    let tables = tables(&mut source).await?;

    let refused = |error: sqlx::Error| {
        let sentence = open_error(target, &OpenError::Failed(error));
        format!("{}: {sentence}; nothing was copied", name_of(target))
    };
    let DatabaseLocation::Postgres(options) = target else { return Err("the target is not PostgreSQL".to_owned()) };
    let mut connection = connect(options).await.map_err(refused)?;
    let mut tx = connection.begin().await.map_err(refused)?;
    let failed = |error: sqlx::Error| format!("{}: {}; nothing was copied", name_of(target), message(&error));
    let occupied: Vec<(String,)> =
        sqlx::query_as("SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
    if let Some((name,)) = occupied.first() {
        let target = name_of(target);
        return Err(format!("{target} is not empty: it has a table {name}. Give a new database; nothing was copied"));
    }
    migrator().run(&mut *tx).await.map_err(|error| failed(error.into()))?;
    // What the migrations themselves insert is in the source too.
    for table in tables.iter().rev() {
        let statement = AssertSqlSafe(format!("DELETE FROM {}", table.name));
        sqlx::query(statement).execute(&mut *tx).await.map_err(failed)?;
    }
    let mut copied = Vec::new();
    for table in tables {
        let read = copy_table(&mut source, &mut tx, &table).await?;
        let written = checksum(&mut tx, &table).await.map_err(failed)?;
        let name = table.name;
        sqlx::query(AssertSqlSafe(format!("ANALYZE {name}"))).execute(&mut *tx).await.map_err(failed)?;
        same_rows(&name, read, written)?;
        copied.push((name, read));
    }
    let commit = tx.commit().await;
    commit.map_err(|error| {
        let sentence = "it is unknown whether the copy was committed. If the target is empty, run this again";
        format!("{}: {}: {sentence}", name_of(target), message(&error))
    })?;
    // The copy is committed, however this ends.
    let _ = connection.close().await;
    Ok(copied)
}

/// An error if the rows that were read back are not those of the source.
fn same_rows(name: &str, read: Checksum, written: Checksum) -> Result<(), String> {
    let differ = || format!("{name} differs after the copy ({read}; {written}): nothing was copied");
    (read == written).then_some(()).ok_or_else(differ)
}

/// All tables of the source, each after the ones that it refers to.
async fn tables(source: &mut SqliteConnection) -> Result<Vec<Table>, String> {
    let names: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations' ORDER BY name",
    )
    .fetch_all(&mut *source)
    .await
    .map_err(unreadable)?;
    let mut waiting = BTreeMap::new();
    for (name,) in names {
        let columns: Vec<(String, String)> =
            sqlx::query_as("SELECT name, type FROM pragma_table_info($1) ORDER BY cid")
                .bind(&name)
                .fetch_all(&mut *source)
                .await
                .map_err(unreadable)?;
        let parents: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)")
            .bind(&name)
            .fetch_all(&mut *source)
            .await
            .map_err(unreadable)?;
        let column = |(name, declared): (String, String)| match declared.as_str() {
            "TEXT" => Ok(Column { name, column_type: ColumnType::Text }),
            "BIGINT" => Ok(Column { name, column_type: ColumnType::Number }),
            "BOOLEAN" => Ok(Column { name, column_type: ColumnType::Boolean }),
            "BYTEA" => Ok(Column { name, column_type: ColumnType::Bytes }),
            _ => Err(format!("the column {name} has the type {declared}, which this program never creates")),
        };
        let columns = columns.into_iter().map(column).collect::<Result<_, _>>()?;
        let parents = parents.into_iter().map(|(parent,)| parent).filter(|parent| *parent != name).collect();
        waiting.insert(name.clone(), Table { name, columns, parents });
    }
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_next = |table: &Table| !table.parents.iter().any(|parent| waiting.contains_key(parent));
        let next = waiting.values().find(|table| is_next(table)).map(|table| table.name.clone());
        let next = next.ok_or("the tables refer to each other in a circle")?;
        ordered.extend(waiting.remove(&next));
    }
    Ok(ordered)
}

/// Copies the rows of a table; their checksum.
async fn copy_table(
    source: &mut SqliteConnection,
    target: &mut PgConnection,
    table: &Table,
) -> Result<Checksum, String> {
    let Table { name, columns, .. } = table;
    let unreadable = |error: sqlx::Error| format!("{name} cannot be read: {}: nothing was copied", message(&error));
    let refused = |error: sqlx::Error| format!("{name} is not accepted: {}: nothing was copied", message(&error));
    let select = format!(
        "SELECT rowid, {} FROM {name} WHERE rowid > $1 ORDER BY rowid LIMIT {ROWS_AT_ONCE}",
        as_texts(columns, |column| format!("hex({column})"))
    );
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let statement = format!("COPY {name} ({}) FROM STDIN", names.join(", "));
    let mut writing = target.copy_in_raw(&statement).await.map_err(refused)?;
    let (mut last, mut checksum) = (i64::MIN, Checksum::default());
    loop {
        let rows =
            sqlx::query(AssertSqlSafe(select.clone())).bind(last).fetch_all(&mut *source).await.map_err(unreadable)?;
        let mut lines = String::new();
        for row in &rows {
            last = row.try_get(0).map_err(unreadable)?;
            let cells = (1..=columns.len()).map(|at| row.try_get(at)).collect::<sqlx::Result<Vec<Option<String>>>>();
            let line = line(columns, &cells.map_err(unreadable)?);
            checksum.add(&line);
            lines += &line;
        }
        if rows.is_empty() {
            writing.finish().await.map_err(refused)?;
            return Ok(checksum);
        }
        writing.send(lines.as_bytes()).await.map_err(refused)?;
    }
}

/// Reads back what was written.
async fn checksum(target: &mut PgConnection, table: &Table) -> sqlx::Result<Checksum> {
    let columns = &table.columns;
    let select = as_texts(columns, |column| format!("upper(encode({column}, 'hex'))"));
    let declare = format!("DECLARE written NO SCROLL CURSOR FOR SELECT {select} FROM {}", table.name);
    sqlx::raw_sql(AssertSqlSafe(declare)).execute(&mut *target).await?;
    let mut checksum = Checksum::default();
    loop {
        let fetch = AssertSqlSafe(format!("FETCH {ROWS_AT_ONCE} FROM written"));
        let rows = sqlx::raw_sql(fetch).fetch_all(&mut *target).await?;
        for row in &rows {
            let cells = (0..columns.len()).map(|at| row.try_get(at)).collect::<sqlx::Result<Vec<Option<String>>>>()?;
            checksum.add(&line(columns, &cells));
        }
        if rows.is_empty() {
            sqlx::raw_sql("CLOSE written").execute(target).await?;
            return Ok(checksum);
        }
    }
}

/// The columns as texts that are the same on both engines.
fn as_texts(columns: &[Column], hexadecimal: impl Fn(&str) -> String) -> String {
    let as_text = |Column { name, column_type }: &Column| match column_type {
        ColumnType::Text => name.clone(),
        ColumnType::Number => format!("CAST({name} AS TEXT)"),
        ColumnType::Boolean => format!("CASE WHEN {name} THEN 't' WHEN NOT {name} THEN 'f' END"),
        ColumnType::Bytes => format!("CASE WHEN {name} IS NOT NULL THEN {} END", hexadecimal(name)),
    };
    columns.iter().map(as_text).collect::<Vec<_>>().join(", ")
}

/// A row in the text format of PostgreSQL's COPY.
fn line(columns: &[Column], cells: &[Option<String>]) -> String {
    let field = |(column, cell): (&Column, &Option<String>)| match cell {
        None => "\\N".to_owned(),
        Some(digits) if column.column_type == ColumnType::Bytes => format!("\\\\x{digits}"),
        Some(text) => text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"),
    };
    columns.iter().zip(cells).map(field).collect::<Vec<_>>().join("\t") + "\n"
}

/// The database that an address names, without its password.
fn name_of(location: &DatabaseLocation) -> String {
    match location {
        DatabaseLocation::Sqlite(path) => path.display().to_string(),
        DatabaseLocation::Postgres(options) => {
            let database = options.get_database().unwrap_or_else(|| options.get_username());
            format!("{}:{}/{database}", options.get_host(), options.get_port())
        }
    }
}

fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_tells_every_difference_but_the_order() {
        let of = |lines: &[&str]| {
            let mut checksum = Checksum::default();
            lines.iter().for_each(|line| checksum.add(line));
            checksum
        };
        assert_eq!(same_rows("token", of(&["a", "b", "c"]), of(&["c", "a", "b"])), Ok(()));
        for other in [&["a", "b"][..], &["a", "b", "b"], &["a", "b", "c", "c"], &["a", "b", "C"], &[]] {
            let (read, written) = (of(&["a", "b", "c"]), of(other));
            assert_ne!(read, written, "{other:?}");
            assert!(same_rows("token", read, written).unwrap_err().starts_with("token differs after the copy"));
        }
        // A pair of equal rows does not cancel out.
        assert_ne!(of(&["a", "a"]).sum, of(&["b", "b"]).sum);
    }

    #[test]
    fn a_line_keeps_what_copy_would_read_as_its_own_signs() {
        let column = |column_type| Column { name: "x".to_owned(), column_type };
        let columns = [column(ColumnType::Text), column(ColumnType::Bytes), column(ColumnType::Text)];
        let cells = [Some("a\tb\\N\r\n".to_owned()), Some("00FF".to_owned()), None];
        assert_eq!(line(&columns, &cells), "a\\tb\\\\N\\r\\n\t\\\\x00FF\t\\N\n");
        assert_ne!(line(&columns[..1], &[Some("\\N".to_owned())]), line(&columns[..1], &[None]));
    }
}
