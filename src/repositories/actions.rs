//! What can be done with repositories.

use std::collections::HashSet;

use dockpass_core::{
    account::Account,
    permission::{RepositoryFacts, ShareLevel, ownership},
    repository::RepositoryName,
    timestamp::Timestamp,
};

use super::store::{self, Inserted, ListedRepository};
use crate::{
    accounts,
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        journal::{ImageDirection, LastUse, RepositoryUses},
        rng::SystemRng,
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
) -> Result<Vec<RepositoryFacts>, Error> {
    let mut facts = Vec::with_capacity(names.len());
    for name in names {
        facts.push(store::facts(connection, account_id.unwrap_or_default(), name).await?);
    }
    Ok(facts)
}

/// So many notes are written in one transaction: others wait for no more than that.
const SLICE: usize = 200;

/// Writes all pushes and pulls that were noted: a repository that was not known before is known from its first push
/// on. What could not be written is noted again.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, uses: &RepositoryUses, rng: SystemRng) -> Result<(), Error> {
    let mut taken: Vec<((String, ImageDirection), LastUse)> = uses.take().into_iter().collect();
    // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
    taken.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (mut full, mut done) = (HashSet::new(), 0);
    let written = async {
        for slice in taken.chunks(SLICE) {
            let mut tx = db.write().await?;
            if slice.iter().any(|((_, direction), _)| *direction == ImageDirection::Push) {
                hold_names(&mut tx).await?;
            }
            for ((name, direction), handling) in slice {
                note_or_make(&mut tx, name, *direction, handling, &mut full, rng).await?;
            }
            tx.commit().await?;
            done += slice.len();
        }
        Ok(())
    };
    let written: sqlx::Result<()> = written.await;
    written.map_err(|error| {
        for (key, handling) in taken.drain(done..) {
            uses.note(key, handling, later);
        }
        Error::from(error)
    })
}

/// Of two pushes, or pulls, the later one is kept.
pub fn later(known: &mut LastUse, other: LastUse) {
    if other.at >= known.at {
        *known = other;
    }
}

/// Notes one push or pull of a repository that is known; whether it was noted.
///
/// # Errors
/// The database's.
pub async fn note(tx: &mut Tx, name: &str, direction: ImageDirection, handling: &LastUse) -> sqlx::Result<bool> {
    let noted = match direction {
        ImageDirection::Pull => store::note_pull(tx, name, handling).await?,
        ImageDirection::Push => store::note_push(tx, name, handling).await?,
    };
    Ok(noted > 0)
}

/// Stands in line with whoever makes or closes an account. Whoever is about to make repositories known does so first of
/// all: then nobody waits in a circle.
///
/// # Errors
/// The database's.
pub async fn hold_names(tx: &mut Tx) -> sqlx::Result<()> {
    store::hold_names(tx).await?;
    Ok(())
}

/// Notes one push or pull of a repository that becomes known by its push where it is not; the names are held by then.
/// `full` remembers the namespaces of which no more repositories are kept, so that of many notes each is counted once.
///
/// # Errors
/// The database's.
pub async fn note_or_make(
    tx: &mut Tx,
    name: &str,
    direction: ImageDirection,
    handling: &LastUse,
    full: &mut HashSet<String>,
    rng: SystemRng,
) -> sqlx::Result<()> {
    if note(tx, name, direction, handling).await? || direction == ImageDirection::Pull {
        return Ok(());
    }
    let Some(name) = RepositoryName::parse(name).filter(|name| !full.contains(name.namespace())) else {
        return Ok(());
    };
    match store::insert(tx, &rng.id(handling.at), &name, None, handling.at).await? {
        Inserted::New => {
            store::note_push(tx, name.as_str(), handling).await?;
        }
        Inserted::Full => {
            tracing::warn!(namespace = name.namespace(), "as many repositories are known as are kept: this one is not");
            full.insert(name.namespace().to_owned());
        }
        // It was known, and its last push is later than this one.
        Inserted::Known => {}
    }
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
) -> Result<(Vec<ListedRepository>, i64), Error> {
    Ok(store::list(connection, account, text, page).await?)
}

/// A repository that this account manages: its own, or for an administrator one of no account's.
///
/// # Errors
/// [`Error::NotFound`], also for one that is merely shared with it.
pub async fn find_managed(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> Result<ListedRepository, Error> {
    let found = store::find(connection, account, id).await?;
    found.filter(|repository| manages(account, repository)).ok_or(Error::NotFound)
}

/// A repository that this account can close to others and take from the list: one that it manages, and for an
/// administrator also one whose owner is away.
///
/// # Errors
/// [`Error::NotFound`] for every other.
pub async fn find_closable(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> Result<ListedRepository, Error> {
    let found = store::find(connection, account, id).await?;
    found.filter(|repository| closes(account, repository)).ok_or(Error::NotFound)
}

/// Whether an account decides about a repository.
pub fn manages(account: &Account, repository: &ListedRepository) -> bool {
    let (username, is_an_accounts) = (account.username.as_str(), repository.owner.is_some());
    ownership(username, account.is_admin, &repository.name, is_an_accounts).is_some()
}

/// Whether an account can close a repository to others. Nobody opens one of somebody who is away, nor shares it.
pub fn closes(account: &Account, repository: &ListedRepository) -> bool {
    manages(account, repository) || account.is_admin && repository.owner_is_away
}

/// Why a repository was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMade {
    /// There is one of this name.
    Exists,
    /// The name is not this account's to give.
    NotOwn,
    /// Of this namespace no more are kept.
    Full,
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
    now: Timestamp,
    rng: SystemRng,
) -> Result<Result<(), NotMade>, Error> {
    hold_names(tx).await?;
    let is_an_accounts = store::facts(tx, &account.id, name).await?.has_owner;
    if ownership(account.username.as_str(), account.is_admin, name, is_an_accounts).is_none() {
        return Ok(Err(NotMade::NotOwn));
    }
    Ok(match store::insert(tx, &rng.id(now), name, Some(is_public), now).await? {
        Inserted::New => Ok(()),
        Inserted::Known => Err(NotMade::Exists),
        Inserted::Full => Err(NotMade::Full),
    })
}

/// Opens a repository to everyone, or closes it; whether that changed anything.
///
/// # Errors
/// [`Error::NotFound`] for one that this account cannot open, or close.
pub async fn set_public(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    is_public: bool,
) -> Result<(ListedRepository, bool), Error> {
    let repository =
        if is_public { find_managed(tx, account, id).await? } else { find_closable(tx, account, id).await? };
    let changed = store::set_public(tx, id, is_public).await? == 1;
    Ok((repository, changed))
}

/// Forgets a repository with its shares. What the registry has of it stays there, and the next push makes it anew.
///
/// # Errors
/// [`Error::NotFound`] for one that this account cannot remove, or that someone removed meanwhile.
pub async fn remove(tx: &mut Tx, account: &Account, id: &str) -> Result<ListedRepository, Error> {
    let repository = find_closable(tx, account, id).await?;
    match store::remove(tx, id).await? {
        0 => Err(Error::NotFound),
        _ => Ok(repository),
    }
}

/// Closes what an account that is being closed leaves behind: nobody could do it later.
///
/// # Errors
/// The database's.
pub async fn close_of(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::close_all(tx, account).await?;
    Ok(())
}

/// Whom a repository is shared with: account id, name, how far.
///
/// # Errors
/// The database's.
pub async fn shares(connection: &mut impl Connection, id: &str) -> Result<Vec<(String, String, ShareLevel)>, Error> {
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
/// [`Error::NotFound`] for a repository that this account does not manage, or that someone removed meanwhile.
pub async fn give(
    tx: &mut Tx,
    account: &Account,
    id: &str,
    to: &str,
    share: ShareLevel,
    now: Timestamp,
) -> Result<Result<ListedRepository, NotShared>, Error> {
    let repository = find_managed(tx, account, id).await?;
    let other = accounts::actions::find_by_username(tx, &dockpass_core::username::as_typed(to)).await?;
    let Some(other) = other.filter(|other| other.closed_at.is_none()) else { return Ok(Err(NotShared::Nobody)) };
    if manages(&other, &repository) {
        return Ok(Err(NotShared::HasIt));
    }
    if store::hold(tx, id).await? == 0 {
        return Err(Error::NotFound);
    }
    store::give(tx, id, &other.id, share, now).await?;
    Ok(Ok(repository))
}

/// Takes a share back.
///
/// # Errors
/// [`Error::NotFound`] for a repository that this account cannot close, or that was not shared so.
pub async fn take_back(tx: &mut Tx, account: &Account, id: &str, from: &str) -> Result<ListedRepository, Error> {
    let repository = find_closable(tx, account, id).await?;
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
