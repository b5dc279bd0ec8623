//! Whether writes commit: on a full disk everything can still be read, and `BEGIN IMMEDIATE` succeeds too.

use std::sync::{Arc, Mutex, PoisonError};

use dockpass_core::timestamp::Timestamp;
use time::Duration;

use super::database::{Db, count_error, execute, is_outage};

/// A successful write counts as current for this long.
const FRESH: Duration = Duration::MINUTE;
/// How often a failing database is asked again.
const ASK_EVERY: Duration = Duration::seconds(10);

/// The last write that was seen to commit or to fail. All clones share it.
#[derive(Debug, Clone, Default)]
pub struct WriteHealth(Arc<Mutex<Option<(Timestamp, bool)>>>);

impl WriteHealth {
    /// Notes how a write ended, and logs where that is news.
    pub fn note(&self, is_committed: bool, now: Timestamp) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_committed = last.is_none_or(|(_, is_committed)| is_committed);
        *last = Some((now, is_committed));
        match (was_committed, is_committed) {
            (true, false) => tracing::error!("writes to the database do not commit: what is journalled waits"),
            (false, true) => tracing::info!("writes to the database commit again"),
            _ => {}
        }
    }

    pub fn is_committing(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|(_, is_committed)| is_committed)
    }

    /// Writes something small where nothing was seen lately.
    pub async fn check(&self, db: &Db, now: Timestamp) {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = last.is_some_and(|(at, is_committed)| {
            // The clock may have been set back.
            let age = (now - at).abs();
            age < ASK_EVERY || (is_committed && age < FRESH)
        });
        if !is_known {
            let written = write_something(db, now).await;
            let _ = written.as_ref().inspect_err(|error| count_error(is_outage(error)));
            self.note(written.is_ok(), now);
        }
    }
}

async fn write_something(db: &Db, now: Timestamp) -> sqlx::Result<()> {
    let mut tx = db.write().await?;
    // Another value each time: SQLite does not write a page that stays the same.
    execute!(&mut tx, "UPDATE installation SET written_at = $1 WHERE id = 1", now.millis())?;
    tx.commit().await
}
