//! The SQL of what passwords were granted.

use dockpass_core::{
    moved::{Granted, Holder},
    timestamp::Timestamp,
    usage::{Occurrences, UseAction},
};
use time::Duration;

use crate::platform::database::{Connection, Tx, execute, fetch};

/// Holds an account until the transaction ends; how many there were to hold.
pub async fn hold(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET pushes_are_public = pushes_are_public WHERE id = $1", account_id)
}

/// Adds to the row that began less than `within` before; how many there were.
pub async fn add_to(
    tx: &mut Tx,
    account_id: &str,
    repository: &str,
    action: UseAction,
    span: Occurrences,
    within: Duration,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE password_use SET last_at = CASE WHEN last_at < $5 THEN $5 ELSE last_at END
         WHERE account_id = $1 AND repository = $2 AND action = $3 AND first_at > $6 AND first_at <= $4",
        account_id,
        repository,
        action.as_str(),
        span.first_at.millis(),
        span.last_at.millis(),
        (span.last_at - within).millis(),
    )
}

pub async fn insert(
    tx: &mut Tx,
    account_id: &str,
    repository: &str,
    action: UseAction,
    span: Occurrences,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO password_use (account_id, repository, action, first_at, last_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (account_id, repository, action, first_at) DO UPDATE
           SET last_at = CASE WHEN password_use.last_at < $5 THEN $5 ELSE password_use.last_at END",
        account_id,
        repository,
        action.as_str(),
        span.first_at.millis(),
        span.last_at.millis(),
    )
}

/// Keeps the newest `kept` of an account.
pub async fn prune(tx: &mut Tx, account_id: &str, kept: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM password_use WHERE account_id = $1 AND (repository, action, first_at) NOT IN
           (SELECT repository, action, first_at FROM password_use WHERE account_id = $1
            ORDER BY last_at DESC, repository, action, first_at LIMIT $2)",
        account_id,
        kept,
    )
}

/// What an account's password was granted on a repository between two moments.
pub async fn grants(
    connection: &mut impl Connection,
    account_id: &str,
    repository: &str,
    (since, until): (Timestamp, Timestamp),
) -> sqlx::Result<Vec<Granted>> {
    let rows = fetch!(
        fetch_all,
        connection,
        (String, i64, i64),
        "SELECT action, first_at, last_at FROM password_use
         WHERE account_id = $1 AND repository = $2 AND last_at > $3 AND first_at <= $4",
        account_id,
        repository,
        since.millis(),
        until.millis(),
    )?;
    let read = |(action, first_at, last_at): (String, i64, i64)| {
        let (first_at, last_at) = (Timestamp::from_millis(first_at), Timestamp::from_millis(last_at));
        Some(Granted { action: UseAction::parse(&action)?, first_at, last_at, to: Holder::Password })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

pub async fn forget_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM password_use WHERE last_at < $1", before.millis())
}
