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
        language: Option<String>,
        theme: Option<String>,
        created_at: i64,
    }
}

impl AccountRecord {
    fn into_account(self) -> (Account, PasswordDigest) {
        let account = Account {
            id: self.id,
            username: Username::from_stored(self.username),
            is_admin: self.is_admin,
            disabled_at: self.disabled_at.map(Moment::from_millis),
            language: self.language,
            theme: self.theme,
            created_at: Moment::from_millis(self.created_at),
        };
        (account, PasswordDigest::from_stored(self.password_hash))
    }
}

pub async fn find(connection: &mut impl Connection, id: &str) -> sqlx::Result<Option<Account>> {
    let record = fetch!(
        fetch_optional,
        connection,
        AccountRecord,
        "SELECT id, username, password_hash, is_admin, disabled_at, language, theme, created_at
         FROM account WHERE id = $1",
        id,
    )?;
    Ok(record.map(|record| record.into_account().0))
}

pub async fn find_by_username(
    connection: &mut impl Connection,
    username: &str,
) -> sqlx::Result<Option<(Account, PasswordDigest)>> {
    let record = fetch!(
        fetch_optional,
        connection,
        AccountRecord,
        "SELECT id, username, password_hash, is_admin, disabled_at, language, theme, created_at
         FROM account WHERE username = $1",
        username,
    )?;
    Ok(record.map(AccountRecord::into_account))
}

/// Whether it was inserted: `false` where the name is taken.
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

pub async fn set_language(tx: &mut Tx, account_id: &str, language: &str) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET language = $2 WHERE id = $1", account_id, language)
}

pub async fn set_theme(tx: &mut Tx, account_id: &str, theme: Option<&str>) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET theme = $2 WHERE id = $1", account_id, theme)
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
