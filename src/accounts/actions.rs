//! What can be done with accounts.

use dockpass_core::account::Account;
use dockpass_core::password::{Password, PasswordDigest, PasswordVerdict};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::{Username, as_typed};

use super::store::{self, SignedInSession};
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::password_hasher::PasswordHasher;
use crate::platform::rng::SystemRng;

/// An account to create.
#[derive(Debug)]
pub struct NewAccount {
    /// The username.
    pub username: Username,
    /// The hashed password.
    pub digest: PasswordDigest,
    /// Whether it is an administrator. The first account always is.
    pub is_admin: bool,
}

/// Why an account was not created.
#[derive(Debug)]
pub enum CreateAccountError {
    /// An account or a reserved namespace has this name.
    UsernameTaken,
    /// The first account exists already.
    AlreadySetUp,
    /// Another error.
    Failed(Error),
}

impl From<Error> for CreateAccountError {
    fn from(error: Error) -> Self {
        CreateAccountError::Failed(error)
    }
}

impl From<sqlx::Error> for CreateAccountError {
    fn from(error: sqlx::Error) -> Self {
        CreateAccountError::Failed(error.into())
    }
}

/// Creates the first account, an administrator. Of many callers at once only one succeeds: the others wait for its
/// transaction and then find the installation set up.
///
/// # Errors
/// [`CreateAccountError::AlreadySetUp`] for all other callers.
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

/// Creates an account. The first one becomes an administrator, and `/setup` closes.
///
/// # Errors
/// [`CreateAccountError::UsernameTaken`].
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

/// The account with this id.
pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Option<Account>, Error> {
    Ok(store::find(connection, id).await?)
}

/// The account with this name.
pub async fn find_by_username(connection: &mut impl Connection, username: &str) -> Result<Option<Account>, Error> {
    Ok(store::find_by_username(connection, username).await?.map(|(account, _)| account))
}

/// The account with this calendar secret.
pub async fn find_by_calendar(connection: &mut impl Connection, secret: &SecretHash) -> Result<Option<Account>, Error> {
    Ok(store::find_by_calendar(connection, secret).await?)
}

/// What a password is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordPurpose {
    /// Signing in on a page, which asks for the second factor afterwards.
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
    /// The account.
    pub account: Account,
    /// The digest that matched. The result counts only while this digest is still the account's.
    pub digest: PasswordDigest,
}

/// The account with this name and password. Every outcome costs one argon2 verification, so that the response time does
/// not tell whether the name exists. A digest with outdated parameters is renewed.
///
/// # Errors
/// [`Error::Unavailable`] for too many passwords at once.
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

/// Whether the first account exists.
pub async fn is_set_up(connection: &mut impl Connection) -> Result<bool, Error> {
    Ok(store::is_set_up(connection).await?)
}

/// Sets the language of an account; `None` follows the browser.
pub async fn set_language(tx: &mut Tx, account: &Account, language: Option<&str>) -> Result<(), Error> {
    store::set_language(tx, &account.id, language).await?;
    Ok(())
}

/// Sets the theme of an account; `None` follows the system.
pub async fn set_theme(tx: &mut Tx, account: &Account, theme: Option<&str>) -> Result<(), Error> {
    store::set_theme(tx, &account.id, theme).await?;
    Ok(())
}

/// Sets the display name and the time zone of an account.
pub async fn set_profile(
    tx: &mut Tx,
    account: &Account,
    display_name: Option<&str>,
    time_zone: Option<&str>,
) -> Result<(), Error> {
    store::set_profile(tx, &account.id, display_name, time_zone).await?;
    Ok(())
}

/// Notes the time of a request of the account.
pub async fn note_seen(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<(), Error> {
    store::note_seen(tx, &account.id, now).await?;
    Ok(())
}

/// The outcome of disabling or closing an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisableOutcome {
    /// It is disabled or closed from the next request on, and its sessions ended.
    Done,
    /// Nothing changed: it is the last administrator who can sign in.
    LastAdministrator,
    /// It was disabled or closed before.
    AlreadyDone,
}

/// Disables an account: its sessions end, and its tokens and password are refused from the next request on.
pub async fn disable(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<DisableOutcome, Error> {
    store::lock_administrators(tx).await?;
    if store::disable(tx, &account.id, now).await? == 0 {
        return why_not(tx, account).await;
    }
    delete_password_links(tx, account).await?;
    store::delete_sessions(tx, &account.id).await?;
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
    store::delete_sessions(tx, &account.id).await?;
    Ok(DisableOutcome::Done)
}

/// Why the guarded UPDATE changed nothing.
async fn why_not(tx: &mut Tx, account: &Account) -> Result<DisableOutcome, Error> {
    let is_enabled = store::find(tx, &account.id).await?.is_some_and(|account| account.is_enabled());
    Ok(if is_enabled { DisableOutcome::LastAdministrator } else { DisableOutcome::AlreadyDone })
}

/// Enables a disabled account, so that its tokens work again; `false` if it was not disabled.
pub async fn enable(tx: &mut Tx, account: &Account) -> Result<bool, Error> {
    Ok(store::enable(tx, &account.id).await? == 1)
}

/// Ends all sessions of an account; returns how many.
pub async fn end_sessions(tx: &mut Tx, account: &Account) -> Result<u64, Error> {
    Ok(store::delete_sessions(tx, &account.id).await?)
}

/// The id of the account with this name, as it was typed.
pub async fn id_of(connection: &mut impl Connection, username: &str) -> Result<Option<String>, Error> {
    Ok(find_by_username(connection, &as_typed(username)).await?.map(|account| account.id))
}

/// The sessions of an account, the last used first.
pub async fn sessions(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<SignedInSession>, Error> {
    Ok(store::sessions(connection, &account.id, now).await?)
}

/// Ends one session of an account.
///
/// # Errors
/// [`Error::NotFound`], even for a session of another account.
pub async fn end_session(tx: &mut Tx, account: &Account, public_id: &str) -> Result<(), Error> {
    match store::delete_session(tx, &account.id, public_id).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends all sessions of an account except `own`; returns how many.
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

/// Sets a new password and ends all sessions.
pub async fn set_password(tx: &mut Tx, account: &Account, digest: &PasswordDigest) -> Result<(), Error> {
    store::set_digest(tx, &account.id, digest).await?;
    delete_password_links(tx, account).await?;
    store::delete_sessions(tx, &account.id).await?;
    Ok(())
}

/// Deletes the links that can set the account's password.
pub async fn delete_password_links(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::delete_password_links(tx, &account.id).await?;
    Ok(())
}
