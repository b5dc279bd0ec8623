//! What can be done with the second factor.

use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    recovery_code::{self, RecoveryCode},
    timestamp::Timestamp,
    totp::TotpSecret,
};

use super::store;
use crate::{
    activity::actions as activity,
    app::App,
    auth::throttle::SignInAttempt,
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        encryption::{Encryptor, WrongKey},
        password_hasher::PasswordHasher,
        rng::SystemRng,
    },
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
pub async fn begin(tx: &mut Tx, account: &Account, encryptor: &Encryptor, rng: SystemRng) -> Result<TotpSecret, Error> {
    let secret = TotpSecret::generate(&mut rng.generator());
    let sealed = encryptor.seal(&pending_name(account), secret.as_bytes(), rng);
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
    encryptor: &Encryptor,
) -> Result<Option<TotpSecret>, Error> {
    let sealed = store::find(connection, &account.id).await?;
    let open = |sealed: &[u8]| encryptor.unseal(&pending_name(account), sealed).map(TotpSecret::from_bytes);
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
    encryptor: &Encryptor,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<bool, Error> {
    let sealed = store::find(tx, &account.id).await?;
    let Some(pending) = sealed.pending() else { return Ok(false) };
    let secret = encryptor.unseal(&pending_name(account), pending).map_err(wrong_key)?;
    let Some(step) = TotpSecret::from_bytes(secret.clone()).step_of(code, now) else { return Ok(false) };
    let kept = encryptor.seal(&name(account), &secret, SystemRng);
    if store::confirm(tx, &account.id, pending, &kept, step).await? == 0 {
        return Ok(false);
    }
    activity::record(tx, account, ActivityKind::TwoFactorOn, "", origin, now).await?;
    Ok(true)
}

/// Whether a code is the authenticator's, within a step of now, and of a step that was not accepted before.
///
/// # Errors
/// The database's, or a wrong secret key file.
async fn accept_code(
    tx: &mut Tx,
    account: &Account,
    code: &str,
    encryptor: &Encryptor,
    now: Timestamp,
) -> Result<bool, Error> {
    let sealed = store::find(tx, &account.id).await?;
    let Some(secret) = sealed.secret() else { return Ok(false) };
    let secret = encryptor.unseal(&name(account), secret).map(TotpSecret::from_bytes).map_err(wrong_key)?;
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
pub async fn try_code(
    app: &App,
    account: &Account,
    code: &str,
    attempt: &SignInAttempt,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut tx = app.db.write().await?;
    store::lock(&mut tx, &account.id).await?;
    attempt.allowed_in(&mut tx, &app.rate_limits, now).await?;
    let is_right = accept_code(&mut tx, account, code, &app.encryptor, now).await?;
    if !is_right {
        attempt.failed_in(&mut tx, &app.rate_limits, now).await?;
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
    hasher: &PasswordHasher,
    account: &Account,
    typed: &str,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(code) = recovery_code::parse(typed) else { return Ok(false) };
    let sealed = store::find(&mut db.read().await?, &account.id).await?;
    let Some(salt) = sealed.salt().map(<[u8]>::to_vec) else { return Ok(false) };
    let hashes = hasher.hash_recovery_codes(vec![code], salt).await?;
    let mut tx = db.write().await?;
    let is_spent = match hashes.first() {
        Some(hash) => store::spend_code(&mut tx, &account.id, hash, now).await? == 1,
        None => false,
    };
    if is_spent {
        activity::record(&mut tx, account, ActivityKind::RecoveryCodeUsed, "", origin, now).await?;
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
    attempt: &SignInAttempt,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<bool, Error> {
    attempt.allowed(&app.db, &app.rate_limits, now).await?;
    let is_right = spend_recovery_code(&app.db, &app.hasher, account, typed, origin, now).await?;
    if !is_right {
        attempt.failed(&app.db, &app.rate_limits, now).await?;
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
pub async fn new_codes(hasher: &PasswordHasher, rng: SystemRng) -> Result<NewCodes, Error> {
    let codes = recovery_code::generate(&mut rng.generator());
    let salt = rng.salt();
    let parsed = codes.iter().filter_map(|code| recovery_code::parse(code)).collect();
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
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<(), Error> {
    store::replace_codes(tx, &account.id, &new.salt, &new.hashes).await?;
    activity::record(tx, account, ActivityKind::RecoveryCodesGenerated, "", origin, now).await
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
pub async fn turn_off(tx: &mut Tx, account: &Account, origin: &ClientInfo, now: Timestamp) -> Result<bool, Error> {
    if store::clear(tx, &account.id).await? == 0 {
        return Ok(false);
    }
    activity::record(tx, account, ActivityKind::TwoFactorOff, "", origin, now).await?;
    Ok(true)
}
