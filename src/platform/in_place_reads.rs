//! Reads from SQLite on the thread that asks. sqlx gives each read to a thread of its own: two switches between threads, which
//! cost five times as much as a read whose pages are in memory.
//!
//! A read that waits for a disk stops its thread, and the requests on it. So one thread of the runtime never reads in place,
//! and none does during a slow read and for a while after it: then all reads go through sqlx, where only those that need the
//! disk wait.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Row, ToSql};
use tokio::runtime::Handle;

/// A read from memory takes microseconds, or a few milliseconds where its thread is interrupted.
const SLOW_MILLIS: u64 = 20;
const PAUSE_AFTER_SLOW_MILLIS: u64 = 1000;
/// No read is running.
const IDLE: u64 = u64::MAX;
const MOST_CONNECTIONS: usize = 8;

/// A row whose columns have the names of its fields.
pub trait InPlaceRow: Sized {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

/// Connections that only read. Clones share them.
#[derive(Debug, Clone)]
pub struct InPlaceReads {
    connections: Arc<[InPlaceConnection]>,
    opened_at: Instant,
    /// In milliseconds since the opening.
    paused_until: Arc<AtomicU64>,
}

#[derive(Debug)]
struct InPlaceConnection {
    /// `None` once it is closed.
    connection: Mutex<Option<Connection>>,
    /// In milliseconds since the opening, or [`IDLE`].
    reads_since: AtomicU64,
}

impl InPlaceReads {
    /// Without connections: every read goes through sqlx.
    pub fn none() -> Self {
        Self { connections: Arc::new([]), opened_at: Instant::now(), paused_until: Arc::default() }
    }

    /// Opens one connection fewer than the runtime has threads, at most eight.
    pub fn open(path: &Path) -> Self {
        let threads = Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers());
        let open = |_| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags).ok()?;
            connection.pragma_update(None, "mmap_size", super::open_database::MAPPED_BYTES).ok()?;
            // Where another connection is in the way, sqlx waits.
            connection.busy_timeout(Duration::ZERO).ok()?;
            Some(InPlaceConnection { connection: Mutex::new(Some(connection)), reads_since: AtomicU64::new(IDLE) })
        };
        let connections = (0..MOST_CONNECTIONS.min(threads - 1)).filter_map(open).collect();
        Self { connections, ..Self::none() }
    }

    /// The row that a query finds, as the database is now; or `None` if it must be asked through sqlx: the threads that may read
    /// in place all do, reads are slow, or this one failed.
    pub fn find<T: InPlaceRow>(&self, sql: &str, values: &[&dyn ToSql]) -> Option<Option<T>> {
        let began = self.millis();
        let is_slow =
            |place: &InPlaceConnection| began.saturating_sub(place.reads_since.load(Ordering::Relaxed)) > SLOW_MILLIS;
        if began < self.paused_until.load(Ordering::Relaxed) || self.connections.iter().any(is_slow) {
            return None;
        }
        let mut connections = self.connections.iter();
        let (connection, reads_since) =
            connections.find_map(|place| Some((place.connection.try_lock().ok()?, &place.reads_since)))?;
        reads_since.store(began, Ordering::Relaxed);
        let found = connection.as_ref().map(|connection| read(connection, sql, values));
        reads_since.store(IDLE, Ordering::Relaxed);
        let found = found?;
        let ended = self.millis();
        if found.is_err() || ended - began > SLOW_MILLIS {
            self.paused_until.store(ended + PAUSE_AFTER_SLOW_MILLIS, Ordering::Relaxed);
        }
        found.inspect_err(|error| tracing::warn!(%error, "a read goes through sqlx instead")).ok()
    }

    fn millis(&self) -> u64 {
        self.opened_at.elapsed().as_millis() as u64
    }

    /// Closes the connections.
    pub fn close(&self) {
        for place in &*self.connections {
            place.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

/// Binds `$1` to the first value, as sqlx does. To SQLite these are names, which it numbers in the order of the text.
fn read<T: InPlaceRow>(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Option<T>> {
    const NAMES: [&str; 4] = ["$1", "$2", "$3", "$4"];
    let mut query = connection.prepare_cached(sql)?;
    for (name, value) in NAMES.into_iter().zip(values) {
        let index =
            query.parameter_index(name)?.ok_or_else(|| rusqlite::Error::InvalidParameterName(name.to_owned()))?;
        query.raw_bind_parameter(index, value)?;
    }
    query.raw_query().next()?.map(T::read).transpose()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    struct Number {
        number: i64,
    }

    impl InPlaceRow for Number {
        fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
            Ok(Self { number: row.get("number")? })
        }
    }

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
            reads.paused_until.store(0, Ordering::Relaxed);
            reads.find::<Number>(READ, &[&8, &6]).expect("it is read in place").map(|row| row.number)
        };
        assert_eq!(read(), Some(7));
        writer.execute("DELETE FROM numbers", []).unwrap();
        assert_eq!(read(), None);
        reads.close();
        assert!(reads.find::<Number>(READ, &[&8, &6]).is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_second_thread_and_those_after_a_slow_read_ask_elsewhere() {
        let (_folder, _writer, reads) = opened();
        let held = reads.connections[0].connection.lock().unwrap();
        assert!(reads.find::<Number>(READ, &[&8, &6]).is_none());
        drop(held);
        // A disk that hangs: as long as its read goes on.
        reads.connections[0].reads_since.store(0, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(SLOW_MILLIS + 2));
        assert!(reads.find::<Number>(READ, &[&8, &6]).is_none());
        reads.connections[0].reads_since.store(IDLE, Ordering::Relaxed);
        reads.paused_until.store(0, Ordering::Relaxed);
        assert!(reads.find::<Number>(READ, &[&8, &6]).is_some());
        let slow = "WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < $1)
                    SELECT max(number) AS number FROM n";
        let most = 2_000_000;
        reads.paused_until.store(0, Ordering::Relaxed);
        assert_eq!(reads.find::<Number>(slow, &[&most]).unwrap().unwrap().number, most);
        assert!(reads.find::<Number>(READ, &[&8, &6]).is_none());
    }

    #[tokio::test]
    async fn a_runtime_with_one_thread_never_reads_in_place() {
        assert!(opened().2.find::<Number>(READ, &[&8, &6]).is_none());
    }
}
