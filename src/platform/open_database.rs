//! Opening the database of this server.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, PgPool, SqliteConnection};

use super::database::{Connection as _, DatabaseLocation, Db, Engine, Reader};
use super::in_place_reads::InPlaceReads;
use super::migrations::{self, Tables, migrator};

/// How long a write waits for another process's write, such as a shell command's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write waits for the writes before it in this process. With the time above it is less than a request may take.
const WRITER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request waits for a connection: with the database away, the answer comes within two seconds.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long the start waits for a database that does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of the database's file readers map into memory.
pub(super) const MAPPED_BYTES: i64 = 256 << 20;
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0}")]
    Failed(#[from] sqlx::Error),
    #[error("{}", migrations::UNRELEASED)]
    Unreleased,
}

impl Db {
    /// Opens the database and brings its tables up to date. Two servers may do so at once: PostgreSQL's migrations hold an
    /// advisory lock, SQLite's the write lock.
    pub async fn open(location: &DatabaseLocation) -> Result<Self, OpenError> {
        match location {
            DatabaseLocation::Sqlite(path) => {
                create_private(path);
                let writer = SqlitePoolOptions::new()
                    .max_connections(1)
                    .acquire_timeout(WRITER_TIMEOUT)
                    .test_before_acquire(false)
                    .after_release(|connection, _| Box::pin(has_no_open_transaction(connection)))
                    .connect_with(sqlite(path).create_if_missing(true))
                    .await?;
                migrate(Reader::Sqlite { in_place: InPlaceReads::none(), pool: writer.clone(), connection: None })
                    .await?;
                let readers = SqlitePoolOptions::new()
                    .max_connections(SQLITE_READERS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .test_before_acquire(false);
                let options = sqlite(path).read_only(true).pragma("mmap_size", MAPPED_BYTES.to_string());
                let readers = patiently(|| readers.clone().connect_with(options.clone())).await?;
                Ok(Db::Sqlite { readers, writer, in_place: InPlaceReads::open(path) })
            }
            DatabaseLocation::Postgres(options) => {
                let pool = postgres(options).await?;
                migrate(Reader::Postgres(patiently(|| pool.acquire()).await?)).await?;
                Ok(Db::Postgres(pool))
            }
        }
    }

    /// Opens the database to look at: nothing is created, migrated or written, also where it is empty.
    pub async fn open_as_it_is(location: &DatabaseLocation) -> sqlx::Result<Self> {
        match location {
            DatabaseLocation::Sqlite(path) => {
                // Not read-only: such a connection leaves the log's files behind, owned by the user who looked, and the
                // next server may not be allowed to write them.
                let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
                let pool = SqlitePoolOptions::new()
                    .max_connections(SQLITE_READERS)
                    .connect_with(options.pragma("query_only", "ON"))
                    .await?;
                Ok(Db::Sqlite { readers: pool.clone(), writer: pool, in_place: InPlaceReads::none() })
            }
            DatabaseLocation::Postgres(options) => Ok(Db::Postgres(postgres(options).await?)),
        }
    }
}

/// Creates an empty database that only this user can read. SQLite would ask the umask, and gives its log the database's
/// mode. Where that fails, SQLite says why.
fn create_private(path: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

async fn migrate(mut connection: Reader) -> Result<(), OpenError> {
    if migrations::compare(&mut connection).await? == Tables::Unreleased {
        return Err(OpenError::Unreleased);
    }
    let migrated = match connection.engine().await? {
        Engine::Sqlite(connection) => migrator().run(connection).await,
        Engine::Postgres(connection) => migrator().run(connection).await,
    };
    Ok(migrated.map_err(sqlx::Error::from)?)
}

/// The pools give up as early as a request must. A start may wait for longer, on a machine that is busy with its own start.
async fn patiently<T, F: Future<Output = sqlx::Result<T>>>(connect: impl Fn() -> F) -> sqlx::Result<T> {
    let began = Instant::now();
    loop {
        match connect().await {
            Err(sqlx::Error::PoolTimedOut) if began.elapsed() < CONNECT_TIMEOUT => {}
            result => return result,
        }
    }
}

/// A connection to PostgreSQL, or why there is none.
pub(super) async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let asked = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    asked.map_err(|_| sqlx::Error::Io(ErrorKind::TimedOut.into()))?
}

async fn postgres(options: &PgConnectOptions) -> sqlx::Result<PgPool> {
    // The pool retries a refused connection until its time is up, and then only says that it is. Ask once first.
    connect(options).await?.close().await?;
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
    patiently(|| pool.clone().connect_with(options.clone())).await
}

/// Whether a connection may go back into the pool. On a full disk or an I/O error SQLite rolls back by itself; sqlx then
/// believes that a transaction is still open, and every later `BEGIN` on this connection would fail.
async fn has_no_open_transaction(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // A transaction that was dropped has its rollback queued: the answer to a ping comes after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Why the database cannot be opened, as a sentence for the operator.
pub fn open_error(location: &DatabaseLocation, error: &OpenError) -> String {
    let error = match error {
        OpenError::Failed(error) => error,
        OpenError::Unreleased => return error.to_string(),
    };
    let reason = match (location, error) {
        (DatabaseLocation::Postgres(options), sqlx::Error::Io(io)) if io.kind() == ErrorKind::ConnectionRefused => {
            format!("connection refused at {}:{}", options.get_host(), options.get_port())
        }
        (DatabaseLocation::Postgres(options), sqlx::Error::Io(io)) => {
            format!("{}:{} cannot be reached: {io}", options.get_host(), options.get_port())
        }
        (_, sqlx::Error::Database(error)) => error.message().to_owned(),
        (_, error) => error.to_string(),
    };
    format!("the database cannot be opened: {reason}")
}

fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // Commits survive a power cut. The frequent writes are batched.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
}
