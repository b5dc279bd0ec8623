//! The SQL of codes in links.

use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch};

/// Sets the secret of an account's calendar, or removes it where there is one.
pub async fn set_calendar(tx: &mut Tx, account_id: &str, secret: Option<&SecretHash>) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET calendar_hash = $2 WHERE id = $1 AND ($2 IS NOT NULL OR calendar_hash IS NOT NULL)",
        account_id,
        secret.map(SecretHash::as_bytes),
    )
}

pub async fn insert_setup_code(tx: &mut Tx, code: &SecretHash, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "INSERT INTO setup_code (code_hash, created_at) VALUES ($1, $2)", code.as_bytes(), now.millis())
}

pub async fn has_setup_code(connection: &mut impl Connection, code: &str) -> sqlx::Result<bool> {
    let row = fetch!(
        fetch_optional,
        connection,
        (i64,),
        "SELECT created_at FROM setup_code WHERE code_hash = $1",
        SecretHash::of(code).as_bytes(),
    )?;
    Ok(row.is_some())
}

/// Makes others who change the account wait.
pub async fn lock_account(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET username = username WHERE id = $1", account_id)
}

pub async fn insert_password_link(
    tx: &mut Tx,
    account_id: &str,
    code: &SecretHash,
    expires_at: Timestamp,
) -> sqlx::Result<u64> {
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
    now: Timestamp,
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

/// The account of the link; of many callers at once only one gets it.
pub async fn spend_password_link(tx: &mut Tx, code: &SecretHash, now: Timestamp) -> sqlx::Result<Option<String>> {
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

pub async fn forget_password_links(tx: &mut Tx, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM password_link WHERE expires_at <= $1", now.millis())
}
