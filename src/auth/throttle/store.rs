//! The SQL of failed sign-ins.

use dockpass_core::secret::SecretHash;
use dockpass_core::throttle::{CLOCK_DIFFERENCE, FailureCount};
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch};

pub async fn failures(connection: &mut impl Connection, key: &SecretHash) -> sqlx::Result<Option<FailureCount>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (i64, i64, i64),
        "SELECT failures, first_at, last_at FROM sign_in_failure WHERE key_hash = $1",
        key.as_bytes(),
    )?;
    Ok(row.map(|(count, first_at, last_at)| FailureCount {
        count,
        first_at: Timestamp::from_millis(first_at),
        last_at: Timestamp::from_millis(last_at),
    }))
}

/// Adds a failure. Starts again from one where the last is older than `last_since` or the first older than
/// `first_since`, or where the first was counted before the clock was set back.
pub async fn count_failure(
    tx: &mut Tx,
    key: &SecretHash,
    last_since: Timestamp,
    first_since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO sign_in_failure (key_hash, failures, first_at, last_at) VALUES ($1, 1, $4, $4)
         ON CONFLICT (key_hash) DO UPDATE SET
             failures = CASE WHEN sign_in_failure.last_at < $2 OR sign_in_failure.first_at < $3
                                  OR sign_in_failure.first_at > $5 THEN 1
                             ELSE sign_in_failure.failures + 1 END,
             first_at = CASE WHEN sign_in_failure.last_at < $2 OR sign_in_failure.first_at < $3
                                  OR sign_in_failure.first_at > $5 THEN $4
                             ELSE sign_in_failure.first_at END,
             last_at = $4",
        key.as_bytes(),
        last_since.millis(),
        first_since.millis(),
        now.millis(),
        (now + CLOCK_DIFFERENCE).millis(),
    )
}

/// Makes other attempts under this key wait for this transaction, even where the key has no row yet.
pub async fn lock_failures(tx: &mut Tx, key: &SecretHash, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO sign_in_failure (key_hash, failures, first_at, last_at) VALUES ($1, 0, $2, $2)
         ON CONFLICT (key_hash) DO UPDATE SET failures = sign_in_failure.failures",
        key.as_bytes(),
        now.millis(),
    )
}

pub async fn forget_failures_of(tx: &mut Tx, key: &SecretHash) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM sign_in_failure WHERE key_hash = $1", key.as_bytes())
}

pub async fn forget_failures_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM sign_in_failure WHERE last_at < $1", before.millis())
}
