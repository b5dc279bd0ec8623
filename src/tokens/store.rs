//! The SQL of access tokens.

use crate::{
    core::{
        account::Account,
        level::Level,
        moment::Moment,
        quota::{self, Used},
        secret::SecretHash,
        token::{AccessToken, Description, Source},
        username::Username,
    },
    platform::db::{Connection, Tx, execute, fetch, record},
};

record! {
    /// A row of the table, as every list reads it.
    pub struct TokenRecord {
        id: String,
        account_id: String,
        description: String,
        hint: String,
        level: String,
        is_active: bool,
        source: String,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
    }
}

impl TokenRecord {
    pub fn into_token(self) -> sqlx::Result<AccessToken> {
        Ok(AccessToken {
            id: self.id,
            account_id: self.account_id,
            description: Description::from_stored(self.description),
            hint: self.hint,
            level: Level::parse(&self.level).ok_or_else(|| unreadable("token.level", &self.level))?,
            is_active: self.is_active,
            source: Source::parse(&self.source).ok_or_else(|| unreadable("token.source", &self.source))?,
            created_at: Moment::from_millis(self.created_at),
            expires_at: self.expires_at.map(Moment::from_millis),
            last_used_at: self.last_used_at.map(Moment::from_millis),
        })
    }
}

fn unreadable(column: &str, value: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} holds {value:?}").into())
}

record! {
    struct PresentedRecord {
        id: String,
        account_id: String,
        description: String,
        level: String,
        is_active: bool,
        expires_at: Option<i64>,
        username: String,
        disabled_at: Option<i64>,
        closed_at: Option<i64>,
    }
}

/// A token with what must be known of its account when it is presented.
#[derive(Debug)]
pub struct Presented {
    pub id: String,
    pub account_id: String,
    pub description: Description,
    pub level: Level,
    pub is_active: bool,
    pub expires_at: Option<Moment>,
    pub username: Username,
    pub account_is_disabled: bool,
}

/// Makes everyone else who would make a token for this account wait for this transaction: what is counted now is
/// still right when it commits. (SQLite has one writer anyway; on PostgreSQL the row is locked.)
pub async fn lock_account(tx: &mut Tx, account: &Account) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET username = username WHERE id = $1", &account.id)
}

pub async fn used(connection: &mut impl Connection, account: &Account, now: Moment) -> sqlx::Result<Used> {
    let (tokens, first_end) = fetch!(
        fetch_one,
        connection,
        (i64, Option<i64>),
        "SELECT COUNT(*), MIN(expires_at) FROM token
         WHERE account_id = $1 AND source = 'manual' AND (expires_at IS NULL OR expires_at > $2)",
        &account.id,
        now.millis(),
    )?;
    let (creations, first_creation) = fetch!(
        fetch_one,
        connection,
        (i64, Option<i64>),
        "SELECT COUNT(*), MIN(created_at) FROM token_creation WHERE account_id = $1 AND created_at > $2",
        &account.id,
        (now - quota::HOUR).millis(),
    )?;
    Ok(Used {
        tokens,
        first_end: first_end.map(Moment::from_millis),
        creations,
        first_creation: first_creation.map(Moment::from_millis),
    })
}

pub async fn note_creation(tx: &mut Tx, account: &Account, token_id: &str, now: Moment) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token_creation (id, account_id, created_at) VALUES ($1, $2, $3)",
        token_id,
        &account.id,
        now.millis(),
    )
}

pub async fn forget_creations_before(tx: &mut Tx, moment: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM token_creation WHERE created_at < $1", moment.millis())
}

pub async fn find(connection: &mut impl Connection, account: &Account, id: &str) -> sqlx::Result<Option<AccessToken>> {
    let record = fetch!(
        fetch_optional,
        connection,
        TokenRecord,
        "SELECT id, account_id, description, hint, level, is_active, source, created_at, expires_at, last_used_at
         FROM token WHERE id = $1 AND account_id = $2",
        id,
        &account.id,
    )?;
    record.map(TokenRecord::into_token).transpose()
}

/// The one read of the token endpoint.
pub async fn find_presented(connection: &mut impl Connection, secret: &SecretHash) -> sqlx::Result<Option<Presented>> {
    let record = fetch!(
        fetch_optional,
        connection,
        PresentedRecord,
        "SELECT token.id, token.account_id, token.description, token.level, token.is_active, token.expires_at,
                account.username, account.disabled_at, account.closed_at
         FROM token JOIN account ON account.id = token.account_id WHERE token.secret_hash = $1",
        secret.as_bytes(),
    )?;
    let read = |record: PresentedRecord| {
        Ok(Presented {
            id: record.id,
            account_id: record.account_id,
            description: Description::from_stored(record.description),
            level: Level::parse(&record.level).ok_or_else(|| unreadable("token.level", &record.level))?,
            is_active: record.is_active,
            expires_at: record.expires_at.map(Moment::from_millis),
            username: Username::from_stored(record.username),
            account_is_disabled: record.disabled_at.is_some() || record.closed_at.is_some(),
        })
    };
    record.map(read).transpose()
}

/// What is kept of a deleted token.
#[derive(Debug)]
pub struct Deleted {
    pub account_id: String,
    pub username: Username,
    pub description: Description,
    pub deleted_at: Moment,
}

pub async fn find_deleted(connection: &mut impl Connection, secret: &SecretHash) -> sqlx::Result<Option<Deleted>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String, String, String, i64),
        "SELECT account.id, account.username, deleted_token.description, deleted_token.deleted_at
         FROM deleted_token JOIN account ON account.id = deleted_token.account_id
         WHERE deleted_token.secret_hash = $1",
        secret.as_bytes(),
    )?;
    Ok(row.map(|(account_id, username, description, deleted_at)| Deleted {
        account_id,
        username: Username::from_stored(username),
        description: Description::from_stored(description),
        deleted_at: Moment::from_millis(deleted_at),
    }))
}

pub async fn insert(tx: &mut Tx, token: &AccessToken, secret: &SecretHash) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token (id, account_id, secret_hash, description, hint, level, is_active, source, created_at,
                            expires_at, description_folded)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &token.id,
        &token.account_id,
        secret.as_bytes(),
        token.description.as_str(),
        &token.hint,
        token.level.as_str(),
        token.is_active,
        token.source.as_str(),
        token.created_at.millis(),
        token.expires_at.map(Moment::millis),
        token.description.as_str().to_lowercase(),
    )
}

/// Whether the key was not spent before.
pub async fn spend_form_key(tx: &mut Tx, key: &SecretHash, now: Moment) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO spent_form_key (key_hash, spent_at) VALUES ($1, $2) ON CONFLICT (key_hash) DO NOTHING",
        key.as_bytes(),
        now.millis(),
    )?;
    Ok(rows == 1)
}

/// An expired token is left as it is, and so is one whose level is no longer the one that was seen before.
pub async fn update(
    tx: &mut Tx,
    account: &Account,
    before: &AccessToken,
    description: &Description,
    level: Level,
    now: Moment,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE token SET description = $3, description_folded = $6, level = $4
         WHERE id = $1 AND account_id = $2 AND level = $7 AND (expires_at IS NULL OR expires_at > $5)",
        &before.id,
        &account.id,
        description.as_str(),
        level.as_str(),
        now.millis(),
        description.as_str().to_lowercase(),
        before.level.as_str(),
    )
}

/// An expired token is left as it is.
pub async fn switch(tx: &mut Tx, account: &Account, id: &str, is_active: bool, now: Moment) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE token SET is_active = $3
         WHERE id = $1 AND account_id = $2 AND (expires_at IS NULL OR expires_at > $4)",
        id,
        &account.id,
        is_active,
        now.millis(),
    )
}

/// Deletes it and leaves its tombstone; the description of what was deleted.
pub async fn delete(tx: &mut Tx, account: &Account, id: &str, now: Moment) -> sqlx::Result<Option<Description>> {
    let row = fetch!(
        fetch_optional,
        tx,
        (Vec<u8>, String),
        "DELETE FROM token WHERE id = $1 AND account_id = $2 RETURNING secret_hash, description",
        id,
        &account.id,
    )?;
    let Some((secret_hash, description)) = row else { return Ok(None) };
    execute!(
        tx,
        "INSERT INTO deleted_token (secret_hash, account_id, description, deleted_at) VALUES ($1, $2, $3, $4)",
        secret_hash,
        &account.id,
        &description,
        now.millis(),
    )?;
    Ok(Some(Description::from_stored(description)))
}

/// Deletes all tokens of an account and leaves their tombstones; how many.
pub async fn delete_all(tx: &mut Tx, account: &Account, now: Moment) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO deleted_token (secret_hash, account_id, description, deleted_at)
         SELECT secret_hash, account_id, description, $2 FROM token WHERE account_id = $1",
        &account.id,
        now.millis(),
    )?;
    execute!(tx, "DELETE FROM token WHERE account_id = $1", &account.id)
}

pub async fn record_use(tx: &mut Tx, id: &str, at: Moment) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE token SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        id,
        at.millis(),
    )
}

pub async fn forget_deleted_before(tx: &mut Tx, moment: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM deleted_token WHERE deleted_at < $1", moment.millis())
}

pub async fn forget_form_keys_before(tx: &mut Tx, moment: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM spent_form_key WHERE spent_at < $1", moment.millis())
}
