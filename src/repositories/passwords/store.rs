//! The SQL of what passwords were granted.

use time::Duration;

use crate::{
    core::{
        moment::Moment,
        moved::{Granted, Holder},
        usage::UseAction,
    },
    platform::db::{Connection, Tx, execute, fetch},
};

/// Adds to the row that began less than `within` before, or makes one.
pub async fn note(
    tx: &mut Tx,
    account_id: &str,
    repository: &str,
    action: UseAction,
    at: Moment,
    within: Duration,
) -> sqlx::Result<()> {
    let added = execute!(
        tx,
        "UPDATE password_use SET last_at = CASE WHEN last_at < $4 THEN $4 ELSE last_at END
         WHERE account_id = $1 AND repository = $2 AND action = $3 AND first_at > $5 AND first_at <= $4",
        account_id,
        repository,
        action.as_str(),
        at.millis(),
        (at - within).millis(),
    )?;
    if added == 0 {
        execute!(
            tx,
            "INSERT INTO password_use (account_id, repository, action, first_at, last_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT DO NOTHING",
            account_id,
            repository,
            action.as_str(),
            at.millis(),
        )?;
    }
    Ok(())
}

/// What an account's password was granted on a repository between two moments.
pub async fn grants(
    connection: &mut impl Connection,
    account_id: &str,
    repository: &str,
    (since, until): (Moment, Moment),
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
        let (first_at, last_at) = (Moment::from_millis(first_at), Moment::from_millis(last_at));
        Some(Granted { action: UseAction::parse(&action)?, first_at, last_at, to: Holder::Password })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

pub async fn forget_before(tx: &mut Tx, moment: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM password_use WHERE last_at < $1", moment.millis())
}
