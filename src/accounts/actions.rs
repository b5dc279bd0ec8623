//! What can be done with accounts.

use zeroize::Zeroizing;

use super::store;
use crate::{
    core::{
        account::Account,
        moment::Moment,
        password::{Password, PasswordDigest, Verdict},
        secret::{SecretHash, random_base62},
        username::{Username, as_typed},
    },
    error::Error,
    platform::{
        db::{Connection, Db, Tx},
        entropy::Entropy,
        hasher::Hasher,
    },
};

/// 22 base62 characters: 131 random bits.
const SETUP_CODE_LENGTH: usize = 22;

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
pub enum NotCreated {
    /// Someone has this name.
    UsernameTaken,
    /// The first account exists already.
    AlreadySetUp,
    /// Another fault.
    Failed(Error),
}

impl From<sqlx::Error> for NotCreated {
    fn from(error: sqlx::Error) -> Self {
        NotCreated::Failed(error.into())
    }
}

/// Makes the first account, an administrator. However many ask at once, one succeeds: the others wait for its
/// transaction and then find the installation set up.
///
/// # Errors
/// [`NotCreated::AlreadySetUp`] for everyone but the first.
pub async fn create_first(tx: &mut Tx, new: NewAccount, now: Moment, entropy: Entropy) -> Result<Account, NotCreated> {
    if !store::mark_set_up(tx, now).await? {
        return Err(NotCreated::AlreadySetUp);
    }
    store::delete_setup_codes(tx).await?;
    insert(tx, NewAccount { is_admin: true, ..new }, now, entropy).await
}

/// Makes an account. Where there was none, it is the first one: an administrator, and `/setup` closes.
///
/// # Errors
/// [`NotCreated::UsernameTaken`].
pub async fn create(tx: &mut Tx, new: NewAccount, now: Moment, entropy: Entropy) -> Result<Account, NotCreated> {
    let is_first = store::mark_set_up(tx, now).await?;
    if is_first {
        store::delete_setup_codes(tx).await?;
    }
    insert(tx, NewAccount { is_admin: new.is_admin || is_first, ..new }, now, entropy).await
}

async fn insert(tx: &mut Tx, new: NewAccount, now: Moment, entropy: Entropy) -> Result<Account, NotCreated> {
    let account = Account {
        id: entropy.id(now),
        username: new.username,
        is_admin: new.is_admin,
        disabled_at: None,
        language: None,
        theme: None,
        created_at: now,
    };
    if store::insert(tx, &account, &new.digest).await? { Ok(account) } else { Err(NotCreated::UsernameTaken) }
}

/// The account with this id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Option<Account>, Error> {
    Ok(store::find(connection, id).await?)
}

/// The account whose name and password these are, or nobody. Whatever the answer and its cause, it costs one argon2
/// verification and nothing else that could be told from outside. A digest with outdated parameters is renewed.
///
/// # Errors
/// The database's, or too many at once.
pub async fn check_password(
    db: &Db,
    hasher: &Hasher,
    username: &str,
    password: Password,
) -> Result<Option<Account>, Error> {
    let found = store::find_by_username(&mut db.read().await?, &as_typed(username)).await?;
    let (account, digest) = found.unzip();
    let verdict = hasher.verify(password.clone(), digest.clone()).await?;
    if let (Verdict::RightButOutdated, Some(account), Some(digest)) = (verdict, &account, &digest) {
        let renewed = hasher.hash(password).await?;
        let mut tx = db.write().await?;
        store::replace_digest(&mut tx, &account.id, digest, &renewed).await?;
        tx.commit().await?;
    }
    let is_right = matches!(verdict, Verdict::Right | Verdict::RightButOutdated);
    Ok(account.filter(|account| is_right && account.is_enabled()))
}

/// Whether the first account exists.
///
/// # Errors
/// The database's.
pub async fn is_set_up(connection: &mut impl Connection) -> Result<bool, Error> {
    Ok(store::is_set_up(connection).await?)
}

/// A new code for `/setup`. Earlier ones stay good until the first account exists: two servers on one database may
/// both have printed one.
///
/// # Errors
/// The database's.
pub async fn make_setup_code(tx: &mut Tx, now: Moment, entropy: Entropy) -> Result<Zeroizing<String>, Error> {
    let code = random_base62(SETUP_CODE_LENGTH, &mut entropy.rng());
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

/// Remembers the language that an account chose.
///
/// # Errors
/// The database's.
pub async fn choose_language(tx: &mut Tx, account: &Account, language: &str) -> Result<(), Error> {
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
