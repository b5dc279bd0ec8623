//! What can be done with an account's second factor.

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::recovery_code::{self, RecoveryCode};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::totp::TotpSecret;

use super::store;
use crate::accounts::actions as accounts;
use crate::activity::actions as activity;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::encryption::{Encryptor, WrongKey};
use crate::platform::password_hasher::{PasswordHasher, Requester};
use crate::platform::rng::SystemRng;

pub use super::store::{codes_left, lock};

// Secrets are encrypted under a name, so that each works only in the row of its own account.

fn name(account: &Account) -> String {
    format!("totp/{}", account.id)
}

fn pending_name(account: &Account) -> String {
    format!("totp-pending/{}", account.id)
}

fn wrong_key(error: WrongKey) -> Error {
    Error::internal(error)
}

pub async fn begin(tx: &mut Tx, account: &Account, encryptor: &Encryptor, rng: SystemRng) -> Result<TotpSecret, Error> {
    let secret = TotpSecret::generate(&mut rng.generator());
    let sealed = encryptor.seal(&pending_name(account), secret.as_bytes(), rng);
    accounts::lock_unchanged(tx, account).await?;
    store::set_pending(tx, &account.id, &sealed).await?;
    Ok(secret)
}

pub async fn pending(
    connection: &mut impl Connection,
    account: &Account,
    encryptor: &Encryptor,
) -> Result<Option<TotpSecret>, Error> {
    let (_, pending, _) = store::find(connection, account).await?;
    let open = |sealed: Vec<u8>| encryptor.unseal(&pending_name(account), &sealed).map(TotpSecret::from_bytes);
    pending.map(open).transpose().map_err(wrong_key)
}

/// Turns two-factor authentication on, or replaces the authenticator, with a code of the pending secret. `None` if the
/// code is wrong or no secret is pending. Turning it on ends all sessions but `own`: the result is how many.
pub async fn confirm(
    tx: &mut Tx,
    account: &Account,
    code: &str,
    encryptor: &Encryptor,
    own: &SecretHash,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<Option<i64>, Error> {
    accounts::lock_unchanged(tx, account).await?;
    let (_, Some(pending), _) = store::find(tx, account).await? else { return Ok(None) };
    let secret = encryptor.unseal(&pending_name(account), &pending).map_err(wrong_key)?;
    let Some(step) = TotpSecret::from_bytes(secret.clone()).step_of(code, now) else { return Ok(None) };
    let sealed = encryptor.seal(&name(account), &secret, SystemRng);
    if store::confirm(tx, &account.id, &pending, &sealed, step).await? == 0 {
        return Ok(None);
    }
    activity::record(tx, account, ActivityKind::TwoFactorOn, "", origin, now).await?;
    if account.has_second_factor {
        return Ok(Some(0));
    }
    accounts::end_other_sessions(tx, account, own).await.map(Some)
}

pub async fn accept_code(
    tx: &mut Tx,
    account: &Account,
    code: &str,
    encryptor: &Encryptor,
    now: Timestamp,
) -> Result<bool, Error> {
    let (Some(secret), ..) = store::find(tx, account).await? else { return Ok(false) };
    let secret = encryptor.unseal(&name(account), &secret).map(TotpSecret::from_bytes).map_err(wrong_key)?;
    match secret.step_of(code, now) {
        Some(step) => Ok(store::accept_step(tx, &account.id, step).await? == 1),
        None => Ok(false),
    }
}

/// Whether this is an unused recovery code of the account. If so, it is used now. The slow hash comes before the
/// transaction: it must not hold the write lock.
pub async fn spend_recovery_code(
    db: &Db,
    hasher: &PasswordHasher,
    requester: &Requester,
    account: &Account,
    typed: &str,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(code) = recovery_code::parse(typed) else { return Ok(false) };
    let (_, _, Some(salt)) = store::find(&mut db.read().await?, account).await? else { return Ok(false) };
    let hashes = hasher.hash_recovery_codes(requester, vec![code], &salt).await?;
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

/// A set of recovery codes with their hashes, ready to be stored. It has no `Debug`, so that no log can hold one.
pub struct NewRecoveryCodes {
    pub codes: Vec<RecoveryCode>,
    salt: [u8; 16],
    hashes: Vec<[u8; 32]>,
}

/// Generates a set of recovery codes. That takes ten slow hashes: call it outside of a transaction.
pub async fn new_codes(
    hasher: &PasswordHasher,
    requester: &Requester,
    rng: SystemRng,
) -> Result<NewRecoveryCodes, Error> {
    let codes = recovery_code::generate(&mut rng.generator());
    let salt = rng.salt();
    let parsed = codes.iter().filter_map(|code| recovery_code::parse(code)).collect();
    let hashes = hasher.hash_recovery_codes(requester, parsed, &salt).await?;
    Ok(NewRecoveryCodes { codes, salt, hashes })
}

pub async fn store_codes(
    tx: &mut Tx,
    account: &Account,
    new: &NewRecoveryCodes,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<(), Error> {
    store::replace_codes(tx, &account.id, &new.salt, &new.hashes).await?;
    activity::record(tx, account, ActivityKind::RecoveryCodesGenerated, "", origin, now).await
}

/// Turns two-factor authentication off and ends all sessions; `false` if it was off. The actor is empty for the account's owner.
pub async fn turn_off(
    tx: &mut Tx,
    actor: &str,
    account: &Account,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<bool, Error> {
    if store::clear(tx, &account.id).await? == 0 {
        return Ok(false);
    }
    activity::record_by(tx, actor, account, ActivityKind::TwoFactorOff, "", origin, now).await?;
    accounts::end_sessions(tx, account).await?;
    Ok(true)
}

/// The same for the session `own`, which goes on.
pub async fn turn_own_off(
    tx: &mut Tx,
    account: &Account,
    own: &SecretHash,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<(), Error> {
    accounts::end_other_sessions(tx, account, own).await?;
    if store::clear(tx, &account.id).await? == 1 {
        activity::record(tx, account, ActivityKind::TwoFactorOff, "", origin, now).await?;
    }
    Ok(())
}
