//! The SQL of authenticating with a token.

use dockpass_core::access_level::AccessLevel;
use dockpass_core::permission_check::Principal;
use dockpass_core::repository::RepositoryFilter;
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::Description;

use crate::platform::database::{Connection, Db, Tx, execute, fetch, row, unreadable};

row! {
    struct FoundRow {
        id: String,
        account_id: String,
        description: String,
        level: String,
        repositories: Option<String>,
        is_active: bool,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        refreshed_at: Option<i64>,
        unused_generation: Option<i64>,
        username: String,
        is_admin: bool,
        disabled_at: Option<i64>,
        closed_at: Option<i64>,
    }
}

impl FoundRow {
    fn into_found(self) -> sqlx::Result<FoundToken> {
        let used_at = self.last_used_at.unwrap_or(self.created_at);
        let last_at = self.refreshed_at.map_or(used_at, |refreshed_at| refreshed_at.max(used_at));
        let level = AccessLevel::parse(&self.level).ok_or_else(|| unreadable("token.level", &self.level))?;
        let repository_filter = RepositoryFilter::from_stored(self.repositories);
        let description = Description::from_stored(self.description);
        Ok(FoundToken {
            known: KnownToken {
                token_id: self.id,
                account_id: self.account_id,
                username: self.username.clone(),
                description,
            },
            principal: Principal { username: self.username, is_admin: self.is_admin, level, repository_filter },
            is_active: self.is_active,
            unused_generation: self.unused_generation,
            expires_at: self.expires_at.map(Timestamp::from_millis),
            last_at: Timestamp::from_millis(last_at),
            account_is_disabled: self.disabled_at.is_some() || self.closed_at.is_some(),
        })
    }
}

/// A real token, whether it works or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    pub token_id: String,
    pub account_id: String,
    /// The owner's.
    pub username: String,
    pub description: Description,
}

/// A token, with what a token request needs to know of its account.
#[derive(Debug)]
pub struct FoundToken {
    pub known: KnownToken,
    pub principal: Principal,
    pub is_active: bool,
    /// The generation of the device's secrets, if this is its first use.
    pub unused_generation: Option<i64>,
    pub expires_at: Option<Timestamp>,
    /// The last use or the last refresh of the device's session, whichever is later; else the creation.
    pub last_at: Timestamp,
    pub account_is_disabled: bool,
}

/// The query for a token, its account and its device's session, by a condition on the token.
macro_rules! read {
    ($condition:literal) => {
        concat!(
            "SELECT token.id, token.account_id, token.description, token.level, token.repositories,
                    token.is_active, token.created_at, token.expires_at, token.last_used_at,
                    device_session.refreshed_at,
                    CASE WHEN device_session.generation > device_session.used_generation
                         THEN device_session.generation END AS unused_generation,
                    account.username, account.is_admin, account.disabled_at, account.closed_at
             FROM token JOIN account ON account.id = token.account_id
             LEFT JOIN device_session ON device_session.token_id = token.id
             WHERE ",
            $condition
        )
    };
}

/// The one read of a token request.
pub async fn find_by_secret(db: &Db, secret: &SecretHash) -> sqlx::Result<Option<FoundToken>> {
    let sql = read!("token.secret_hash = $1");
    let row = fetch!(fetch_optional, &mut db.read().await?, FoundRow, sql, secret.as_bytes())?;
    row.map(FoundRow::into_found).transpose()
}

/// The token with a secret that a refresh replaced and that still works. It is found by its id: the next refresh may
/// replace its new secret meanwhile.
pub async fn find_replaced(
    connection: &mut impl Connection,
    secret: &SecretHash,
    now: Timestamp,
) -> sqlx::Result<Option<FoundToken>> {
    fetch!(
        fetch_optional,
        connection,
        FoundRow,
        read!("token.id = (SELECT token_id FROM previous_secret WHERE secret_hash = $1 AND works_until > $2)"),
        secret.as_bytes(),
        now.millis()
    )?
    .map(FoundRow::into_found)
    .transpose()
}

/// Notes that a device used the secret that a refresh gave it.
pub async fn note_used_generation(tx: &mut Tx, token_id: &str, generation: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE device_session SET used_generation = $2 WHERE token_id = $1 AND used_generation < $2",
        token_id,
        generation,
    )
}

/// A deleted token, its owner's name, and when it was deleted.
pub async fn find_deleted(
    connection: &mut impl Connection,
    secret: &SecretHash,
) -> sqlx::Result<Option<(KnownToken, String, Timestamp)>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String, String, String, String, i64),
        "SELECT deleted_token.token_id, account.id, account.username, deleted_token.description,
                deleted_token.deleted_at
         FROM deleted_token JOIN account ON account.id = deleted_token.account_id
         WHERE deleted_token.secret_hash = $1",
        secret.as_bytes(),
    )?;
    Ok(row.map(|(token_id, account_id, username, description, deleted_at)| {
        let description = Description::from_stored(description);
        let known = KnownToken { token_id, account_id, username: username.clone(), description };
        (known, username, Timestamp::from_millis(deleted_at))
    }))
}
