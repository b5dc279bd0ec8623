//! What can be done with the second factor.

use super::store;
use crate::{
    accounts::throttle::Attempt,
    activity::actions as activity,
    core::{
        account::Account,
        activity::{Kind, Origin},
        moment::Moment,
        recovery::{self, RecoveryCode},
        totp::TotpSecret,
    },
    error::Error,
    platform::{
        db::{Connection, Db, Tx},
        entropy::Entropy,
        hasher::Hasher,
        vault::{Vault, WrongKey},
    },
    state::App,
};

fn name(account: &Account) -> String {
    format!("totp/{}", account.id)
}

fn pending_name(account: &Account) -> String {
    format!("totp-pending/{}", account.id)
}

fn wrong_key(error: WrongKey) -> Error {
    Error::internal(error)
}

/// A new secret that is not the account's until a code of it is shown.
///
/// # Errors
/// The database's.
pub async fn begin(tx: &mut Tx, account: &Account, vault: &Vault, entropy: Entropy) -> Result<TotpSecret, Error> {
    let secret = TotpSecret::generate(&mut entropy.rng());
    let sealed = vault.seal(&pending_name(account), secret.as_bytes(), entropy);
    store::set_pending(tx, &account.id, &sealed).await?;
    Ok(secret)
}

/// The secret that waits for its first code.
///
/// # Errors
/// The database's, or a wrong secret key file.
pub async fn pending(
    connection: &mut impl Connection,
    account: &Account,
    vault: &Vault,
) -> Result<Option<TotpSecret>, Error> {
    let sealed = store::find(connection, &account.id).await?;
    let open = |sealed: &[u8]| vault.unseal(&pending_name(account), sealed).map(TotpSecret::from_bytes);
    sealed.pending().map(open).transpose().map_err(wrong_key)
}

/// Turns two-factor authentication on, or replaces the authenticator, with a code of the pending secret. `false` where
/// the code is wrong or nothing waits for one.
///
/// # Errors
/// The database's, or a wrong secret key file.
pub async fn confirm(
    tx: &mut Tx,
    account: &Account,
    code: &str,
    vault: &Vault,
    origin: &Origin,
    now: Moment,
) -> Result<bool, Error> {
    let sealed = store::find(tx, &account.id).await?;
    let Some(pending) = sealed.pending() else { return Ok(false) };
    let secret = vault.unseal(&pending_name(account), pending).map_err(wrong_key)?;
    let Some(step) = TotpSecret::from_bytes(secret.clone()).step_of(code, now) else { return Ok(false) };
    let kept = vault.seal(&name(account), &secret, Entropy);
    if store::confirm(tx, &account.id, pending, &kept, step).await? == 0 {
        return Ok(false);
    }
    activity::record(tx, account, Kind::TwoFactorOn, "", origin, now).await?;
    Ok(true)
}

/// Whether a code is the authenticator's, within a step of now, and of a step that was not accepted before.
///
/// # Errors
/// The database's, or a wrong secret key file.
async fn accept_code(tx: &mut Tx, account: &Account, code: &str, vault: &Vault, now: Moment) -> Result<bool, Error> {
    let sealed = store::find(tx, &account.id).await?;
    let Some(secret) = sealed.secret() else { return Ok(false) };
    let secret = vault.unseal(&name(account), secret).map(TotpSecret::from_bytes).map_err(wrong_key)?;
    match secret.step_of(code, now) {
        Some(step) => Ok(store::accept_step(tx, &account.id, step).await? == 1),
        None => Ok(false),
    }
}

/// Accepts a code or counts the failure, one try after the other: a code has a million values and costs no slow hash,
/// so guesses that come at once must not all be looked at before the first of them is counted.
///
/// # Errors
/// [`Error::TooMany`] for a source that must wait; the database's; a wrong secret key file.
pub async fn try_code(app: &App, account: &Account, code: &str, attempt: &Attempt, now: Moment) -> Result<bool, Error> {
    let mut tx = app.db.write().await?;
    store::lock(&mut tx, &account.id).await?;
    attempt.allowed_in(&mut tx, &app.limits, now).await?;
    let is_right = accept_code(&mut tx, account, code, &app.vault, now).await?;
    if !is_right {
        attempt.failed_in(&mut tx, &app.limits, now).await?;
    }
    tx.commit().await?;
    Ok(is_right)
}

/// Whether a text is one of the account's unused recovery codes; then it is used. The slow hash comes before the
/// transaction: it must not hold the write lock.
///
/// # Errors
/// The database's, or too many hashes at once.
async fn spend_recovery_code(
    db: &Db,
    hasher: &Hasher,
    account: &Account,
    typed: &str,
    origin: &Origin,
    now: Moment,
) -> Result<bool, Error> {
    let Some(code) = recovery::parse(typed) else { return Ok(false) };
    let sealed = store::find(&mut db.read().await?, &account.id).await?;
    let Some(salt) = sealed.salt().map(<[u8]>::to_vec) else { return Ok(false) };
    let hashes = hasher.hash_recovery_codes(vec![code], salt).await?;
    let mut tx = db.write().await?;
    let is_spent = match hashes.first() {
        Some(hash) => store::spend_code(&mut tx, &account.id, hash, now).await? == 1,
        None => false,
    };
    if is_spent {
        activity::record(&mut tx, account, Kind::RecoveryCodeUsed, "", origin, now).await?;
    }
    tx.commit().await?;
    Ok(is_spent)
}

/// Spends a recovery code or counts the failure.
///
/// # Errors
/// [`Error::TooMany`] for a source that must wait; the database's; too many hashes at once.
pub async fn try_recovery_code(
    app: &App,
    account: &Account,
    typed: &str,
    attempt: &Attempt,
    origin: &Origin,
    now: Moment,
) -> Result<bool, Error> {
    attempt.allowed(&app.db, &app.limits, now).await?;
    let is_right = spend_recovery_code(&app.db, &app.hasher, account, typed, origin, now).await?;
    if !is_right {
        attempt.failed(&app.db, &app.limits, now).await?;
    }
    Ok(is_right)
}

/// A set of recovery codes with their hashes, ready to be stored. It never prints itself.
pub struct NewCodes {
    /// To be shown once.
    pub codes: Vec<RecoveryCode>,
    salt: [u8; 16],
    hashes: Vec<[u8; 32]>,
}

/// Makes a set of recovery codes. It takes ten slow hashes: not inside a transaction.
///
/// # Errors
/// Too many hashes at once.
pub async fn new_codes(hasher: &Hasher, entropy: Entropy) -> Result<NewCodes, Error> {
    let codes = recovery::generate(&mut entropy.rng());
    let salt = entropy.salt();
    let parsed = codes.iter().filter_map(|code| recovery::parse(code)).collect();
    let hashes = hasher.hash_recovery_codes(parsed, salt.to_vec()).await?;
    Ok(NewCodes { codes, salt, hashes })
}

/// Stores a set; all earlier codes are gone.
///
/// # Errors
/// The database's.
pub async fn store_codes(
    tx: &mut Tx,
    account: &Account,
    new: &NewCodes,
    origin: &Origin,
    now: Moment,
) -> Result<(), Error> {
    store::replace_codes(tx, &account.id, &new.salt, &new.hashes).await?;
    activity::record(tx, account, Kind::RecoveryCodesMade, "", origin, now).await
}

/// How many recovery codes are unused.
///
/// # Errors
/// The database's.
pub async fn codes_left(connection: &mut impl Connection, account: &Account) -> Result<i64, Error> {
    Ok(store::codes_left(connection, &account.id).await?)
}

/// Turns two-factor authentication off; `false` where it was off.
///
/// # Errors
/// The database's.
pub async fn turn_off(tx: &mut Tx, account: &Account, origin: &Origin, now: Moment) -> Result<bool, Error> {
    if store::clear(tx, &account.id).await? == 0 {
        return Ok(false);
    }
    activity::record(tx, account, Kind::TwoFactorOff, "", origin, now).await?;
    Ok(true)
}
