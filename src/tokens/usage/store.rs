//! The SQL of uses.

use dockpass_core::activity::ClientInfo;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{DayCounts, Occurrences, TokenUse, UseAction};
use time::Duration;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

/// Notes the last use of a token where it is the latest; whether the token is still there.
pub async fn touch(tx: &mut Tx, token_id: &str, what: &TokenUse, at: Timestamp) -> sqlx::Result<bool> {
    execute!(
        tx,
        "UPDATE token SET last_used_at = $2, last_used_action = $3, last_used_repository = $4,
                          last_used_address = $5, last_used_client = $6
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2)",
        token_id,
        at.millis(),
        what.action.as_str(),
        &what.repository,
        &what.origin.address,
        &what.origin.client,
    )?;
    let found = fetch!(fetch_optional, tx, (String,), "SELECT id FROM token WHERE id = $1", token_id)?;
    Ok(found.is_some())
}

/// Locks a token of an account, before any row of its uses; its description, where it is still there.
pub async fn lock(tx: &mut Tx, token_id: &str, account_id: &str) -> sqlx::Result<Option<String>> {
    let row = fetch!(
        fetch_optional,
        tx,
        (String,),
        "UPDATE token SET is_active = is_active WHERE id = $1 AND account_id = $2 RETURNING description",
        token_id,
        account_id,
    )?;
    Ok(row.map(|(description,)| description))
}

/// Adds to the equal row that began less than `within` before, or ended less than that after: two servers and registries
/// write in any order. The number of rows that this changed.
pub async fn add_to(
    tx: &mut Tx,
    token_id: &str,
    what: &TokenUse,
    span: Occurrences,
    within: Duration,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE token_use SET times = times + $9,
                              first_at = CASE WHEN first_at > $7 THEN $7 ELSE first_at END,
                              last_at = CASE WHEN last_at < $8 THEN $8 ELSE last_at END
         WHERE id = (SELECT id FROM token_use WHERE token_id = $1 AND action = $2 AND repository = $3 AND reference = $4
                       AND digest = $12 AND address = $5 AND client = $6 AND first_at > $10 AND last_at < $11
                     ORDER BY last_at DESC, id DESC LIMIT 1)",
        token_id,
        what.action.as_str(),
        &what.repository,
        &what.reference,
        &what.origin.address,
        &what.origin.client,
        span.first_at.millis(),
        span.last_at.millis(),
        span.times,
        (span.last_at - within).millis(),
        (span.first_at + within).millis(),
        &what.digest,
    )
}

pub async fn insert(tx: &mut Tx, id: &str, token_id: &str, what: &TokenUse, span: Occurrences) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token_use (id, token_id, action, repository, reference, address, client, first_at, last_at, times,
                                digest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        token_id,
        what.action.as_str(),
        &what.repository,
        &what.reference,
        &what.origin.address,
        &what.origin.client,
        span.first_at.millis(),
        span.last_at.millis(),
        span.times,
        &what.digest,
    )
}

/// Keeps the latest `kept` requests of a token and as many transfers. They are counted separately: any number of tags can
/// follow one request, and the request has their address.
pub async fn prune(tx: &mut Tx, token_id: &str, kept: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM token_use WHERE token_id = $1
           AND id NOT IN (SELECT id FROM token_use WHERE token_id = $1 AND reference = ''
                          ORDER BY last_at DESC, id DESC LIMIT $2)
           AND id NOT IN (SELECT id FROM token_use WHERE token_id = $1 AND reference <> ''
                          ORDER BY last_at DESC, id DESC LIMIT $2)",
        token_id,
        kept,
    )
}

/// Adds to the counts of a token's day, in days since 1970-01-01.
pub async fn count(tx: &mut Tx, token_id: &str, day: i64, more: DayCounts) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token_day (token_id, day, pulls, pushes, deletes, refusals) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (token_id, day) DO UPDATE SET pulls = token_day.pulls + $3, pushes = token_day.pushes + $4,
           deletes = token_day.deletes + $5, refusals = token_day.refusals + $6",
        token_id,
        day,
        more.pulls,
        more.pushes,
        more.deletes,
        more.refusals,
    )
}

pub async fn days(connection: &mut impl Connection, token_id: &str, first: i64) -> sqlx::Result<Vec<(i64, DayCounts)>> {
    let rows = fetch!(
        fetch_all,
        connection,
        (i64, i64, i64, i64, i64),
        "SELECT day, pulls, pushes, deletes, refusals FROM token_day WHERE token_id = $1 AND day >= $2 ORDER BY day",
        token_id,
        first,
    )?;
    let read = |(day, pulls, pushes, deletes, refusals)| (day, DayCounts { pulls, pushes, deletes, refusals });
    Ok(rows.into_iter().map(read).collect())
}

row! {
    struct UseRow {
        action: String,
        repository: String,
        reference: String,
        digest: String,
        address: String,
        client: String,
        first_at: i64,
        last_at: i64,
        times: i64,
    }
}

impl UseRow {
    fn into_use(self) -> Option<(TokenUse, Occurrences)> {
        let what = TokenUse {
            action: UseAction::parse(&self.action)?,
            repository: self.repository,
            reference: self.reference,
            digest: self.digest,
            origin: ClientInfo { address: self.address, client: self.client },
        };
        let (first_at, last_at) = (Timestamp::from_millis(self.first_at), Timestamp::from_millis(self.last_at));
        Some((what, Occurrences { first_at, last_at, times: self.times }))
    }
}

/// The latest uses of a token, newest first.
pub async fn latest(
    connection: &mut impl Connection,
    token_id: &str,
    count: i64,
) -> sqlx::Result<Vec<(TokenUse, Occurrences)>> {
    let records = fetch!(
        fetch_all,
        connection,
        UseRow,
        "SELECT action, repository, reference, digest, address, client, first_at, last_at, times FROM token_use
         WHERE token_id = $1 ORDER BY last_at DESC, id DESC LIMIT $2",
        token_id,
        count,
    )?;
    Ok(records.into_iter().filter_map(UseRow::into_use).collect())
}

/// The requests of a token for a repository that were granted between two times, newest first.
pub async fn requests(
    connection: &mut impl Connection,
    token_id: &str,
    repository: &str,
    (since, until): (Timestamp, Timestamp),
) -> sqlx::Result<Vec<(TokenUse, Occurrences)>> {
    let records = fetch!(
        fetch_all,
        connection,
        UseRow,
        "SELECT action, repository, reference, digest, address, client, first_at, last_at, times FROM token_use
         WHERE token_id = $1 AND repository = $2 AND reference = '' AND last_at > $3 AND first_at <= $4
         ORDER BY last_at DESC, id DESC",
        token_id,
        repository,
        since.millis(),
        until.millis(),
    )?;
    Ok(records.into_iter().filter_map(UseRow::into_use).collect())
}

/// The transfers of a token after `since` with the action and repository of `what`: their ids and references.
pub async fn transfers(
    connection: &mut impl Connection,
    token_id: &str,
    what: &TokenUse,
    since: Timestamp,
) -> sqlx::Result<Vec<(String, String)>> {
    fetch!(
        fetch_all,
        connection,
        (String, String),
        "SELECT id, reference FROM token_use
         WHERE token_id = $1 AND action = $2 AND repository = $3 AND reference <> '' AND last_at > $4",
        token_id,
        what.action.as_str(),
        &what.repository,
        since.millis(),
    )
}

pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM token_use WHERE id = $1", id)
}

pub async fn forget_days_before(tx: &mut Tx, day: i64) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM token_day WHERE day < $1", day)
}
