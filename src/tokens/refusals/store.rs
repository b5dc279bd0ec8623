//! The SQL of refusals.

use crate::{
    core::{
        level::Level,
        moment::Moment,
        remedy::{Now, Remedy},
        repository::Reach,
        token::Status,
        usage::Span,
    },
    platform::{
        collector::RefusalKey,
        db::{Connection, Tx, execute, fetch, record},
    },
};

/// Counts a refusal on the row of its equals. One whose last is before `since` begins anew.
pub async fn add(tx: &mut Tx, id: &str, key: &RefusalKey, span: Span, since: Moment) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO refusal (id, account_id, token_id, code, repository, address, client, description, first_at,
                              last_at, times)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (account_id, token_id, code, repository, address, client) DO UPDATE SET
           times = CASE WHEN refusal.last_at < $12 THEN $11 ELSE refusal.times + $11 END,
           first_at = CASE WHEN refusal.last_at < $12 THEN $9 ELSE refusal.first_at END,
           last_at = $10, description = $8",
        id,
        &key.account_id,
        &key.token_id,
        key.code,
        &key.repository,
        &key.address,
        &key.client,
        &key.description,
        span.first_at.millis(),
        span.last_at.millis(),
        span.times,
        since.millis(),
    )
}

/// Keeps the latest `kept` lines of an account.
pub async fn prune(tx: &mut Tx, account_id: &str, kept: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM refusal WHERE account_id = $1 AND id NOT IN
           (SELECT id FROM refusal WHERE account_id = $1 ORDER BY last_at DESC, id DESC LIMIT $2)",
        account_id,
        kept,
    )
}

/// Whether the token is there to count on.
pub async fn has_token(connection: &mut impl Connection, token_id: &str) -> sqlx::Result<bool> {
    let found = fetch!(fetch_optional, connection, (String,), "SELECT id FROM token WHERE id = $1", token_id)?;
    Ok(found.is_some())
}

record! {
    struct RefusedRecord {
        token_id: String,
        code: String,
        repository: String,
        address: String,
        client: String,
        description: String,
        first_at: i64,
        last_at: i64,
        times: i64,
        is_active: Option<bool>,
        expires_at: Option<i64>,
        level: Option<String>,
        repositories: Option<String>,
        is_deleted: bool,
    }
}

/// A line of "Recent refusals".
#[derive(Debug)]
pub struct Refused {
    /// The token; it may be deleted.
    pub token_id: String,
    /// What it was for.
    pub description: String,
    /// The refusal's code.
    pub code: String,
    /// The first repository that was asked for; may be empty.
    pub repository: String,
    /// From where.
    pub address: String,
    /// With which program, its `User-Agent`.
    pub client: String,
    /// When, and how often.
    pub span: Span,
    /// What mends it.
    pub remedy: Remedy,
}

impl RefusedRecord {
    fn into_refused(self, now: Moment) -> Refused {
        let token = match (self.is_active, self.level.as_deref().and_then(Level::parse)) {
            (Some(is_active), Some(level)) => Now::There {
                status: Status::at(now, is_active, self.expires_at.map(Moment::from_millis)),
                reach: Reach::from_stored(self.repositories),
                level,
            },
            _ if self.is_deleted => Now::Deleted,
            _ => Now::Gone,
        };
        let (first_at, last_at) = (Moment::from_millis(self.first_at), Moment::from_millis(self.last_at));
        Refused {
            remedy: Remedy::of(&self.code, &self.repository, &token),
            span: Span { first_at, last_at, times: self.times },
            token_id: self.token_id,
            description: self.description,
            code: self.code,
            repository: self.repository,
            address: self.address,
            client: self.client,
        }
    }
}

/// An account's latest lines after `since`, newest first.
pub async fn recent(
    connection: &mut impl Connection,
    account_id: &str,
    since: Moment,
    now: Moment,
    most: i64,
) -> sqlx::Result<Vec<Refused>> {
    let records = fetch!(
        fetch_all,
        connection,
        RefusedRecord,
        "SELECT refusal.token_id, refusal.code, refusal.repository, refusal.address, refusal.client,
                refusal.description, refusal.first_at, refusal.last_at, refusal.times,
                token.is_active, token.expires_at, token.level, token.repositories,
                EXISTS (SELECT 1 FROM deleted_token WHERE deleted_token.token_id = refusal.token_id) AS is_deleted
         FROM refusal LEFT JOIN token ON token.id = refusal.token_id
         WHERE refusal.account_id = $1 AND refusal.last_at > $2
         ORDER BY refusal.last_at DESC, refusal.id DESC LIMIT $3",
        account_id,
        since.millis(),
        most,
    )?;
    Ok(records.into_iter().map(|record| record.into_refused(now)).collect())
}

pub async fn dismiss(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM refusal WHERE account_id = $1", account_id)
}

pub async fn forget_before(tx: &mut Tx, moment: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM refusal WHERE last_at < $1", moment.millis())
}
