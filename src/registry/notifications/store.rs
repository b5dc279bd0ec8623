//! The SQL of notifications.

use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch};

/// Whether the notification was not processed before.
pub async fn insert_event(tx: &mut Tx, event_id: &str, now: Timestamp) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO registry_event (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        event_id,
        now.millis(),
    )?;
    Ok(rows == 1)
}

/// Notes the tag under which a token asked for a digest.
pub async fn note_head(
    tx: &mut Tx,
    token_id: &str,
    repository: &str,
    digest: &str,
    tag: &str,
    at: Timestamp,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO recent_head (token_id, repository, digest, tag, seen_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (token_id, repository, digest) DO UPDATE SET tag = $4, seen_at = $5",
        token_id,
        repository,
        digest,
        tag,
        at.millis(),
    )
}

/// The tag under which a token asked for a digest between two times.
pub async fn tag_of_head(
    connection: &mut impl Connection,
    token_id: &str,
    repository: &str,
    digest: &str,
    (since, until): (Timestamp, Timestamp),
) -> sqlx::Result<Option<String>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String,),
        "SELECT tag FROM recent_head
         WHERE token_id = $1 AND repository = $2 AND digest = $3 AND seen_at >= $4 AND seen_at <= $5",
        token_id,
        repository,
        digest,
        since.millis(),
        until.millis(),
    )?;
    Ok(row.map(|(tag,)| tag))
}

pub async fn forget_events_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM registry_event WHERE received_at < $1", before.millis())
}

pub async fn forget_heads_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM recent_head WHERE seen_at < $1", before.millis())
}
