//! The SQL of accounts.

use crate::{
    core::{account::Account, moment::Moment, password::PasswordDigest, secret::SecretHash, username::Username},
    platform::db::{Connection, Tx, execute, fetch, record},
};

record! {
    struct AccountRecord {
        id: String,
        username: String,
        password_hash: String,
        is_admin: bool,
        disabled_at: Option<i64>,
        display_name: Option<String>,
        language: Option<String>,
        theme: Option<String>,
        time_zone: Option<String>,
        calendar_hash: Option<Vec<u8>>,
        closed_at: Option<i64>,
        created_at: i64,
    }
}

macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT id, username, password_hash, is_admin, disabled_at, display_name, language, theme, time_zone,
                    calendar_hash, closed_at, created_at FROM account WHERE ",
            $where
        )
    };
}

impl AccountRecord {
    fn into_account(self) -> (Account, PasswordDigest) {
        let account = Account {
            id: self.id,
            username: Username::from_stored(self.username),
            is_admin: self.is_admin,
            disabled_at: self.disabled_at.map(Moment::from_millis),
            display_name: self.display_name,
            language: self.language,
            theme: self.theme,
            time_zone: self.time_zone,
            has_calendar: self.calendar_hash.is_some(),
            closed_at: self.closed_at.map(Moment::from_millis),
            created_at: Moment::from_millis(self.created_at),
        };
        (account, PasswordDigest::from_stored(self.password_hash))
    }
}

pub async fn find(connection: &mut impl Connection, id: &str) -> sqlx::Result<Option<Account>> {
    let record = fetch!(fetch_optional, connection, AccountRecord, select!("id = $1"), id)?;
    Ok(record.map(|record| record.into_account().0))
}

pub async fn find_by_username(
    connection: &mut impl Connection,
    username: &str,
) -> sqlx::Result<Option<(Account, PasswordDigest)>> {
    let record = fetch!(fetch_optional, connection, AccountRecord, select!("username = $1"), username)?;
    Ok(record.map(AccountRecord::into_account))
}

pub async fn find_by_calendar(connection: &mut impl Connection, secret: &SecretHash) -> sqlx::Result<Option<Account>> {
    let record = fetch!(fetch_optional, connection, AccountRecord, select!("calendar_hash = $1"), secret.as_bytes())?;
    Ok(record.map(|record| record.into_account().0))
}

/// Whether it was inserted: `false` where the name is taken, also by an account that was closed.
pub async fn insert(tx: &mut Tx, account: &Account, digest: &PasswordDigest) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO account (id, username, password_hash, is_admin, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (username) DO NOTHING",
        &account.id,
        account.username.as_str(),
        digest.as_str(),
        account.is_admin,
        account.created_at.millis(),
    )?;
    Ok(rows == 1)
}

/// Only while the digest is still the one that was verified: a password changed meanwhile stays changed.
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

pub async fn set_digest(tx: &mut Tx, account_id: &str, digest: &PasswordDigest) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET password_hash = $2 WHERE id = $1 AND closed_at IS NULL",
        account_id,
        digest.as_str(),
    )
}

pub async fn set_language(tx: &mut Tx, account_id: &str, language: Option<&str>) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET language = $2 WHERE id = $1", account_id, language)
}

pub async fn set_theme(tx: &mut Tx, account_id: &str, theme: Option<&str>) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET theme = $2 WHERE id = $1", account_id, theme)
}

pub async fn set_profile(
    tx: &mut Tx,
    account_id: &str,
    display_name: Option<&str>,
    time_zone: Option<&str>,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET display_name = $2, time_zone = $3 WHERE id = $1",
        account_id,
        display_name,
        time_zone,
    )
}

pub async fn set_calendar(tx: &mut Tx, account_id: &str, secret: &SecretHash) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET calendar_hash = $2 WHERE id = $1", account_id, secret.as_bytes())
}

pub async fn note_seen(tx: &mut Tx, account_id: &str, now: Moment) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET last_seen_at = $2 WHERE id = $1", account_id, now.millis())
}

/// Makes whoever else takes an administrator away wait for this transaction, so that of the last two not both go.
pub async fn lock_administrators(tx: &mut Tx) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE installation SET set_up_at = set_up_at WHERE id = 1")
}

/// Whether it was enabled and now is not; never the last administrator who can still sign in.
pub async fn disable(tx: &mut Tx, account_id: &str, now: Moment) -> sqlx::Result<u64> {
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

/// Closes for good: the row stays and keeps the name; what identifies the person goes.
pub async fn close(tx: &mut Tx, account_id: &str, nobody: &PasswordDigest, now: Moment) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET closed_at = $2, password_hash = $3, display_name = NULL, time_zone = NULL,
                            calendar_hash = NULL, language = NULL, theme = NULL
         WHERE id = $1 AND closed_at IS NULL
           AND (NOT is_admin OR EXISTS (SELECT 1 FROM account AS other
                WHERE other.id <> $1 AND other.is_admin AND other.disabled_at IS NULL AND other.closed_at IS NULL))",
        account_id,
        now.millis(),
        nobody.as_str(),
    )
}

pub async fn delete_sessions(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM session WHERE account_id = $1", account_id)
}

pub async fn is_set_up(connection: &mut impl Connection) -> sqlx::Result<bool> {
    let row = fetch!(fetch_optional, connection, (i64,), "SELECT id FROM installation WHERE id = 1")?;
    Ok(row.is_some())
}

/// Whether this call was the one that set the installation up: of many at once it is one.
pub async fn mark_set_up(tx: &mut Tx, now: Moment) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO installation (id, set_up_at) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        now.millis(),
    )?;
    Ok(rows == 1)
}

pub async fn insert_setup_code(tx: &mut Tx, code: &SecretHash, now: Moment) -> sqlx::Result<u64> {
    execute!(tx, "INSERT INTO setup_code (code_hash, created_at) VALUES ($1, $2)", code.as_bytes(), now.millis())
}

pub async fn has_setup_code(connection: &mut impl Connection, code: &SecretHash) -> sqlx::Result<bool> {
    let row = fetch!(
        fetch_optional,
        connection,
        (i64,),
        "SELECT created_at FROM setup_code WHERE code_hash = $1",
        code.as_bytes(),
    )?;
    Ok(row.is_some())
}

pub async fn delete_setup_codes(tx: &mut Tx) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM setup_code")
}

/// Replaces the links that the account had.
pub async fn insert_password_link(
    tx: &mut Tx,
    account_id: &str,
    code: &SecretHash,
    expires_at: Moment,
) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM password_link WHERE account_id = $1", account_id)?;
    execute!(
        tx,
        "INSERT INTO password_link (code_hash, account_id, expires_at) VALUES ($1, $2, $3)",
        code.as_bytes(),
        account_id,
        expires_at.millis(),
    )
}

pub async fn find_password_link(
    connection: &mut impl Connection,
    code: &SecretHash,
    now: Moment,
) -> sqlx::Result<Option<String>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String,),
        "SELECT account_id FROM password_link WHERE code_hash = $1 AND expires_at > $2",
        code.as_bytes(),
        now.millis(),
    )?;
    Ok(row.map(|(account_id,)| account_id))
}

/// The account whose link this call spent: of many at once it is one.
pub async fn spend_password_link(tx: &mut Tx, code: &SecretHash, now: Moment) -> sqlx::Result<Option<String>> {
    let row = fetch!(
        fetch_optional,
        tx,
        (String,),
        "DELETE FROM password_link WHERE code_hash = $1 AND expires_at > $2 RETURNING account_id",
        code.as_bytes(),
        now.millis(),
    )?;
    Ok(row.map(|(account_id,)| account_id))
}

pub async fn forget_password_links(tx: &mut Tx, now: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM password_link WHERE expires_at <= $1", now.millis())
}
