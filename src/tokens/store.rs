//! The SQL of access tokens.

use dockpass_core::access_level::AccessLevel;
use dockpass_core::account::Account;
use dockpass_core::activity::ClientInfo;
use dockpass_core::device_session::SlotToken;
use dockpass_core::quota::{self, QuotaUsage};
use dockpass_core::repository::RepositoryFilter;
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::{AccessToken, Description, TokenFields, TokenSource, TokenTemplate};
use dockpass_core::usage::{TokenUse, UseAction};

use crate::platform::database::{Connection, Tx, execute, fetch, row, unreadable};

row! {
    /// A token as the database has it.
    pub struct TokenRow {
        id: String,
        account_id: String,
        description: String,
        hint: String,
        level: String,
        repositories: Option<String>,
        is_active: bool,
        source: String,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        last_used_action: Option<String>,
        last_used_repository: Option<String>,
        last_used_address: Option<String>,
        last_used_client: Option<String>,
    }
}

/// The columns of a [`TokenRow`].
macro_rules! columns {
    () => {
        "id, account_id, description, hint, level, repositories, is_active, source, created_at, expires_at,
         last_used_at, last_used_action, last_used_repository, last_used_address, last_used_client"
    };
}

pub(super) const COLUMNS: &str = columns!();

/// A query that reads a [`TokenRow`], by what follows the table's name.
macro_rules! select_tokens {
    ($rest:literal) => {
        concat!("SELECT ", $crate::tokens::store::columns!(), " FROM token ", $rest)
    };
}

pub(super) use {columns, select_tokens};

impl TokenRow {
    pub fn into_token(self) -> sqlx::Result<AccessToken> {
        Ok(AccessToken {
            id: self.id,
            account_id: self.account_id,
            description: Description::from_stored(self.description),
            hint: self.hint,
            level: AccessLevel::parse(&self.level).ok_or_else(|| unreadable("token.level", &self.level))?,
            repository_filter: RepositoryFilter::from_stored(self.repositories),
            is_active: self.is_active,
            source: TokenSource::parse(&self.source).ok_or_else(|| unreadable("token.source", &self.source))?,
            created_at: Timestamp::from_millis(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_millis),
            last_used_at: self.last_used_at.map(Timestamp::from_millis),
            last_use: self.last_used_action.as_deref().and_then(UseAction::parse).map(|action| TokenUse {
                action,
                repository: self.last_used_repository.unwrap_or_default(),
                reference: String::new(),
                digest: String::new(),
                origin: ClientInfo {
                    address: self.last_used_address.unwrap_or_default(),
                    client: self.last_used_client.unwrap_or_default(),
                },
            }),
        })
    }
}

/// Makes other transactions that create a token for this account wait for this one, so that the counts are still right
/// when it commits. (SQLite has one writer anyway; PostgreSQL locks the row.)
pub async fn lock_account(tx: &mut Tx, account: &Account) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET username = username WHERE id = $1", &account.id)
}

/// How much of its quota an account uses.
pub async fn used(connection: &mut impl Connection, account: &Account, now: Timestamp) -> sqlx::Result<QuotaUsage> {
    // The list needs the number of all tokens anyway. Auto-generated and expired tokens are usually few, so subtracting them is
    // cheaper than counting an account's thousands of tokens a second time.
    let (all_tokens, auto_generated, expired, first_expires_at) = fetch!(
        fetch_one,
        connection,
        (i64, i64, i64, Option<i64>),
        "SELECT (SELECT COUNT(*) FROM token WHERE account_id = $1),
                (SELECT COUNT(*) FROM token WHERE account_id = $1 AND source = 'auto-generated'),
                (SELECT COUNT(*) FROM token WHERE account_id = $1 AND source = 'manual' AND expires_at <= $2),
                (SELECT MIN(expires_at) FROM token WHERE account_id = $1 AND source = 'manual' AND expires_at > $2)",
        &account.id,
        now.millis(),
    )?;
    let (creations, first_created_at) = fetch!(
        fetch_one,
        connection,
        (i64, Option<i64>),
        "SELECT COUNT(*), MIN(created_at) FROM token_creation WHERE account_id = $1 AND created_at > $2",
        &account.id,
        (now - quota::HOUR).millis(),
    )?;
    Ok(QuotaUsage {
        tokens: all_tokens - auto_generated - expired,
        all_tokens,
        first_expires_at: first_expires_at.map(Timestamp::from_millis),
        creations,
        first_created_at: first_created_at.map(Timestamp::from_millis),
    })
}

pub async fn note_creation(tx: &mut Tx, account: &Account, token_id: &str, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token_creation (id, account_id, created_at) VALUES ($1, $2, $3)",
        token_id,
        &account.id,
        now.millis(),
    )
}

pub async fn forget_creations_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM token_creation WHERE created_at < $1", before.millis())
}

pub async fn find(connection: &mut impl Connection, account: &Account, id: &str) -> sqlx::Result<Option<AccessToken>> {
    let row = fetch!(
        fetch_optional,
        connection,
        TokenRow,
        select_tokens!("WHERE id = $1 AND account_id = $2"),
        id,
        &account.id,
    )?;
    row.map(TokenRow::into_token).transpose()
}

pub async fn insert(tx: &mut Tx, token: &AccessToken, secret: &SecretHash) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO token (id, account_id, secret_hash, description, hint, level, is_active, source, created_at,
                            expires_at, description_folded, repositories)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &token.id,
        &token.account_id,
        secret.as_bytes(),
        token.description.as_str(),
        &token.hint,
        token.level.as_str(),
        token.is_active,
        token.source.as_str(),
        token.created_at.millis(),
        token.expires_at.map(Timestamp::millis),
        token.description.as_str().to_lowercase(),
        token.repository_filter.to_stored(),
    )
}

/// Spends a form's key; `false` if it was spent before.
pub async fn spend_form_key(tx: &mut Tx, key: &SecretHash, now: Timestamp) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO spent_form_key (key_hash, spent_at) VALUES ($1, $2) ON CONFLICT (key_hash) DO NOTHING",
        key.as_bytes(),
        now.millis(),
    )?;
    Ok(rows == 1)
}

/// Changes a token, unless it expired or its level or repositories changed since `before` was read.
pub async fn update(
    tx: &mut Tx,
    account: &Account,
    before: &AccessToken,
    after: &TokenFields,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE token SET description = $3, description_folded = $6, level = $4, repositories = $8
         WHERE id = $1 AND account_id = $2 AND level = $7 AND COALESCE(repositories, '') = $9
           AND (expires_at IS NULL OR expires_at > $5)",
        &before.id,
        &account.id,
        after.description.as_str(),
        after.level.as_str(),
        now.millis(),
        after.description.as_str().to_lowercase(),
        before.level.as_str(),
        after.repository_filter.to_stored(),
        before.repository_filter.to_stored().unwrap_or_default(),
    )
}

/// Activates or deactivates a token, unless it expired.
pub async fn switch(tx: &mut Tx, account: &Account, id: &str, is_active: bool, now: Timestamp) -> sqlx::Result<u64> {
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

/// Deletes a token and leaves a tombstone; returns its description.
pub async fn delete(tx: &mut Tx, account: &Account, id: &str, now: Timestamp) -> sqlx::Result<Option<Description>> {
    // The lock comes first: a refresh in between would leave a secret without a tombstone.
    let row = fetch!(
        fetch_optional,
        tx,
        (String,),
        "UPDATE token SET is_active = is_active WHERE id = $1 AND account_id = $2 RETURNING description",
        id,
        &account.id,
    )?;
    let Some((description,)) = row else { return Ok(None) };
    bury(tx, account, id, now).await?;
    Ok(Some(Description::from_stored(description)))
}

/// Deletes all tokens of an account and leaves tombstones; returns how many.
pub async fn delete_all(tx: &mut Tx, account: &Account, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE token SET is_active = is_active WHERE account_id = $1", &account.id)?;
    bury(tx, account, "", now).await
}

/// Deletes a token of an account, or all if `id` is empty, and leaves a tombstone for each secret that works. A
/// device's token may have two: the one that a refresh has just replaced works for another moment.
async fn bury(tx: &mut Tx, account: &Account, id: &str, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO deleted_token (secret_hash, account_id, description, deleted_at, token_id, level, repositories,
                                    created_at, expires_at)
         SELECT secret_hash, account_id, description, $2, id, level, repositories, created_at, expires_at
         FROM token WHERE account_id = $1 AND ($3 = '' OR id = $3)
         UNION ALL
         SELECT previous_secret.secret_hash, account_id, description, $2, id, level, repositories, created_at, expires_at
         FROM previous_secret JOIN token ON token.id = previous_secret.token_id
         WHERE account_id = $1 AND ($3 = '' OR id = $3) AND works_until > $2",
        &account.id,
        now.millis(),
        id,
    )?;
    execute!(tx, "DELETE FROM token WHERE account_id = $1 AND ($2 = '' OR id = $2)", &account.id, id)
}

/// What a new token takes over from a deleted one.
pub async fn find_like(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> sqlx::Result<Option<TokenTemplate>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String, String, Option<String>, i64, Option<i64>),
        "SELECT description, level, repositories, created_at, expires_at FROM deleted_token
         WHERE token_id = $1 AND account_id = $2",
        id,
        &account.id,
    )?;
    let read = |(description, level, repositories, created_at, expires_at): (String, String, _, i64, Option<i64>)| {
        Ok(TokenTemplate {
            fields: TokenFields {
                description: Description::from_stored(description),
                level: AccessLevel::parse(&level).ok_or_else(|| unreadable("deleted_token.level", &level))?,
                repository_filter: RepositoryFilter::from_stored(repositories),
            },
            created_at: Timestamp::from_millis(created_at),
            expires_at: expires_at.map(Timestamp::from_millis),
        })
    };
    row.map(read).transpose()
}

pub async fn forget_deleted_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM deleted_token WHERE deleted_at < $1", before.millis())
}

pub async fn forget_form_keys_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM spent_form_key WHERE spent_at < $1", before.millis())
}

/// The auto-generated tokens of an account.
pub async fn auto_generated(connection: &mut impl Connection, account: &Account) -> sqlx::Result<Vec<SlotToken>> {
    let records = fetch!(
        fetch_all,
        connection,
        (String, String, i64, Option<i64>, Option<i64>, i64),
        "SELECT token.id, token.description, token.created_at, token.expires_at, token.last_used_at,
                device_session.refreshed_at
         FROM token JOIN device_session ON device_session.token_id = token.id
         WHERE token.account_id = $1 AND token.source = 'auto-generated'",
        &account.id,
    )?;
    let read = |(token_id, description, created_at, expires_at, last_used_at, refreshed_at)| {
        let (expires_at, used_at): (Option<i64>, i64) = (expires_at, Option::unwrap_or(last_used_at, created_at));
        SlotToken {
            token_id,
            description: Description::from_stored(description),
            created_at: Timestamp::from_millis(created_at),
            used_at: Timestamp::from_millis(used_at),
            last_at: Timestamp::from_millis(used_at.max(refreshed_at)),
            ends_at: expires_at.map_or(Timestamp::NEVER, Timestamp::from_millis),
        }
    };
    Ok(records.into_iter().map(read).collect())
}

/// The number of tokens that expire after `after` and until `until`.
pub async fn count_expiring(
    connection: &mut impl Connection,
    source: TokenSource,
    is_active: bool,
    after: Timestamp,
    until: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        // SQLite uses the index only with a comparison.
        "SELECT COUNT(*) FROM token
         WHERE source = $1 AND is_active = $2 AND expires_at > $3 AND expires_at <= $4",
        source.as_str(),
        is_active,
        after.millis(),
        until.millis(),
    )?;
    Ok(count)
}

/// The number of tokens that never expire.
pub async fn count_never_expiring(
    connection: &mut impl Connection,
    source: TokenSource,
    is_active: bool,
) -> sqlx::Result<i64> {
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        "SELECT COUNT(*) FROM token WHERE source = $1 AND is_active = $2 AND expires_at IS NULL",
        source.as_str(),
        is_active,
    )?;
    Ok(count)
}
