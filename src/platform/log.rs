//! The program's log on standard error. It never stops a request.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that wait for a slow reader; further ones are dropped and counted.
const QUEUE_LINES: usize = 16_384;

/// Lines that standard error did not take: a full disk, a closed pipe.
static FAILED_LINES: AtomicU64 = AtomicU64::new(0);

/// Counts lines that found the queue full.
static QUEUE: OnceLock<ErrorCounter> = OnceLock::new();

/// Standard error, without its errors: tracing-subscriber reports a failed write with `eprintln!`, which panics when
/// standard error is the thing that fails.
struct CountingStderr;

impl Write for CountingStderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            FAILED_LINES.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The running log: what is queued is written when it is dropped.
#[derive(Debug)]
pub struct Log {
    _worker: WorkerGuard,
}

/// Lines lost since the start, because the queue was full or standard error failed.
pub fn lost_lines() -> u64 {
    let queued = QUEUE.get().map_or(0, |counter| counter.dropped_lines() as u64);
    queued + FAILED_LINES.load(Ordering::Relaxed)
}

/// Starts logging to standard error through a queue with a thread of its own, so that no request waits for a disk.
pub fn start(is_json: bool) -> Log {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(CountingStderr);
    let _ = QUEUE.set(writer.error_counter());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if is_json {
        log.json().init()
    } else {
        log.with_ansi(io::stderr().is_terminal()).init()
    }
    Log { _worker: worker }
}
