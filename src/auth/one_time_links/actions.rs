//! Making, finding and spending codes in links. Each is kept as its hash.

use dockpass_core::{
    account::Account,
    password::PasswordDigest,
    secret::{SecretHash, random_base62},
    timestamp::Timestamp,
};
use time::Duration;
use zeroize::Zeroizing;

use super::store;
use crate::{
    accounts::actions as accounts,
    error::Error,
    platform::{
        database::{Connection, Tx},
        rng::SystemRng,
    },
};

/// Of links and addresses: 22 base62 characters, 131 random bits.
const CODE_LENGTH: usize = 22;
pub(crate) const PASSWORD_LINK_LIFE: Duration = Duration::DAY;

/// A new code for `/setup`. Earlier ones stay good until the first account exists: two servers on one database may
/// both have printed one.
///
/// # Errors
/// The database's.
pub async fn make_setup_code(tx: &mut Tx, now: Timestamp, rng: SystemRng) -> Result<Zeroizing<String>, Error> {
    let code = random_base62(CODE_LENGTH, &mut rng.generator());
    store::insert_setup_code(tx, &SecretHash::of(&code), now).await?;
    Ok(code)
}

/// Whether a code is one of those that were printed.
///
/// # Errors
/// The database's.
pub async fn is_setup_code(connection: &mut impl Connection, code: &str) -> Result<bool, Error> {
    Ok(store::has_setup_code(connection, &SecretHash::of(code)).await?)
}

/// A new secret for the address of the account's calendar; an earlier one stops working. It is kept as its hash.
///
/// # Errors
/// The database's.
pub async fn make_calendar_secret(tx: &mut Tx, account: &Account, rng: SystemRng) -> Result<Zeroizing<String>, Error> {
    let secret = random_base62(CODE_LENGTH, &mut rng.generator());
    store::set_calendar(tx, &account.id, &SecretHash::of(&secret)).await?;
    Ok(secret)
}

/// Whose calendar a secret opens.
///
/// # Errors
/// The database's.
pub async fn find_by_calendar_secret(connection: &mut impl Connection, secret: &str) -> Result<Option<Account>, Error> {
    let account = accounts::find_by_calendar(connection, &SecretHash::of(secret)).await?;
    Ok(account.filter(Account::is_enabled))
}

/// A code with which the account's owner sets a password, once, within a day. An earlier one stops working.
///
/// # Errors
/// The database's.
pub async fn make_password_link(
    tx: &mut Tx,
    account: &Account,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Zeroizing<String>, Error> {
    let code = random_base62(CODE_LENGTH, &mut rng.generator());
    accounts::forget_links(tx, account).await?;
    store::insert_password_link(tx, &account.id, &SecretHash::of(&code), now + PASSWORD_LINK_LIFE).await?;
    Ok(code)
}

/// Whose password a code sets, if it still does.
///
/// # Errors
/// The database's.
pub async fn find_password_link(
    connection: &mut impl Connection,
    code: &SecretHash,
    now: Timestamp,
) -> Result<Option<Account>, Error> {
    match store::find_password_link(connection, code, now).await? {
        Some(id) => Ok(accounts::find(connection, &id).await?.filter(Account::is_enabled)),
        None => Ok(None),
    }
}

/// Spends a code and sets the password; `false` where the code was spent before or its time is over.
///
/// # Errors
/// The database's.
pub async fn spend_password_link(
    tx: &mut Tx,
    code: &SecretHash,
    digest: &PasswordDigest,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(account_id) = store::spend_password_link(tx, code, now).await? else {
        return Ok(false);
    };
    let Some(account) = accounts::find(tx, &account_id).await?.filter(Account::is_enabled) else { return Ok(false) };
    accounts::set_password(tx, &account, digest).await?;
    Ok(true)
}

/// Forgets links whose time is over.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_password_links(tx, now).await?;
    Ok(())
}
