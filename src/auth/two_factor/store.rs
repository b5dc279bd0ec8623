//! The SQL of the second factor.

use dockpass_core::account::Account;
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch};

/// The authenticator's secret, a secret that is not confirmed yet, and the salt of the recovery codes. Secrets are encrypted.
pub type TwoFactorRow = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

pub async fn find(connection: &mut impl Connection, account: &Account) -> sqlx::Result<TwoFactorRow> {
    fetch!(
        fetch_one,
        connection,
        TwoFactorRow,
        "SELECT totp_sealed, totp_pending, recovery_salt FROM account WHERE id = $1",
        &account.id,
    )
}

pub async fn set_pending(tx: &mut Tx, account_id: &str, sealed: &[u8]) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET totp_pending = $2 WHERE id = $1", account_id, sealed)
}

/// Makes the pending secret the account's, unless another one is pending meanwhile.
pub async fn confirm(tx: &mut Tx, account_id: &str, pending: &[u8], sealed: &[u8], step: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET totp_sealed = $3, totp_pending = NULL, totp_step = $4
         WHERE id = $1 AND totp_pending = $2",
        account_id,
        pending,
        sealed,
        step,
    )
}

/// Makes other attempts for this account wait for this transaction. (SQLite has one writer anyway.)
pub async fn lock(tx: &mut Tx, account: &Account) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET totp_step = totp_step WHERE id = $1", &account.id)
}

/// Accepts a time step, unless it or a later one was accepted before; of many callers at once only one succeeds.
pub async fn accept_step(tx: &mut Tx, account_id: &str, step: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE account SET totp_step = $2 WHERE id = $1 AND totp_step < $2 AND totp_sealed IS NOT NULL",
        account_id,
        step,
    )
}

pub async fn clear(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    // The account first, then its codes, as everywhere: two transactions cannot deadlock.
    let cleared = execute!(
        tx,
        "UPDATE account SET totp_sealed = NULL, totp_pending = NULL, recovery_salt = NULL
         WHERE id = $1 AND totp_sealed IS NOT NULL",
        account_id,
    )?;
    execute!(tx, "DELETE FROM recovery_code WHERE account_id = $1", account_id)?;
    Ok(cleared)
}

pub async fn replace_codes(tx: &mut Tx, account_id: &str, salt: &[u8], hashes: &[[u8; 32]]) -> sqlx::Result<()> {
    // The lock on the row comes first: of two sets generated at once the later one replaces all of the earlier one.
    execute!(tx, "UPDATE account SET recovery_salt = $2 WHERE id = $1", account_id, salt)?;
    execute!(tx, "DELETE FROM recovery_code WHERE account_id = $1", account_id)?;
    for hash in hashes {
        execute!(tx, "INSERT INTO recovery_code (account_id, code_hash) VALUES ($1, $2)", account_id, hash.as_slice(),)?;
    }
    Ok(())
}

/// Spends a code; of many callers at once only one succeeds.
pub async fn spend_code(tx: &mut Tx, account_id: &str, hash: &[u8], now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE recovery_code SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL",
        account_id,
        hash,
        now.millis(),
    )
}

/// The number of unused recovery codes.
pub async fn codes_left(connection: &mut impl Connection, account: &Account) -> sqlx::Result<i64> {
    let (left,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL",
        &account.id,
    )?;
    Ok(left)
}
