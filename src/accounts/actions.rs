//! What can be done with accounts.

use dockpass_core::account::Account;
use dockpass_core::password::{Password, PasswordDigest, PasswordVerdict};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::{Username, as_typed};

use super::store;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::password_hasher::{PasswordHasher, Requester};
use crate::platform::rng::SystemRng;

pub use super::store::{
    delete_password_links, find, find_by_calendar, is_set_up, note_seen, sessions, set_language, set_profile, set_theme,
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
        credentials_version: 0,
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

/// The outcome of a password check.
#[derive(Debug)]
pub enum CheckedPassword {
    Right(Account),
    /// The password is right, and an administrator disabled the account.
    Disabled(Account),
    Wrong {
        /// The account with this name.
        account: Option<Account>,
        /// Whether the same secret was wrong within the last minute, from the same network.
        is_repeated: bool,
    },
}

impl CheckedPassword {
    /// The account that may go on.
    pub fn right(self) -> Option<Account> {
        match self {
            CheckedPassword::Right(account) => Some(account),
            _ => None,
        }
    }
}

/// Checks a password. A new outcome costs one argon2 verification, so that the response time does not tell whether the
/// name exists; a repeated wrong secret is answered from memory. A digest with outdated parameters is renewed.
pub async fn check_password(
    db: &Db,
    hasher: &PasswordHasher,
    requester: &Requester,
    typed: &str,
    purpose: PasswordPurpose,
    now: Timestamp,
) -> Result<CheckedPassword, Error> {
    let name = as_typed(&requester.account);
    let found = store::find_by_username(&mut db.read().await?, &name).await?;
    // The name of a closed account is answered like one that never existed.
    let (account, digest) = found.filter(|(account, _)| account.closed_at.is_none()).unzip();
    let compared = account.as_ref().filter(|account| purpose.can_use_password_of(account));
    let subject = compared.map_or(format!("name {name}"), |Account { id, credentials_version, .. }| {
        format!("account {id} {credentials_version}")
    });
    let digest = digest.filter(|_| compared.is_some());
    let verdict = hasher.verify(requester, &subject, typed, digest.clone(), now).await?;
    let is_right = verdict.is_some_and(|verdict| verdict != PasswordVerdict::Wrong);
    let (Some(account), Some(digest), true) = (account.clone(), digest, is_right) else {
        return Ok(CheckedPassword::Wrong { account, is_repeated: verdict.is_none() });
    };
    if !account.is_enabled() {
        return Ok(CheckedPassword::Disabled(account));
    }
    if verdict == Some(PasswordVerdict::RightButOutdated) {
        let renewed = hasher.hash(requester, Password::typed(typed)).await?;
        let mut tx = db.write().await?;
        store::replace_digest(&mut tx, &account.id, &digest, &renewed).await?;
        tx.commit().await?;
    }
    Ok(CheckedPassword::Right(account))
}

/// The account with this id, if it is enabled and its credentials did not change since `version`.
pub async fn find_unchanged(
    connection: &mut impl Connection,
    id: &str,
    version: i64,
) -> Result<Option<Account>, Error> {
    let account = store::find(connection, id).await?;
    Ok(account.filter(|account| account.is_enabled() && account.credentials_version == version))
}

/// Makes other changes of the account's credentials wait for this transaction. [`Error::SignedOut`] if one came after the
/// account was read.
pub async fn lock_unchanged(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    if store::lock_version(tx, account).await? == 1 { Ok(()) } else { Err(Error::SignedOut) }
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
    lock_unchanged(tx, account).await?;
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

/// The account with this name, as it was typed.
pub async fn find_typed(connection: &mut impl Connection, username: &str) -> Result<Option<Account>, Error> {
    let account = find_by_username(connection, &as_typed(username)).await?;
    Ok(account.filter(|account| account.closed_at.is_none()))
}

pub async fn end_session(tx: &mut Tx, account: &Account, public_id: &str) -> Result<(), Error> {
    match store::delete_session(tx, &account.id, public_id).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends all sessions, and every sign-in and device approval that is under way; the number of sessions.
pub async fn end_sessions(tx: &mut Tx, account: &Account) -> Result<u64, Error> {
    Ok(store::raise_version(tx, account, None).await?)
}

/// The same for all but the session `own`, which asks for it.
pub async fn end_other_sessions(tx: &mut Tx, account: &Account, own: &SecretHash) -> Result<i64, Error> {
    lock_unchanged(tx, account).await?;
    Ok(store::raise_version(tx, account, Some(own)).await?.try_into().unwrap_or(i64::MAX))
}

/// Changes the password and ends all other sessions; how many.
pub async fn change_password(
    tx: &mut Tx,
    account: &Account,
    digest: &PasswordDigest,
    own: &SecretHash,
) -> Result<i64, Error> {
    let ended = end_other_sessions(tx, account, own).await?;
    store::set_digest(tx, &account.id, digest).await?;
    delete_password_links(tx, account).await?;
    Ok(ended)
}

/// Sets a new password and ends all sessions.
pub async fn set_password(tx: &mut Tx, account: &Account, digest: &PasswordDigest) -> Result<(), Error> {
    store::set_digest(tx, &account.id, digest).await?;
    delete_password_links(tx, account).await?;
    end_sessions(tx, account).await?;
    Ok(())
}
