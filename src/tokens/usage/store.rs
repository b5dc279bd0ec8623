//! The SQL of uses.

use dockpass_core::{
    activity::ClientInfo,
    moved::{Granted, Holder},
    timestamp::Timestamp,
    usage::{DayCounts, Occurrences, TokenUse, UseAction},
};
use time::Duration;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

/// Whether the token is still there. What was used last is kept where it is the latest.
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

/// Holds a token until the transaction ends, before any row of its uses; whether it is still there.
pub async fn hold(tx: &mut Tx, token_id: &str) -> sqlx::Result<bool> {
    Ok(execute!(tx, "UPDATE token SET is_active = is_active WHERE id = $1", token_id)? == 1)
}

/// Adds to the row that says the same and began less than `within` before, or ended less than that after: what two
/// servers write, or a registry tells late, comes in any order. How many rows there were.
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
         WHERE id = (SELECT id FROM token_use WHERE token_id = $1 AND action = $2 AND repository = $3 AND moved = $4
                       AND address = $5 AND client = $6 AND first_at > $10 AND last_at < $11
                     ORDER BY last_at DESC, id DESC LIMIT 1)",
        token_id,
        what.action.as_str(),
        &what.repository,
        &what.moved,
        &what.origin.address,
        &what.origin.client,
        span.first_at.millis(),
        span.last_at.millis(),
        span.times,
        (span.last_at - within).millis(),
        (span.first_at + within).millis(),
    )
}

pub async fn insert(tx: &mut Tx, id: &str, token_id: &str, what: &TokenUse, span: Occurrences) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token_use (id, token_id, action, repository, moved, address, client, first_at, last_at, times)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id,
        token_id,
        what.action.as_str(),
        &what.repository,
        &what.moved,
        &what.origin.address,
        &what.origin.client,
        span.first_at.millis(),
        span.last_at.millis(),
        span.times,
    )
}

/// Keeps the latest `kept` of what was asked with a token and as many of what was moved, each for itself: one grant is
/// followed by any number of tags, and they must not take away the row that says whose they are.
pub async fn prune(tx: &mut Tx, token_id: &str, kept: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM token_use WHERE token_id = $1
           AND id NOT IN (SELECT id FROM token_use WHERE token_id = $1 AND moved = ''
                          ORDER BY last_at DESC, id DESC LIMIT $2)
           AND id NOT IN (SELECT id FROM token_use WHERE token_id = $1 AND moved <> ''
                          ORDER BY last_at DESC, id DESC LIMIT $2)",
        token_id,
        kept,
    )
}

/// Counts on a token's day; the day counts from 1970-01-01.
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

/// The days of a token from `first` on.
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
        moved: String,
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
            moved: self.moved,
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
        "SELECT action, repository, moved, address, client, first_at, last_at, times FROM token_use
         WHERE token_id = $1 ORDER BY last_at DESC, id DESC LIMIT $2",
        token_id,
        count,
    )?;
    Ok(records.into_iter().filter_map(UseRow::into_use).collect())
}

/// Something that a token of the account was granted.
#[derive(Debug)]
pub struct TokenGrant {
    /// The token.
    pub token_id: String,
    /// What it is for.
    pub description: String,
    /// From where it was asked for.
    pub origin: ClientInfo,
    /// What, and when.
    pub granted: Granted,
}

row! {
    struct GrantRow {
        token_id: String,
        description: String,
        action: String,
        address: String,
        client: String,
        first_at: i64,
        last_at: i64,
    }
}

impl GrantRow {
    fn into_grant(self) -> Option<TokenGrant> {
        let granted = Granted {
            action: UseAction::parse(&self.action)?,
            first_at: Timestamp::from_millis(self.first_at),
            last_at: Timestamp::from_millis(self.last_at),
            to: Holder::Token { id: self.token_id.clone(), client: self.client.clone() },
        };
        let origin = ClientInfo { address: self.address, client: self.client };
        Some(TokenGrant { token_id: self.token_id, description: self.description, origin, granted })
    }
}

/// So many requests of one account for one repository within minutes are looked at.
const MOST_GRANTS: i64 = 200;

/// What the tokens of an account were granted on a repository between two moments, the earliest first.
pub async fn grants(
    connection: &mut impl Connection,
    account_id: &str,
    repository: &str,
    (since, until): (Timestamp, Timestamp),
) -> sqlx::Result<Vec<TokenGrant>> {
    let mut records = fetch!(
        fetch_all,
        connection,
        GrantRow,
        "SELECT token.id AS token_id, token.description, token_use.action, token_use.address, token_use.client,
                token_use.first_at, token_use.last_at
         FROM token_use JOIN token ON token.id = token_use.token_id
         WHERE token.account_id = $1 AND token_use.repository = $2 AND token_use.moved = ''
           AND token_use.last_at > $3 AND token_use.first_at <= $4
         ORDER BY token_use.last_at DESC, token_use.id DESC LIMIT $5",
        account_id,
        repository,
        since.millis(),
        until.millis(),
        MOST_GRANTS,
    )?;
    records.reverse();
    Ok(records.into_iter().filter_map(GrantRow::into_grant).collect())
}

pub async fn forget_days_before(tx: &mut Tx, day: i64) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM token_day WHERE day < $1", day)
}
