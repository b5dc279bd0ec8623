//! Creating, finding and spending the codes in links. The database has only their hashes.

use dockpass_core::account::Account;
use dockpass_core::password::PasswordDigest;
use dockpass_core::secret::{SecretHash, random_base62};
use dockpass_core::timestamp::Timestamp;
use time::Duration;
use zeroize::Zeroizing;

use super::store;
use crate::accounts::actions as accounts;
use crate::error::Error;
use crate::platform::database::{Connection, Tx};
use crate::platform::rng::SystemRng;

pub use super::store::{forget_password_links, has_setup_code};

/// 22 base62 characters: 131 random bits.
const CODE_LENGTH: usize = 22;
pub(crate) const PASSWORD_LINK_LIFETIME: Duration = Duration::hours(72);

/// Creates a code for `/setup`. Earlier codes work until the first account exists, because two servers on one database
/// may both have printed one.
pub async fn create_setup_code(tx: &mut Tx, now: Timestamp, rng: SystemRng) -> Result<Zeroizing<String>, Error> {
    let code = random_base62(CODE_LENGTH, &mut rng.generator());
    store::insert_setup_code(tx, &SecretHash::of(&code), now).await?;
    Ok(code)
}

pub async fn create_calendar_secret(
    tx: &mut Tx,
    account: &Account,
    rng: SystemRng,
) -> Result<Zeroizing<String>, Error> {
    let secret = random_base62(CODE_LENGTH, &mut rng.generator());
    store::set_calendar(tx, &account.id, Some(&SecretHash::of(&secret))).await?;
    Ok(secret)
}

/// Removes the account's calendar address; `false` if it had none.
pub async fn remove_calendar_secret(tx: &mut Tx, account: &Account) -> Result<bool, Error> {
    Ok(store::set_calendar(tx, &account.id, None).await? == 1)
}

pub async fn find_by_calendar_secret(connection: &mut impl Connection, secret: &str) -> Result<Option<Account>, Error> {
    let account = accounts::find_by_calendar(connection, &SecretHash::of(secret)).await?;
    Ok(account.filter(Account::is_enabled))
}

pub async fn create_password_link(
    tx: &mut Tx,
    account: &Account,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Zeroizing<String>, Error> {
    let code = random_base62(CODE_LENGTH, &mut rng.generator());
    // The lock comes first: of two links that are created at once the later one stays.
    store::lock_account(tx, &account.id).await?;
    accounts::delete_password_links(tx, account).await?;
    store::insert_password_link(tx, &account.id, &SecretHash::of(&code), now + PASSWORD_LINK_LIFETIME).await?;
    Ok(code)
}

/// The link with a code that sets a password.
pub fn password_link(public_url: &str, code: &str) -> String {
    format!("{public_url}/set-password?code={code}")
}

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

/// Spends a code and sets the password; `false` if the code was spent before or expired.
pub async fn spend_password_link(
    tx: &mut Tx,
    code: &SecretHash,
    digest: &PasswordDigest,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(account_id) = store::find_password_link(tx, code, now).await? else { return Ok(false) };
    // Always the account first, then its links, so that two transactions cannot deadlock.
    store::lock_account(tx, &account_id).await?;
    if store::spend_password_link(tx, code, now).await?.is_none() {
        return Ok(false);
    }
    let Some(account) = accounts::find(tx, &account_id).await?.filter(Account::is_enabled) else { return Ok(false) };
    accounts::set_password(tx, &account, digest).await?;
    Ok(true)
}
