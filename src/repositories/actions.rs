//! What can be done with repositories.

use std::collections::BTreeMap;

use super::{
    passwords::actions as passwords,
    store::{self, Listed},
};
use crate::{
    accounts,
    core::{
        account::Account,
        moment::Moment,
        permission::{Facts, Share},
        repository::RepositoryName,
    },
    error::Error,
    platform::{
        collector::{Direction, Handling, RepositoryUses},
        db::{Connection, Db, Tx},
        entropy::Entropy,
    },
};

/// What is known of repositories, for the account that asks; nobody is `None`.
///
/// # Errors
/// The database's.
pub async fn facts(
    connection: &mut impl Connection,
    account_id: Option<&str>,
    names: &[RepositoryName],
) -> Result<Vec<Facts>, Error> {
    let mut facts = Vec::with_capacity(names.len());
    for name in names {
        facts.push(store::facts(connection, account_id.unwrap_or_default(), name).await?);
    }
    Ok(facts)
}

/// Writes all pushes and pulls that were noted, in one transaction: a repository that was not known before is known
/// from its first push on. What could not be written is noted again.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, uses: &RepositoryUses, entropy: Entropy) -> Result<(), Error> {
    // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
    let taken: BTreeMap<(String, Direction), Handling> = uses.take().into_iter().collect();
    if taken.is_empty() {
        return Ok(());
    }
    let written = async {
        let mut tx = db.write().await?;
        for ((name, direction), handling) in &taken {
            note(&mut tx, name, *direction, handling, entropy).await?;
            passwords::note(&mut tx, name, *direction, handling).await?;
        }
        tx.commit().await
    };
    written.await.map_err(|error: sqlx::Error| {
        for (key, handling) in taken {
            uses.note(key, handling, later);
        }
        Error::from(error)
    })
}

/// Of two pushes, or pulls, the later one is kept.
pub fn later(known: &mut Handling, other: Handling) {
    if other.at >= known.at {
        *known = other;
    }
}

/// Notes one push or pull.
///
/// # Errors
/// The database's.
pub async fn note(
    tx: &mut Tx,
    name: &str,
    direction: Direction,
    handling: &Handling,
    entropy: Entropy,
) -> sqlx::Result<()> {
    match direction {
        Direction::Pull => store::note_pull(tx, name, handling).await?,
        Direction::Push => match (store::note_push(tx, name, handling).await?, RepositoryName::parse(name)) {
            (0, Some(name)) => {
                store::insert(tx, &entropy.id(handling.at), &name, None, handling.at).await?;
                store::note_push(tx, name.as_str(), handling).await?
            }
            (noted, _) => noted,
        },
    };
    Ok(())
}

/// A page of what an account has and what is shared with it, and how many there are in all.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    text: &str,
    page: u32,
) -> Result<(Vec<Listed>, i64), Error> {
    Ok(store::list(connection, account, text, page).await?)
}

/// A repository that this account manages: its own, or for an administrator one of no account's.
///
/// # Errors
/// [`Error::NotFound`], also for one that is merely shared with it.
pub async fn find_managed(connection: &mut impl Connection, account: &Account, id: &str) -> Result<Listed, Error> {
    let found = store::find(connection, account, id).await?;
    found.filter(|repository| manages(account, repository)).ok_or(Error::NotFound)
}

/// Whether an account decides about a repository.
pub fn manages(account: &Account, repository: &Listed) -> bool {
    match &repository.owner {
        Some(owner) => owner == account.username.as_str() && repository.name.is_of(owner),
        None => account.is_admin,
    }
}

/// Why a repository was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMade {
    /// There is one of this name.
    Exists,
    /// The name is not this account's to give.
    NotOwn,
}

/// Makes a repository by hand, before anything is pushed to it.
///
/// # Errors
/// The database's.
pub async fn create(
    tx: &mut Tx,
    account: &Account,
    name: &RepositoryName,
    is_public: bool,
    now: Moment,
    entropy: Entropy,
) -> Result<Result<(), NotMade>, Error> {
    let is_own = name.is_of(account.username.as_str());
    let is_an_accounts = store::facts(tx, &account.id, name).await?.is_an_accounts;
    if !is_own && (is_an_accounts || !account.is_admin) {
        return Ok(Err(NotMade::NotOwn));
    }
    let is_new = store::insert(tx, &entropy.id(now), name, Some(is_public), now).await?;
    Ok(if is_new { Ok(()) } else { Err(NotMade::Exists) })
}

/// Opens a repository to everyone, or closes it; whether that changed anything.
///
/// # Errors
/// [`Error::NotFound`] for one that this account does not manage.
pub async fn set_public(tx: &mut Tx, account: &Account, id: &str, is_public: bool) -> Result<(Listed, bool), Error> {
    let repository = find_managed(tx, account, id).await?;
    let changed = store::set_public(tx, id, is_public).await? == 1;
    Ok((repository, changed))
}

/// Forgets a repository with its shares. What the registry has of it stays there, and the next push makes it anew.
///
/// # Errors
/// [`Error::NotFound`] for one that this account does not manage.
pub async fn remove(tx: &mut Tx, account: &Account, id: &str) -> Result<Listed, Error> {
    let repository = find_managed(tx, account, id).await?;
    store::remove(tx, id).await?;
    Ok(repository)
}

/// Closes what an account that is being closed leaves behind: nobody could do it later.
///
/// # Errors
/// The database's.
pub async fn close_of(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::close_all(tx, account.username.as_str()).await?;
    Ok(())
}

/// Whom a repository is shared with: account id, name, how far.
///
/// # Errors
/// The database's.
pub async fn shares(connection: &mut impl Connection, id: &str) -> Result<Vec<(String, String, Share)>, Error> {
    Ok(store::shares(connection, id).await?)
}

/// Why a repository was not shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShared {
    /// There is no such account, or not any more.
    Nobody,
    /// It is the account's own, or an administrator's who has it anyway.
    HasIt,
}

/// Shares a repository with an account, by its name as typed.
///
/// # Errors
/// [`Error::NotFound`] for a repository that this account does not manage.
pub async fn give(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    to: &str,
    share: Share,
    now: Moment,
) -> Result<Result<Listed, NotShared>, Error> {
    let repository = find_managed(tx, account, id).await?;
    let other = accounts::actions::find_by_username(tx, &crate::core::username::as_typed(to)).await?;
    let Some(other) = other.filter(|other| other.closed_at.is_none()) else { return Ok(Err(NotShared::Nobody)) };
    if manages(&other, &repository) {
        return Ok(Err(NotShared::HasIt));
    }
    store::give(tx, id, &other.id, share, now).await?;
    Ok(Ok(repository))
}

/// Takes a share back.
///
/// # Errors
/// [`Error::NotFound`] for a repository that this account does not manage, or that was not shared so.
pub async fn take_back(tx: &mut Tx, account: &Account, id: &str, from: &str) -> Result<Listed, Error> {
    let repository = find_managed(tx, account, id).await?;
    match store::take_back(tx, id, from).await? {
        0 => Err(Error::NotFound),
        _ => Ok(repository),
    }
}

/// Whether what the account pushes first is public.
///
/// # Errors
/// The database's.
pub async fn pushes_are_public(connection: &mut impl Connection, account: &Account) -> Result<bool, Error> {
    Ok(store::pushes_are_public(connection, account).await?)
}

/// Settles whether what the account pushes first is public.
///
/// # Errors
/// The database's.
pub async fn set_pushes_public(tx: &mut Tx, account: &Account, are_public: bool) -> Result<(), Error> {
    store::set_pushes_public(tx, account, are_public).await?;
    Ok(())
}
