//! The SQL of access tokens.

use crate::{
    core::{
        account::Account,
        level::Level,
        moment::Moment,
        secret::SecretHash,
        token::{AccessToken, Description, Source},
        username::Username,
    },
    platform::db::{Connection, Tx, execute, fetch, record},
};

record! {
    struct TokenRecord {
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
    fn into_token(self) -> sqlx::Result<AccessToken> {
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
        description: String,
        level: String,
        is_active: bool,
        expires_at: Option<i64>,
        username: String,
        disabled_at: Option<i64>,
    }
}

/// A token with what must be known of its account when it is presented.
#[derive(Debug)]
pub struct Presented {
    pub id: String,
    pub description: Description,
    pub level: Level,
    pub is_active: bool,
    pub expires_at: Option<Moment>,
    pub username: Username,
    pub account_is_disabled: bool,
}

/// Newest first.
pub async fn list(connection: &mut impl Connection, account: &Account) -> sqlx::Result<Vec<AccessToken>> {
    let records = fetch!(
        fetch_all,
        connection,
        TokenRecord,
        "SELECT id, account_id, description, hint, level, is_active, source, created_at, expires_at, last_used_at
         FROM token WHERE account_id = $1 ORDER BY created_at DESC, id DESC",
        &account.id,
    )?;
    records.into_iter().map(TokenRecord::into_token).collect()
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
        "SELECT token.id, token.description, token.level, token.is_active, token.expires_at,
                account.username, account.disabled_at
         FROM token JOIN account ON account.id = token.account_id WHERE token.secret_hash = $1",
        secret.as_bytes(),
    )?;
    let read = |record: PresentedRecord| {
        Ok(Presented {
            id: record.id,
            description: Description::from_stored(record.description),
            level: Level::parse(&record.level).ok_or_else(|| unreadable("token.level", &record.level))?,
            is_active: record.is_active,
            expires_at: record.expires_at.map(Moment::from_millis),
            username: Username::from_stored(record.username),
            account_is_disabled: record.disabled_at.is_some(),
        })
    };
    record.map(read).transpose()
}

/// A deleted token's owner, description and time of deletion.
pub async fn find_deleted(
    connection: &mut impl Connection,
    secret: &SecretHash,
) -> sqlx::Result<Option<(Username, Description, Moment)>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String, String, i64),
        "SELECT account.username, deleted_token.description, deleted_token.deleted_at
         FROM deleted_token JOIN account ON account.id = deleted_token.account_id
         WHERE deleted_token.secret_hash = $1",
        secret.as_bytes(),
    )?;
    Ok(row.map(|(username, description, at)| {
        (Username::from_stored(username), Description::from_stored(description), Moment::from_millis(at))
    }))
}

pub async fn insert(tx: &mut Tx, token: &AccessToken, secret: &SecretHash) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token (id, account_id, secret_hash, description, hint, level, is_active, source, created_at,
                            expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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

/// An expired token is left as it is.
pub async fn update(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    description: &Description,
    level: Level,
    now: Moment,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE token SET description = $3, level = $4
         WHERE id = $1 AND account_id = $2 AND (expires_at IS NULL OR expires_at > $5)",
        id,
        &account.id,
        description.as_str(),
        level.as_str(),
        now.millis(),
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
