//! What can be done with accounts.

use dockpass_core::account::Account;
use dockpass_core::password::{Password, PasswordDigest, PasswordVerdict};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::{Username, as_typed};

use super::store;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::password_hasher::PasswordHasher;
use crate::platform::rng::SystemRng;

pub use super::store::{
    delete_password_links, delete_sessions as end_sessions, find, find_by_calendar, is_set_up, note_seen, sessions,
    set_language, set_profile, set_theme,
};

/// An account to create.
#[derive(Debug)]
pub struct NewAccount {
    pub username: Username,
    /// The hashed password.
    pub digest: PasswordDigest,
    pub is_admin: bool,
}

/// Why an account was not created.
#[derive(Debug)]
pub enum CreateAccountError {
    UsernameTaken,
    AlreadySetUp,
    Failed(Error),
}

impl From<sqlx::Error> for CreateAccountError {
    fn from(error: sqlx::Error) -> Self {
        CreateAccountError::Failed(error.into())
    }
}

/// Creates the first account, an administrator. Of many callers at once only one succeeds: the others wait for its
/// transaction and then find the installation set up.
pub async fn create_first(
    tx: &mut Tx,
    new: NewAccount,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Account, CreateAccountError> {
    if !store::mark_set_up(tx, now).await? {
        return Err(CreateAccountError::AlreadySetUp);
    }
    store::delete_setup_codes(tx).await?;
    insert(tx, NewAccount { is_admin: true, ..new }, now, rng).await
}

pub async fn create(
    tx: &mut Tx,
    new: NewAccount,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Account, CreateAccountError> {
    let is_first = store::mark_set_up(tx, now).await?;
    if is_first {
        store::delete_setup_codes(tx).await?;
    }
    insert(tx, NewAccount { is_admin: new.is_admin || is_first, ..new }, now, rng).await
}

async fn insert(tx: &mut Tx, new: NewAccount, now: Timestamp, rng: SystemRng) -> Result<Account, CreateAccountError> {
    let account = Account {
        id: rng.id(now),
        username: new.username,
        is_admin: new.is_admin,
        disabled_at: None,
        display_name: None,
        language: None,
        theme: None,
        time_zone: None,
        has_calendar: false,
        has_second_factor: false,
        closed_at: None,
        created_at: now,
    };
    if store::insert(tx, &account, &new.digest).await? { Ok(account) } else { Err(CreateAccountError::UsernameTaken) }
}

pub async fn find_by_username(connection: &mut impl Connection, username: &str) -> Result<Option<Account>, Error> {
    Ok(store::find_by_username(connection, username).await?.map(|(account, _)| account))
}

/// What a password is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordPurpose {
    Page,
    /// The token endpoint, which cannot ask for it. With two-factor authentication on, or required, the password is not
    /// even compared, so that nobody can use the endpoint to find the password.
    Registry {
        /// Whether the operator requires two-factor authentication.
        requires_second_factor: bool,
    },
}

impl PasswordPurpose {
    fn can_use_password_of(self, account: &Account) -> bool {
        match self {
            PasswordPurpose::Page => true,
            PasswordPurpose::Registry { requires_second_factor } => {
                !requires_second_factor && !account.has_second_factor
            }
        }
    }
}

/// An account whose password was right.
#[derive(Debug)]
pub struct VerifiedPassword {
    pub account: Account,
    /// The digest that matched. The result counts only while this digest is still the account's.
    pub digest: PasswordDigest,
}

/// The account with this name and password. Every outcome costs one argon2 verification, so that the response time does
/// not tell whether the name exists. A digest with outdated parameters is renewed.
pub async fn check_password(
    db: &Db,
    hasher: &PasswordHasher,
    username: &str,
    password: Password,
    purpose: PasswordPurpose,
) -> Result<Option<VerifiedPassword>, Error> {
    let found = store::find_by_username(&mut db.read().await?, &as_typed(username)).await?;
    let found = found.filter(|(account, _)| purpose.can_use_password_of(account));
    let verdict = hasher.verify(password.clone(), found.as_ref().map(|(_, digest)| digest.clone())).await?;
    let Some((account, mut digest)) =
        found.filter(|(account, _)| verdict != PasswordVerdict::Wrong && account.is_enabled())
    else {
        return Ok(None);
    };
    if verdict == PasswordVerdict::RightButOutdated {
        let renewed = hasher.hash(password).await?;
        let mut tx = db.write().await?;
        if store::replace_digest(&mut tx, &account.id, &digest, &renewed).await? == 1 {
            digest = renewed;
        }
        tx.commit().await?;
    }
    Ok(Some(VerifiedPassword { account, digest }))
}

/// The outcome of disabling or closing an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisableOutcome {
    Done,
    /// Nothing changed: it is the last administrator who can sign in.
    LastAdministrator,
    AlreadyDone,
}

pub async fn disable(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<DisableOutcome, Error> {
    store::lock_administrators(tx).await?;
    if store::disable(tx, &account.id, now).await? == 0 {
        return why_not(tx, account).await;
    }
    delete_password_links(tx, account).await?;
    end_sessions(tx, account).await?;
    Ok(DisableOutcome::Done)
}

/// Closes an account for good. Its name stays taken, so that nobody inherits `name/…`.
pub async fn close(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<DisableOutcome, Error> {
    store::lock_administrators(tx).await?;
    if store::close(tx, &account.id, &PasswordDigest::unusable(), now).await? == 0 {
        return why_not(tx, account).await;
    }
    store::delete_recovery_codes(tx, &account.id).await?;
    delete_password_links(tx, account).await?;
    end_sessions(tx, account).await?;
    Ok(DisableOutcome::Done)
}

async fn why_not(tx: &mut Tx, account: &Account) -> Result<DisableOutcome, Error> {
    let is_enabled = store::find(tx, &account.id).await?.is_some_and(|account| account.is_enabled());
    Ok(if is_enabled { DisableOutcome::LastAdministrator } else { DisableOutcome::AlreadyDone })
}

/// Enables a disabled account, so that its tokens work again; `false` if it was not disabled.
pub async fn enable(tx: &mut Tx, account: &Account) -> Result<bool, Error> {
    Ok(store::enable(tx, &account.id).await? == 1)
}

/// The id of the account with this name, as it was typed.
pub async fn id_of(connection: &mut impl Connection, username: &str) -> Result<Option<String>, Error> {
    Ok(find_by_username(connection, &as_typed(username)).await?.map(|account| account.id))
}

pub async fn end_session(tx: &mut Tx, account: &Account, public_id: &str) -> Result<(), Error> {
    match store::delete_session(tx, &account.id, public_id).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends all sessions except `own`; returns how many.
pub async fn end_other_sessions(tx: &mut Tx, account: &Account, own: &SecretHash) -> Result<i64, Error> {
    Ok(store::delete_other_sessions(tx, &account.id, own.as_bytes()).await?.try_into().unwrap_or(i64::MAX))
}

/// Changes the password and ends all other sessions; returns how many. `None` if the verified password is no longer the
/// account's, because someone set another one meanwhile.
pub async fn change_password(
    tx: &mut Tx,
    verified: &VerifiedPassword,
    digest: &PasswordDigest,
    own: &SecretHash,
) -> Result<Option<i64>, Error> {
    if store::replace_digest(tx, &verified.account.id, &verified.digest, digest).await? == 0 {
        return Ok(None);
    }
    delete_password_links(tx, &verified.account).await?;
    end_other_sessions(tx, &verified.account, own).await.map(Some)
}

/// A fingerprint of an account's password, for what must end when the password changes.
pub async fn password_mark(connection: &mut impl Connection, account: &Account) -> Result<Option<SecretHash>, Error> {
    let found = store::find_by_username(connection, account.username.as_str()).await?;
    Ok(found.map(|(_, digest)| digest.fingerprint()))
}

pub async fn set_password(tx: &mut Tx, account: &Account, digest: &PasswordDigest) -> Result<(), Error> {
    store::set_digest(tx, &account.id, digest).await?;
    delete_password_links(tx, account).await?;
    end_sessions(tx, account).await?;
    Ok(())
}
