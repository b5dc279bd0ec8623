//! The SQL of the second factor.

use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

row! {
    /// What the database has of an account's second factor. The secrets are encrypted.
    #[derive(Debug)]
    pub struct TwoFactorRow {
        totp_sealed: Option<Vec<u8>>,
        totp_pending: Option<Vec<u8>>,
        recovery_salt: Option<Vec<u8>>,
    }
}

impl TwoFactorRow {
    pub fn secret(&self) -> Option<&[u8]> {
        self.totp_sealed.as_deref()
    }

    pub fn pending(&self) -> Option<&[u8]> {
        self.totp_pending.as_deref()
    }

    pub fn salt(&self) -> Option<&[u8]> {
        self.recovery_salt.as_deref()
    }
}

pub async fn find(connection: &mut impl Connection, account_id: &str) -> sqlx::Result<TwoFactorRow> {
    fetch!(
        fetch_one,
        connection,
        TwoFactorRow,
        "SELECT totp_sealed, totp_pending, recovery_salt FROM account WHERE id = $1",
        account_id,
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
pub async fn lock(tx: &mut Tx, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET totp_step = totp_step WHERE id = $1", account_id)
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
    execute!(tx, "DELETE FROM recovery_code WHERE account_id = $1", account_id)?;
    execute!(
        tx,
        "UPDATE account SET totp_sealed = NULL, totp_pending = NULL, recovery_salt = NULL
         WHERE id = $1 AND totp_sealed IS NOT NULL",
        account_id,
    )
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

pub async fn codes_left(connection: &mut impl Connection, account_id: &str) -> sqlx::Result<i64> {
    let (left,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL",
        account_id,
    )?;
    Ok(left)
}
