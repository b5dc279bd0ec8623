//! What can be done with accounts.

use dockpass_core::{
    account::Account,
    password::{Password, PasswordDigest, PasswordVerdict},
    secret::SecretHash,
    timestamp::Timestamp,
    username::{Username, as_typed},
};

use super::store::{self, SignedInSession};
use crate::{
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        password_hasher::PasswordHasher,
        rng::SystemRng,
    },
};

/// What a new account begins with.
#[derive(Debug)]
pub struct NewAccount {
    /// Checked.
    pub username: Username,
    /// The chosen password, hashed.
    pub digest: PasswordDigest,
    /// Whether it may manage others. The first account always may.
    pub is_admin: bool,
}

/// Why an account was not made.
#[derive(Debug)]
pub enum CreateAccountError {
    /// Someone has this name.
    UsernameTaken,
    /// The first account exists already.
    AlreadySetUp,
    /// Another fault.
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

/// Makes the first account, an administrator. However many ask at once, one succeeds: the others wait for its
/// transaction and then find the installation set up.
///
/// # Errors
/// [`CreateAccountError::AlreadySetUp`] for everyone but the first.
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

/// Makes an account. Where there was none, it is the first one: an administrator, and `/setup` closes.
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
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Option<Account>, Error> {
    Ok(store::find(connection, id).await?)
}

/// The account with this name.
///
/// # Errors
/// The database's.
pub async fn find_by_username(connection: &mut impl Connection, username: &str) -> Result<Option<Account>, Error> {
    Ok(store::find_by_username(connection, username).await?.map(|(account, _)| account))
}

/// The account with this calendar secret.
///
/// # Errors
/// The database's.
pub async fn find_by_calendar(connection: &mut impl Connection, secret: &SecretHash) -> Result<Option<Account>, Error> {
    Ok(store::find_by_calendar(connection, secret).await?)
}

/// What a password is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordPurpose {
    /// Signing in on a page, where the second factor is asked for afterwards.
    Page,
    /// The token endpoint, where it cannot be: with two-factor authentication on, or required, the password is not
    /// even compared, so that the endpoint is no oracle for it.
    Registry {
        /// Whether the operator requires two-factor authentication.
        requires_second_factor: bool,
    },
}

impl PasswordPurpose {
    fn accepts_password_of(self, account: &Account) -> bool {
        match self {
            PasswordPurpose::Page => true,
            PasswordPurpose::Registry { requires_second_factor } => {
                !requires_second_factor && !account.has_second_factor
            }
        }
    }
}

/// An account whose password was shown.
#[derive(Debug)]
pub struct VerifiedPassword {
    /// Whose.
    pub account: Account,
    /// The digest that it was compared with: what follows from the comparison holds only while it is still stored.
    pub digest: PasswordDigest,
}

/// The account whose name and password these are, or nobody. Whatever the answer and its cause, it costs one argon2
/// verification and nothing else that could be told from outside. A digest with outdated parameters is renewed.
///
/// # Errors
/// The database's, or too many at once.
pub async fn check_password(
    db: &Db,
    hasher: &PasswordHasher,
    username: &str,
    password: Password,
    purpose: PasswordPurpose,
) -> Result<Option<VerifiedPassword>, Error> {
    let found = store::find_by_username(&mut db.read().await?, &as_typed(username)).await?;
    let found = found.filter(|(account, _)| purpose.accepts_password_of(account));
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
///
/// # Errors
/// The database's.
pub async fn is_set_up(connection: &mut impl Connection) -> Result<bool, Error> {
    Ok(store::is_set_up(connection).await?)
}

/// Remembers the language that an account chose; `None` follows the browser.
///
/// # Errors
/// The database's.
pub async fn choose_language(tx: &mut Tx, account: &Account, language: Option<&str>) -> Result<(), Error> {
    store::set_language(tx, &account.id, language).await?;
    Ok(())
}

/// Remembers the theme that an account chose; `None` follows the system.
///
/// # Errors
/// The database's.
pub async fn choose_theme(tx: &mut Tx, account: &Account, theme: Option<&str>) -> Result<(), Error> {
    store::set_theme(tx, &account.id, theme).await?;
    Ok(())
}

/// Remembers how the person wants to be called, and their time zone.
///
/// # Errors
/// The database's.
pub async fn set_profile(
    tx: &mut Tx,
    account: &Account,
    display_name: Option<&str>,
    time_zone: Option<&str>,
) -> Result<(), Error> {
    store::set_profile(tx, &account.id, display_name, time_zone).await?;
    Ok(())
}

/// Notes that the person was here.
///
/// # Errors
/// The database's.
pub async fn note_seen(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<(), Error> {
    store::note_seen(tx, &account.id, now).await?;
    Ok(())
}

/// What became of taking an account away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisableOutcome {
    /// It holds from the next request on; its sessions are ended.
    Done,
    /// It is the last administrator who can sign in.
    LastAdministrator,
    /// It was so already.
    AlreadySo,
}

/// Disables an account: its sessions end at once, its tokens and password are refused from the next request on.
///
/// # Errors
/// The database's.
pub async fn disable(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<DisableOutcome, Error> {
    store::lock_administrators(tx).await?;
    if store::disable(tx, &account.id, now).await? == 0 {
        return why_not(tx, account).await;
    }
    forget_links(tx, account).await?;
    store::delete_sessions(tx, &account.id).await?;
    Ok(DisableOutcome::Done)
}

/// Closes an account for good. Its name stays reserved: nobody inherits `name/…`.
///
/// # Errors
/// The database's.
pub async fn close(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<DisableOutcome, Error> {
    store::lock_administrators(tx).await?;
    if store::close(tx, &account.id, &PasswordDigest::unusable(), now).await? == 0 {
        return why_not(tx, account).await;
    }
    store::delete_recovery_codes(tx, &account.id).await?;
    forget_links(tx, account).await?;
    store::delete_sessions(tx, &account.id).await?;
    Ok(DisableOutcome::Done)
}

/// The guarded UPDATE touched nothing; this tells why.
async fn why_not(tx: &mut Tx, account: &Account) -> Result<DisableOutcome, Error> {
    let is_enabled = store::find(tx, &account.id).await?.is_some_and(|account| account.is_enabled());
    Ok(if is_enabled { DisableOutcome::LastAdministrator } else { DisableOutcome::AlreadySo })
}

/// Enables a disabled account; its tokens work again.
///
/// # Errors
/// The database's.
pub async fn enable(tx: &mut Tx, account: &Account) -> Result<bool, Error> {
    Ok(store::enable(tx, &account.id).await? == 1)
}

/// Signs an account out everywhere; how many sessions that ended.
///
/// # Errors
/// The database's.
pub async fn end_sessions(tx: &mut Tx, account: &Account) -> Result<u64, Error> {
    Ok(store::delete_sessions(tx, &account.id).await?)
}

/// The id of the account with this name, as typed.
///
/// # Errors
/// The database's.
pub async fn id_of(connection: &mut impl Connection, username: &str) -> Result<Option<String>, Error> {
    Ok(find_by_username(connection, &as_typed(username)).await?.map(|account| account.id))
}

/// Where an account is signed in, the latest first.
///
/// # Errors
/// The database's.
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
/// [`Error::NotFound`], also for a session of another account.
pub async fn end_session(tx: &mut Tx, account: &Account, public_id: &str) -> Result<(), Error> {
    match store::delete_session(tx, &account.id, public_id).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends all sessions but one; how many.
///
/// # Errors
/// The database's.
pub async fn end_other_sessions(tx: &mut Tx, account: &Account, own: &SecretHash) -> Result<i64, Error> {
    Ok(store::delete_other_sessions(tx, &account.id, own.as_bytes()).await?.try_into().unwrap_or(i64::MAX))
}

/// Changes the password and ends every other session; how many. `None` where the password that was shown is not the
/// account's any more: someone set another one meanwhile.
///
/// # Errors
/// The database's.
pub async fn change_password(
    tx: &mut Tx,
    shown: &VerifiedPassword,
    digest: &PasswordDigest,
    own: &SecretHash,
) -> Result<Option<i64>, Error> {
    if store::replace_digest(tx, &shown.account.id, &shown.digest, digest).await? == 0 {
        return Ok(None);
    }
    forget_links(tx, &shown.account).await?;
    end_other_sessions(tx, &shown.account, own).await.map(Some)
}

/// A mark of an account's present password, for states that must end with it.
///
/// # Errors
/// The database's.
pub async fn password_mark(connection: &mut impl Connection, account: &Account) -> Result<Option<SecretHash>, Error> {
    let found = store::find_by_username(connection, account.username.as_str()).await?;
    Ok(found.map(|(_, digest)| digest.fingerprint()))
}

/// Sets a new password and signs the account out everywhere.
///
/// # Errors
/// The database's.
pub async fn set_password(tx: &mut Tx, account: &Account, digest: &PasswordDigest) -> Result<(), Error> {
    store::set_digest(tx, &account.id, digest).await?;
    forget_links(tx, account).await?;
    store::delete_sessions(tx, &account.id).await?;
    Ok(())
}

/// Deletes the links that set a password: a new password ends what could set another.
///
/// # Errors
/// The database's.
pub async fn forget_links(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::delete_password_links(tx, &account.id).await?;
    Ok(())
}
