//! The SQL of accounts.

use dockpass_core::account::Account;
use dockpass_core::password::PasswordDigest;
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::Username;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

row! {
    struct AccountRow {
        id: String,
        username: String,
        password_hash: String,
        credentials_version: i64,
        is_admin: bool,
        disabled_at: Option<i64>,
        display_name: Option<String>,
        language: Option<String>,
        theme: Option<String>,
        time_zone: Option<String>,
        calendar_hash: Option<Vec<u8>>,
        totp_sealed: Option<Vec<u8>>,
        closed_at: Option<i64>,
        created_at: i64,
    }
}

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT id, username, password_hash, credentials_version, is_admin, disabled_at, display_name, language,
                    theme, time_zone, calendar_hash, totp_sealed, closed_at, created_at FROM account WHERE ",
            $where
        )
    };
}

impl AccountRow {
    fn into_account(self) -> (Account, PasswordDigest) {
        let account = Account {
            id: self.id,
            username: Username::from_stored(self.username),
            is_admin: self.is_admin,
            credentials_version: self.credentials_version,
            disabled_at: self.disabled_at.map(Timestamp::from_millis),
            display_name: self.display_name,
            language: self.language,
            theme: self.theme,
            time_zone: self.time_zone,
            has_calendar: self.calendar_hash.is_some(),
            has_second_factor: self.totp_sealed.is_some(),
            closed_at: self.closed_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(self.created_at),
        };
        (account, PasswordDigest::from_stored(self.password_hash))
    }
}

pub async fn find(connection: &mut impl Connection, id: &str) -> sqlx::Result<Option<Account>> {
    let row = fetch!(fetch_optional, connection, AccountRow, select!("id = $1"), id)?;
    Ok(row.map(|row| row.into_account().0))
}

pub async fn find_by_username(
    connection: &mut impl Connection,
    username: &str,
) -> sqlx::Result<Option<(Account, PasswordDigest)>> {
    let row = fetch!(fetch_optional, connection, AccountRow, select!("username = $1"), username)?;
    Ok(row.map(AccountRow::into_account))
}

pub async fn find_by_calendar(connection: &mut impl Connection, secret: &SecretHash) -> sqlx::Result<Option<Account>> {
    let row = fetch!(fetch_optional, connection, AccountRow, select!("calendar_hash = $1"), secret.as_bytes())?;
    Ok(row.map(|row| row.into_account().0))
}

/// Inserts an account; `false` if the name is taken. The name of a closed account stays taken, and so does a namespace
/// in which the administrators have or had repositories: the new account would inherit them. Transactions that reserve
/// a namespace lock the same row, so that one waits for the other.
pub async fn insert(tx: &mut Tx, account: &Account, digest: &PasswordDigest) -> sqlx::Result<bool> {
    execute!(tx, "UPDATE installation SET set_up_at = set_up_at WHERE id = 1")?;
    let rows = execute!(
        tx,
        "INSERT INTO account (id, username, password_hash, is_admin, created_at)
         SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM reserved_namespace WHERE namespace = $2)
         ON CONFLICT (username) DO NOTHING",
        &account.id,
        account.username.as_str(),
        digest.as_str(),
        account.is_admin,
        account.created_at.millis(),
    )?;
    Ok(rows == 1)
}

/// Replaces the digest only if it is still `verified`, so that a password that was changed meanwhile stays changed.
pub async fn replace_digest(
    tx: &mut Tx,
    account_id: &str,
    verified: &PasswordDigest,
    renewed: &PasswordDigest,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        account_id,
        verified.as_str(),
        renewed.as_str(),
    )
}

/// Makes other changes of the account's credentials wait for this transaction; 0 if one came first.
pub async fn lock_version(tx: &mut Tx, account: &Account) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET credentials_version = credentials_version WHERE id = $1 AND credentials_version = $2",
        &account.id,
        account.credentials_version,
    )
}

/// Raises the account's version, also that of the session `own`, and deletes the other sessions; how many.
pub async fn raise_version(tx: &mut Tx, account: &Account, own: Option<&SecretHash>) -> sqlx::Result<u64> {
    let own = own.map(|own| own.as_bytes().to_vec()).unwrap_or_default();
    execute!(tx, "UPDATE account SET credentials_version = credentials_version + 1 WHERE id = $1", &account.id)?;
    execute!(
        tx,
        "UPDATE session SET credentials_version = (SELECT credentials_version FROM account WHERE id = $1)
         WHERE account_id = $1 AND id_hash = $2",
        &account.id,
        own.as_slice(),
    )?;
    execute!(tx, "DELETE FROM session WHERE account_id = $1 AND id_hash <> $2", &account.id, own.as_slice())
}

pub async fn set_digest(tx: &mut Tx, account_id: &str, digest: &PasswordDigest) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET password_hash = $2 WHERE id = $1 AND closed_at IS NULL",
        account_id,
        digest.as_str(),
    )
}

/// `None` follows the browser.
pub async fn set_language(tx: &mut Tx, account: &Account, language: Option<&str>) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET language = $2 WHERE id = $1", &account.id, language)
}

/// `None` follows the system.
pub async fn set_theme(tx: &mut Tx, account: &Account, theme: Option<&str>) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET theme = $2 WHERE id = $1", &account.id, theme)
}

pub async fn set_profile(
    tx: &mut Tx,
    account: &Account,
    display_name: Option<&str>,
    time_zone: Option<&str>,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET display_name = $2, time_zone = $3, display_name_folded = $4 WHERE id = $1",
        &account.id,
        display_name,
        time_zone,
        display_name.unwrap_or_default().to_lowercase(),
    )
}

pub async fn note_seen(tx: &mut Tx, account: &Account, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET last_seen_at = $2 WHERE id = $1", &account.id, now.millis())
}

/// Makes other transactions that remove an administrator wait, so that the last two cannot go at once.
pub async fn lock_administrators(tx: &mut Tx) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE installation SET set_up_at = set_up_at WHERE id = 1")
}

/// Disables an enabled account, except the last administrator who can sign in.
pub async fn disable(tx: &mut Tx, account_id: &str, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET disabled_at = $2
         WHERE id = $1 AND disabled_at IS NULL AND closed_at IS NULL
           AND (NOT is_admin OR EXISTS (SELECT 1 FROM account AS other
                WHERE other.id <> $1 AND other.is_admin AND other.disabled_at IS NULL AND other.closed_at IS NULL))",
        account_id,
        now.millis(),
    )
}

pub async fn enable(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL AND closed_at IS NULL",
        account_id,
    )
}

/// Closes an account, except the last administrator who can sign in. The row keeps only the name.
pub async fn close(tx: &mut Tx, account_id: &str, nobody: &PasswordDigest, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET closed_at = $2, password_hash = $3, display_name = NULL, display_name_folded = '', time_zone = NULL,
                            calendar_hash = NULL, language = NULL, theme = NULL, totp_sealed = NULL,
                            totp_pending = NULL, recovery_salt = NULL
         WHERE id = $1 AND closed_at IS NULL
           AND (NOT is_admin OR EXISTS (SELECT 1 FROM account AS other
                WHERE other.id <> $1 AND other.is_admin AND other.disabled_at IS NULL AND other.closed_at IS NULL))",
        account_id,
        now.millis(),
        nobody.as_str(),
    )
}

pub async fn delete_recovery_codes(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM recovery_code WHERE account_id = $1", account_id)
}

pub async fn is_set_up(connection: &mut impl Connection) -> sqlx::Result<bool> {
    let row = fetch!(fetch_optional, connection, (i64,), "SELECT id FROM installation WHERE id = 1")?;
    Ok(row.is_some())
}

/// Whether this call set the installation up; of many callers at once only one did.
pub async fn mark_set_up(tx: &mut Tx, now: Timestamp) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO installation (id, set_up_at) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        now.millis(),
    )?;
    Ok(rows == 1)
}

/// A session in which an account is signed in.
#[derive(Debug)]
pub struct SignedInSession {
    /// The id that the page uses; it is no secret.
    pub public_id: String,
    pub id_hash: Vec<u8>,
    pub address: String,
    /// The browser.
    pub client: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
}

/// The last used first.
pub async fn sessions(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> sqlx::Result<Vec<SignedInSession>> {
    let records = fetch!(
        fetch_all,
        connection,
        (String, Vec<u8>, String, String, i64, i64),
        "SELECT COALESCE(public_id, ''), id_hash, COALESCE(address, ''), COALESCE(client, ''), created_at, last_seen_at
         FROM session WHERE account_id = $1 AND expires_at > $2 AND credentials_version = $3
         ORDER BY last_seen_at DESC, public_id",
        &account.id,
        now.millis(),
        account.credentials_version,
    )?;
    let session = |(public_id, id_hash, address, client, created_at, last_seen_at)| SignedInSession {
        public_id,
        id_hash,
        address,
        client,
        created_at: Timestamp::from_millis(created_at),
        last_seen_at: Timestamp::from_millis(last_seen_at),
    };
    Ok(records.into_iter().map(session).collect())
}

pub async fn delete_session(tx: &mut Tx, account_id: &str, public_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM session WHERE account_id = $1 AND public_id = $2", account_id, public_id)
}

pub async fn delete_setup_codes(tx: &mut Tx) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM setup_code")
}

/// Deletes the links that can set the account's password.
pub async fn delete_password_links(tx: &mut Tx, account: &Account) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM password_link WHERE account_id = $1", &account.id)
}
