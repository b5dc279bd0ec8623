//! The program's log on standard error. It never stops a request.
//!
//! Requests append their lines to one buffer, and a thread of its own writes it out. A queue of single lines, such as that of
//! tracing-appender, wakes its thread for almost every line, which costs more than the line.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

/// Unwritten bytes. Where a slow reader leaves more, further lines are dropped and counted.
const MAX_QUEUE_BYTES: usize = 4 << 20;
/// What an idle buffer may keep.
const KEPT_BYTES: usize = 64 << 10;
/// How long lines are collected after a write. The first line after a quiet time is written at once.
const COLLECTED_FOR: Duration = Duration::from_millis(5);
/// How long the program waits at its end for a slow reader.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

static QUEUE: Queue = Queue::new();

/// Lines on their way to standard error.
struct Queue {
    pending: Mutex<Pending>,
    changed: Condvar,
}

struct Pending {
    bytes: Vec<u8>,
    /// Lines lost since the start.
    lost: u64,
    /// Whether the thread waits for the next line.
    is_waited_for: bool,
    is_stopping: bool,
    /// Whether the thread has written its last line.
    is_done: bool,
}

impl Queue {
    const fn new() -> Self {
        let pending = Pending { bytes: Vec::new(), lost: 0, is_waited_for: false, is_stopping: false, is_done: false };
        Self { pending: Mutex::new(pending), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'p>(
        &self,
        pending: MutexGuard<'p, Pending>,
        longest: Duration,
        until: fn(&Pending) -> bool,
    ) -> MutexGuard<'p, Pending> {
        let waited = self.changed.wait_timeout_while(pending, longest, |pending| !until(pending));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Takes a line, or counts it as lost.
    fn push(&self, line: &[u8]) {
        let mut pending = self.lock();
        if pending.bytes.len() + line.len() > MAX_QUEUE_BYTES {
            pending.lost += 1;
            return;
        }
        pending.bytes.extend_from_slice(line);
        if pending.is_waited_for {
            pending.is_waited_for = false;
            self.changed.notify_all();
        }
    }

    /// Lets the thread write what is left, and waits for it.
    fn stop(&self) {
        let mut pending = self.lock();
        pending.is_stopping = true;
        self.changed.notify_all();
        drop(self.wait(pending, LAST_WRITE_TIMEOUT, |pending| pending.is_done));
    }

    /// Writes lines until the program ends.
    fn write_out(&self, output: impl Write) {
        let mut output = Output { output, is_cut: false };
        let mut bytes = Vec::new();
        let mut pending = self.lock();
        loop {
            pending.is_waited_for = true;
            while pending.bytes.is_empty() && !pending.is_stopping {
                pending = self.changed.wait(pending).unwrap_or_else(PoisonError::into_inner);
            }
            pending.is_waited_for = false;
            if pending.bytes.is_empty() {
                pending.is_done = true;
                self.changed.notify_all();
                return;
            }
            mem::swap(&mut bytes, &mut pending.bytes);
            drop(pending);
            let lost = output.write_lines(&bytes);
            bytes.clear();
            bytes.shrink_to(KEPT_BYTES);
            pending = self.lock();
            pending.lost += lost;
            pending = self.wait(pending, COLLECTED_FOR, |pending| pending.is_stopping);
        }
    }
}

/// Where the lines go. It may fail in the middle of one, and a full disk or a closed pipe must not stop the program.
struct Output<W> {
    output: W,
    /// Whether the last line has no end.
    is_cut: bool,
}

impl<W: Write> Output<W> {
    /// Writes lines, and returns how many were not taken.
    fn write_lines(&mut self, lines: &[u8]) -> u64 {
        let mut taken = 0;
        if !self.is_cut || self.write(b"\n") == 1 {
            taken = self.write(lines);
            self.is_cut = lines[..taken].last().is_some_and(|byte| *byte != b'\n');
        }
        lines[taken..].iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// How many bytes were taken.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.output.write(&bytes[taken..]) {
                Ok(written) if written > 0 => taken += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A pipe or a terminal that another program made non-blocking, and whose reader is slow.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(COLLECTED_FOR),
                _ => break,
            }
        }
        taken
    }
}

/// Takes a whole line with each write, and never fails: tracing-subscriber reports a failed write with `eprintln!`, which
/// panics when standard error is the thing that fails.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        QUEUE.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The running log: what is queued is written when it is dropped.
#[derive(Debug)]
pub struct Log {
    _private: (),
}

impl Drop for Log {
    fn drop(&mut self) {
        QUEUE.stop();
    }
}

/// Lines lost since the start, because the queue was full or standard error failed.
pub fn lost_lines() -> u64 {
    QUEUE.lock().lost
}

/// Starts logging to standard error.
pub fn start(is_json: bool) -> Log {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let thread = thread::Builder::new().name("log".to_owned());
    if let Err(error) = thread.spawn(|| QUEUE.write_out(io::stderr())) {
        let _ = writeln!(io::stderr(), "dockpass: there is no log: {error}");
    }
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lines);
    if is_json {
        log.json().init()
    } else {
        log.with_ansi(io::stderr().is_terminal()).init()
    }
    Log { _private: () }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a hundred bytes at a time, and refuses every second time because its reader is slow.
    #[derive(Clone, Default)]
    struct Reader {
        bytes: std::sync::Arc<Mutex<Vec<u8>>>,
        is_refusing: bool,
        /// Once it holds so many bytes, the disk is full.
        full_at: Option<usize>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.is_refusing = !self.is_refusing;
            let mut taken = self.bytes.lock().unwrap();
            if self.full_at.is_some_and(|full_at| taken.len() >= full_at) {
                return Err(ErrorKind::StorageFull.into());
            }
            if self.is_refusing {
                return Err(ErrorKind::WouldBlock.into());
            }
            let length = bytes.len().min(100).min(self.full_at.map_or(100, |full_at| full_at - taken.len()));
            taken.extend_from_slice(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_of_many_threads_stay_whole_and_all_are_written_at_the_end() {
        let (queue, output) = (Queue::new(), Reader::default());
        thread::scope(|scope| {
            scope.spawn(|| queue.write_out(output.clone()));
            let writers: Vec<_> = (0..4)
                .map(|thread| {
                    let queue = &queue;
                    scope.spawn(move || {
                        (0..100).for_each(|line| queue.push(format!("line {thread} {line}\n").as_bytes()))
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            queue.stop();
        });
        let bytes = output.bytes.lock().unwrap();
        let mut lines: Vec<&str> = std::str::from_utf8(&bytes).unwrap().lines().collect();
        let of_first: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("line 0 ")).collect();
        assert_eq!(of_first, (0..100).map(|line| line.to_string()).collect::<Vec<_>>(), "in order");
        lines.sort_unstable();
        lines.dedup();
        assert_eq!((lines.len(), queue.lock().lost), (400, 0));
    }

    #[test]
    fn lines_that_nobody_takes_are_counted() {
        let queue = Queue::new();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        (0..MAX_QUEUE_BYTES / 1024 + 3).for_each(|_| queue.push(&line));
        assert_eq!(queue.lock().lost, 3);
    }

    #[test]
    fn a_line_that_a_full_disk_cuts_is_lost_alone() {
        let reader = Reader { full_at: Some(20), ..Reader::default() };
        let mut output = Output { output: reader.clone(), is_cut: false };
        assert_eq!(output.write_lines(b"seven b\nseven b\nseven b\nseven b\n"), 2);
        assert_eq!(output.write_lines(b"more\n"), 1);
        output.output.full_at = None;
        assert_eq!(output.write_lines(b"later\n"), 0);
        assert_eq!(*reader.bytes.lock().unwrap(), b"seven b\nseven b\nseve\nlater\n");
    }
}
