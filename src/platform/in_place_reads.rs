//! Reads from SQLite on the request's own thread. sqlx gives each read to a thread of its own: two switches between threads, which
//! cost five times as much as a read whose pages are in memory.
//!
//! A read that waits for a disk blocks its thread, and the other requests on it. So at most all threads but one read in place at
//! the same time. While a read is slow, and for a second after it, all reads go through sqlx, where only those that need the
//! disk wait. A read through many rows can take long without a disk: SQLite interrupts it after about 2 ms, it starts again through
//! sqlx, and for the next second the same query goes through sqlx at once.

use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Rows, ToSql};
use tokio::runtime::Handle;

/// A read that takes longer than this has waited for the disk. From memory it takes microseconds, or a few milliseconds if the
/// system interrupts its thread.
const SLOW: Duration = Duration::from_millis(20);
/// How long all reads go through sqlx after one was slow or failed, and a query after it was interrupted.
const PAUSE: Duration = Duration::from_secs(1);
/// SQLite asks after this many of its instructions, about every 50 µs, whether to interrupt the read.
const CHECK_EVERY_INSTRUCTIONS: i32 = 2000;
/// A read is interrupted at this check, after about 2 ms, so that the other requests of its thread can go on. A time so short would
/// also interrupt short reads whenever the system interrupts their thread. One that is [`SLOW`] is interrupted too.
const MOST_CHECKS: u32 = 40;
/// How often [`wake_a_worker_during_slow_reads`] looks for one.
const WATCH_EVERY: Duration = Duration::from_millis(100);
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);
/// No read is running.
const IDLE: u64 = u64::MAX;
const MOST_CONNECTIONS: usize = 8;
/// More than the program has queries.
const KEPT_STATEMENTS: usize = 256;

/// A row of a query: a struct with the names of its columns, or a tuple in their order.
pub trait InPlaceRow: Sized {
    /// The columns that are read by name; none for a tuple.
    const FIELDS: &'static [&'static str];
    /// Reads a row. `columns` has the places of the [`Self::FIELDS`].
    fn read(row: &Row<'_>, columns: &[usize]) -> rusqlite::Result<Self>;
}

/// Connections that only read. Clones share them.
#[derive(Debug, Clone)]
pub struct InPlaceReads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections: Vec<InPlaceConnection>,
    opened_at: Instant,
    /// In microseconds since the opening.
    paused_until: AtomicU64,
    /// The queries that SQLite interrupted, and until when they go through sqlx at once.
    interrupted_queries: RwLock<Vec<(String, u64)>>,
}

#[derive(Debug)]
struct InPlaceConnection {
    /// `None` once it is closed.
    connection: Mutex<Option<Connection>>,
    read: Arc<RunningRead>,
}

#[derive(Debug)]
struct RunningRead {
    /// In microseconds since the opening, or [`IDLE`].
    began_at: AtomicU64,
    /// How often SQLite has asked whether to interrupt it.
    checks: AtomicU32,
}

impl InPlaceReads {
    /// Without connections: every read goes through sqlx.
    pub fn none() -> Self {
        Self::of(Vec::new(), Instant::now())
    }

    /// Opens one connection fewer than the runtime has threads, but at least one (for tests with one thread) and at most eight.
    pub fn open(path: &Path) -> Self {
        let Ok(runtime) = Handle::try_current() else { return Self::none() };
        let most = runtime.metrics().num_workers().saturating_sub(1).clamp(1, MOST_CONNECTIONS);
        let opened_at = Instant::now();
        let reads = Self::of((0..most).filter_map(|_| connect(path, opened_at).ok()).collect(), opened_at);
        let shared = Arc::downgrade(&reads.0);
        let thread = thread::Builder::new().name("slow reads".to_owned());
        match thread.spawn(move || wake_a_worker_during_slow_reads(&shared, &runtime)) {
            Ok(_) => reads,
            Err(_) => Self::none(),
        }
    }

    fn of(connections: Vec<InPlaceConnection>, opened_at: Instant) -> Self {
        Self(Arc::new(Shared {
            connections,
            opened_at,
            paused_until: AtomicU64::new(0),
            interrupted_queries: RwLock::default(),
        }))
    }

    /// All rows that a query finds, as the database is now; or `None` if it must be asked through sqlx: the threads that may
    /// read in place all do, reads are slow, or this one took too long or failed.
    pub fn fetch_all<T: InPlaceRow>(&self, sql: &str, values: &[&dyn ToSql]) -> Option<Vec<T>> {
        self.read::<T, _>(sql, values, |rows, columns| {
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(T::read(row, columns)?);
            }
            Ok(all)
        })
    }

    /// The first row, or none.
    pub fn fetch_optional<T: InPlaceRow>(&self, sql: &str, values: &[&dyn ToSql]) -> Option<Option<T>> {
        self.read::<T, _>(sql, values, |rows, columns| rows.next()?.map(|row| T::read(row, columns)).transpose())
    }

    /// The first row. Where there is none, sqlx has the error for it.
    pub fn fetch_one<T: InPlaceRow>(&self, sql: &str, values: &[&dyn ToSql]) -> Option<T> {
        self.fetch_optional(sql, values)?
    }

    fn read<T: InPlaceRow, R>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        take: impl FnOnce(&mut Rows<'_>, &[usize]) -> rusqlite::Result<R>,
    ) -> Option<R> {
        let began = self.0.micros();
        if began < self.0.paused_until.load(Ordering::Relaxed)
            || self.0.has_slow_read(began)
            || self.0.was_interrupted_lately(sql, began)
        {
            return None;
        }
        let mut connections = self.0.connections.iter();
        let (connection, free) = connections.find_map(|free| Some((free.connection.try_lock().ok()?, free)))?;
        free.read.checks.store(0, Ordering::Relaxed);
        free.read.began_at.store(began, Ordering::Relaxed);
        let found = connection.as_ref().map(|connection| run_query::<T, R>(connection, sql, values, take));
        free.read.began_at.store(IDLE, Ordering::Relaxed);
        let found = found?;
        let ended = self.0.micros();
        let mut is_slow = has_taken_longer(began, ended, SLOW);
        match &found {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                self.0.note_interrupted(sql, ended);
            }
            Err(error) => {
                // A query that sqlx can read and rusqlite cannot is a mistake in the program.
                debug_assert!(error.sqlite_error_code().is_some(), "{error:?}: {sql}");
                tracing::warn!(%error, "a read goes through sqlx instead");
                is_slow = true;
            }
            Ok(_) => {}
        }
        if is_slow {
            self.0.paused_until.store(after_pause(ended), Ordering::Relaxed);
        }
        found.ok()
    }

    /// Closes the connections, except those that are still reading a tenth of a second later.
    pub async fn close(&self) {
        let began = Instant::now();
        for in_place in &self.0.connections {
            loop {
                if let Ok(mut connection) = in_place.connection.try_lock() {
                    connection.take();
                    break;
                }
                if began.elapsed() > CLOSE_TIMEOUT {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

impl RunningRead {
    fn is_slow(&self, now: u64) -> bool {
        has_taken_longer(self.began_at.load(Ordering::Relaxed), now, SLOW)
    }
}

impl Shared {
    fn micros(&self) -> u64 {
        micros_since(self.opened_at)
    }

    /// Whether a read is running that takes long.
    fn has_slow_read(&self, now: u64) -> bool {
        self.connections.iter().any(|each| each.read.is_slow(now))
    }

    fn was_interrupted_lately(&self, sql: &str, now: u64) -> bool {
        let long = self.interrupted_queries.read();
        long.is_ok_and(|long| long.iter().any(|(text, until)| now < *until && text == sql))
    }

    fn note_interrupted(&self, sql: &str, now: u64) {
        if let Ok(mut long) = self.interrupted_queries.write() {
            long.retain(|(_, until)| now < *until);
            long.push((sql.to_owned(), after_pause(now)));
        }
    }
}

/// The tokio worker that waits for sockets and timers keeps that job while it runs a request. If that request then reads slowly
/// and all other workers sleep, nobody notices new requests. A task that is spawned from this thread wakes a worker, which
/// takes the job over.
fn wake_a_worker_during_slow_reads(shared: &Weak<Shared>, runtime: &Handle) {
    loop {
        thread::sleep(WATCH_EVERY);
        let Some(shared) = shared.upgrade() else { return };
        if shared.has_slow_read(shared.micros()) {
            runtime.spawn(async {});
        }
    }
}

fn after_pause(now: u64) -> u64 {
    now + PAUSE.as_micros() as u64
}

fn micros_since(opened_at: Instant) -> u64 {
    opened_at.elapsed().as_micros() as u64
}

fn has_taken_longer(began: u64, ended: u64, most: Duration) -> bool {
    u128::from(ended.saturating_sub(began)) > most.as_micros()
}

fn connect(path: &Path, opened_at: Instant) -> rusqlite::Result<InPlaceConnection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "mmap_size", super::open_database::MAPPED_BYTES)?;
    // Where another connection is in the way, sqlx waits.
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    // Otherwise a query with LIKE is planned again for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let read = Arc::new(RunningRead { began_at: AtomicU64::new(IDLE), checks: AtomicU32::new(0) });
    let checked = Arc::clone(&read);
    let is_too_long = move || {
        checked.checks.fetch_add(1, Ordering::Relaxed) >= MOST_CHECKS || checked.is_slow(micros_since(opened_at))
    };
    connection.progress_handler(CHECK_EVERY_INSTRUCTIONS, Some(is_too_long))?;
    Ok(InPlaceConnection { connection: Mutex::new(Some(connection)), read })
}

/// Binds `$1` to the first value, as sqlx does. SQLite itself takes `$1` for a name, and numbers names in the order of the text.
fn run_query<T: InPlaceRow, R>(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    take: impl FnOnce(&mut Rows<'_>, &[usize]) -> rusqlite::Result<R>,
) -> rusqlite::Result<R> {
    let mut query = connection.prepare_cached(sql)?;
    for index in 1..=query.parameter_count() {
        let number = query.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(index, values.len()))?;
        query.raw_bind_parameter(index, value)?;
    }
    let columns = T::FIELDS.iter().map(|name| query.column_index(name)).collect::<rusqlite::Result<Vec<_>>>()?;
    take(&mut query.raw_query(), &columns)
}

macro_rules! tuples {
    ($($($name:ident $at:tt)*;)*) => {$(
        impl<$($name: rusqlite::types::FromSql),*> InPlaceRow for ($($name,)*) {
            const FIELDS: &'static [&'static str] = &[];

            fn read(row: &Row<'_>, _: &[usize]) -> rusqlite::Result<Self> {
                Ok(($(row.get::<usize, $name>($at)?,)*))
            }
        }
    )*};
}

tuples! {
    A 0;
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
    A 0 B 1 C 2 D 3 E 4;
    A 0 B 1 C 2 D 3 E 4 F 5;
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "SELECT number FROM numbers WHERE number > $2 AND number < $1";

    fn opened() -> (tempfile::TempDir, Connection, InPlaceReads) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE numbers (number BIGINT); INSERT INTO numbers VALUES (7)").unwrap();
        let reads = InPlaceReads::open(&path);
        (folder, writer, reads)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_read_sees_what_was_committed_before_it() {
        let (_folder, writer, reads) = opened();
        let read = || {
            // On a busy machine, any read may be slow.
            reads.0.paused_until.store(0, Ordering::Relaxed);
            reads.fetch_optional::<(i64,)>(READ, &[&8, &6]).expect("it is read in place").map(|(number,)| number)
        };
        assert_eq!(read(), Some(7));
        writer.execute("DELETE FROM numbers", []).unwrap();
        assert_eq!(read(), None);
        reads.close().await;
        assert!(reads.fetch_optional::<(i64,)>(READ, &[&8, &6]).is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn reads_go_through_sqlx_while_all_connections_read_and_after_a_slow_read() {
        let (_folder, _writer, reads) = opened();
        let held = reads.0.connections[0].connection.lock().unwrap();
        assert!(reads.fetch_optional::<(i64,)>(READ, &[&8, &6]).is_none());
        drop(held);
        // A disk that hangs: as long as its read goes on.
        reads.0.connections[0].read.began_at.store(0, Ordering::Relaxed);
        thread::sleep(SLOW + Duration::from_millis(2));
        assert!(reads.fetch_optional::<(i64,)>(READ, &[&8, &6]).is_none());
        reads.0.connections[0].read.began_at.store(IDLE, Ordering::Relaxed);
        reads.0.paused_until.store(0, Ordering::Relaxed);
        assert!(reads.fetch_optional::<(i64,)>(READ, &[&8, &6]).is_some());
        // One long instruction of SQLite, like one read of a slow disk.
        let slow = "SELECT length(hex(zeroblob(50000000)))";
        reads.0.paused_until.store(0, Ordering::Relaxed);
        assert_eq!(reads.fetch_one::<(i64,)>(slow, &[]), Some((100_000_000,)));
        assert!(reads.fetch_optional::<(i64,)>(READ, &[&8, &6]).is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_query_that_takes_long_is_interrupted_and_holds_up_no_other_read() {
        let (_folder, _writer, reads) = opened();
        let search = "WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < $1)
                      SELECT max(number) FROM n";
        // However often a short query runs, no run is a long one.
        for _ in 0..100 {
            reads.0.paused_until.store(0, Ordering::Relaxed);
            assert_eq!(reads.fetch_one::<(i64,)>(search, &[&1000]), Some((1000,)));
        }
        // On a busy machine, any read may be slow.
        let is_read_after_search = |_| {
            reads.0.paused_until.store(0, Ordering::Relaxed);
            assert_eq!(reads.fetch_one::<(i64,)>(search, &[&i64::MAX]), None);
            assert_eq!(reads.fetch_one::<(i64,)>(search, &[&10]), None, "the same query goes through sqlx at once");
            reads.fetch_all::<(i64,)>(READ, &[&8, &6]) == Some(vec![(7,)])
        };
        assert!((0..10).any(is_read_after_search));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_read_that_hangs_holds_up_no_other_request_of_an_idle_server() {
        let (_folder, _writer, reads) = opened();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let others = sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            others.send("another request").unwrap();
        });
        tokio::spawn(async move {
            // As a request, it begins on the thread that waits for sockets and timers.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let slow = "SELECT length(hex(zeroblob(200000000))) + length(hex(zeroblob(200000001)))";
            assert_eq!(reads.fetch_one::<(i64,)>(slow, &[]), Some((800_000_002,)));
            sender.send("the read that hangs").unwrap();
        });
        assert_eq!(receiver.recv().await, Some("another request"));
        assert_eq!(receiver.recv().await, Some("the read that hangs"));
    }
}
