//! Two engines behind one text of SQL.
//!
//! A closed enum over the two pools and one over the two connections; the macros below run a query on whichever
//! engine the connection belongs to. `sqlx::Any` was tried: booleans fail on SQLite, and generics over `Database`
//! spread their bounds over every caller.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::in_place_reads::InPlaceReads;
pub use super::in_place_reads::InPlaceRow;

/// The database of this server.
#[derive(Debug, Clone)]
pub enum Db {
    /// One connection writes and four read: SQLite has one write lock, and its readers never wait for it (WAL).
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
        in_place: InPlaceReads,
    },
    Postgres(PgPool),
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum DatabaseLocation {
    Sqlite(std::path::PathBuf),
    /// A server; boxed, because it holds every option of its URL.
    Postgres(Box<PgConnectOptions>),
}

impl FromStr for DatabaseLocation {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            return Ok(DatabaseLocation::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The parser's own error could quote the URL, and with it the password.
            return PgConnectOptions::from_str(url)
                .map(|options| DatabaseLocation::Postgres(Box::new(options)))
                .map_err(|_| "is not a PostgreSQL URL that can be read".to_owned());
        }
        Err("must begin with postgres:// or sqlite:".to_owned())
    }
}

impl Db {
    /// Reads need no transaction: one statement sees one state.
    pub async fn read(&self) -> sqlx::Result<Reader> {
        Ok(match self {
            Db::Sqlite { readers, in_place, .. } => {
                Reader::Sqlite { in_place: in_place.clone(), pool: readers.clone(), connection: None }
            }
            Db::Postgres(pool) => Reader::Postgres(pool.acquire().await?),
        })
    }

    /// A transaction for writing; nothing slow may happen inside. On SQLite it takes the only write lock at once (`BEGIN
    /// IMMEDIATE`): of forty transactions that first read and then wrote, 35 failed with a plain `BEGIN`.
    pub async fn write(&self) -> sqlx::Result<Tx> {
        Ok(match self {
            Db::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Db::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Closes all connections; SQLite writes its log back into the file.
    pub async fn close(&self) {
        match self {
            Db::Sqlite { readers, writer, in_place } => {
                in_place.close().await;
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

/// Whether SQLite finds that a file is damaged or not a database.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if matches!(sqlite_code(error.as_ref()), Some(11 | 26)))
}

/// SQLite's extended codes keep the primary one in the lowest byte.
fn sqlite_code(error: &dyn DatabaseError) -> Option<u32> {
    let code = error.code()?;
    code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff)
}

/// Whether a failure is the database's or its disk's: it may be gone a moment later, and the request was not at fault.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::BeginFailed | sqlx::Error::InvalidSavePointStatement => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let is_postgres =
                ["08", "40", "53", "57P", "58"].iter().any(|class| code.len() == 5 && code.starts_with(class));
            // Busy, locked, read-only, I/O error, full, cannot open.
            is_postgres || matches!(sqlite_code(error.as_ref()), Some(5 | 6 | 8 | 10 | 13 | 14))
        }
        _ => false,
    }
}

static OUTAGES: AtomicU64 = AtomicU64::new(0);
static OTHER_ERRORS: AtomicU64 = AtomicU64::new(0);

/// Counts an error that a request or a job could not handle.
pub fn count_error(is_outage: bool) {
    let count = if is_outage { &OUTAGES } else { &OTHER_ERRORS };
    count.fetch_add(1, Ordering::Relaxed);
}

/// The errors since the start, by kind.
pub fn error_counts() -> [(&'static str, u64); 2] {
    [("outage", OUTAGES.load(Ordering::Relaxed)), ("other", OTHER_ERRORS.load(Ordering::Relaxed))]
}

/// Runs queries that only read. On SQLite it takes a connection from the pool only for a read that cannot happen in place.
#[derive(Debug)]
pub enum Reader {
    Sqlite { in_place: InPlaceReads, pool: SqlitePool, connection: Option<PoolConnection<Sqlite>> },
    Postgres(PoolConnection<Postgres>),
}

/// One unit of work, rolled back where it is not committed.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub async fn commit(self) -> sqlx::Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await,
            Tx::Postgres(tx) => tx.commit().await,
        }
    }

    pub fn engine(&mut self) -> Engine<'_> {
        match self {
            Tx::Sqlite(tx) => Engine::Sqlite(tx),
            Tx::Postgres(tx) => Engine::Postgres(tx),
        }
    }
}

/// The engine under a connection, for the macros below.
#[derive(Debug)]
pub enum Engine<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// What a query that only reads can run on: a [`Reader`], or a [`Tx`] that must see its own writes. Queries that write take
/// a [`Tx`].
pub trait Connection: Send {
    /// The connections that read on this thread. `None` for PostgreSQL, and for a transaction, which must see its own writes.
    fn in_place(&self) -> Option<&InPlaceReads>;
    /// The connection for sqlx, which a [`Reader`] of SQLite takes from its pool at the first call.
    fn engine(&mut self) -> impl Future<Output = sqlx::Result<Engine<'_>>> + Send;
}

impl Connection for Reader {
    fn in_place(&self) -> Option<&InPlaceReads> {
        match self {
            Reader::Sqlite { in_place, .. } => Some(in_place),
            Reader::Postgres(_) => None,
        }
    }

    async fn engine(&mut self) -> sqlx::Result<Engine<'_>> {
        Ok(match self {
            Reader::Sqlite { connection: Some(connection), .. } => Engine::Sqlite(connection),
            Reader::Sqlite { pool, connection, .. } => Engine::Sqlite(connection.insert(pool.acquire().await?)),
            Reader::Postgres(connection) => Engine::Postgres(connection),
        })
    }
}

impl Connection for Tx {
    fn in_place(&self) -> Option<&InPlaceReads> {
        None
    }

    async fn engine(&mut self) -> sqlx::Result<Engine<'_>> {
        Ok(Tx::engine(self))
    }
}

/// The error for a stored value that this program never writes.
pub fn unreadable(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} holds {value:?}").into())
}

/// Runs a statement with its bound values in a [`Tx`]; the number of rows that it changed.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        match $crate::platform::database::Tx::engine($tx) {
            $crate::platform::database::Engine::Sqlite(c) => {
                sqlx::query($sql)$(.bind($value))*.execute(c).await.map(|done| done.rows_affected())
            }
            $crate::platform::database::Engine::Postgres(c) => {
                sqlx::query($sql)$(.bind($value))*.execute(c).await.map(|done| done.rows_affected())
            }
        }
    };
}

/// Runs a query with its bound values and reads its rows as `$row` by `fetch_one`, `fetch_optional` or `fetch_all`.
macro_rules! fetch {
    ($how:ident, $connection:expr, $row:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        // `match` and not `let`: `$connection` may be a temporary, such as `&mut db.read().await?`.
        match (&mut *$connection, sqlx::SqlSafeStr::into_sql_str($sql)) {
            (connection, sql) => {
                use $crate::platform::database::{Connection, Engine};
                let reads = Connection::in_place(connection);
                match reads.and_then(|reads| reads.$how::<$row>(sql.as_str(), &[$(&$value as &dyn rusqlite::ToSql),*])) {
                    Some(found) => Ok(found),
                    None => match Connection::engine(connection).await {
                        Ok(Engine::Sqlite(c)) => sqlx::query_as::<_, $row>(sql)$(.bind($value))*.$how(c).await,
                        Ok(Engine::Postgres(c)) => sqlx::query_as::<_, $row>(sql)$(.bind($value))*.$how(c).await,
                        Err(error) => Err(error),
                    },
                }
            }
        }
    };
}

/// A struct that is read from the columns with its fields' names, on either engine. (sqlx's own derive would build both
/// drivers and SQLite a second time.)
macro_rules! row {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$attribute])*
        $visibility struct $name { $($visibility $field: $type),* }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Self> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }

        impl $crate::platform::database::InPlaceRow for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read(row: &rusqlite::Row<'_>, columns: &[usize]) -> rusqlite::Result<Self> {
                let mut columns = columns.iter().copied();
                Ok(Self { $($field: row.get(columns.next().unwrap_or(usize::MAX))?),* })
            }
        }

        impl sqlx::FromRow<'_, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }
    };
}

pub(crate) use {execute, fetch, row};
