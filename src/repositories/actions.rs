//! What can be done with repositories.

use std::collections::HashSet;

use dockpass_core::account::Account;
use dockpass_core::permission_check::{ShareLevel, ownership};
use dockpass_core::repository::{NamePattern, RepositoryFilter, RepositoryName};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{ImageDirection, LastUse};

use super::facts::store as facts;
use super::store::{self, ListedRepository};
use crate::accounts;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::journal::Journal;
use crate::platform::rng::SystemRng;

pub use super::store::NotCreated;

/// The names and patterns of a filter that match nothing that this account can use: no repository of its own, which need
/// not exist yet, none that is shared with it or public, and for an administrator none without an owner.
pub async fn out_of_reach(
    connection: &mut impl Connection,
    account: &Account,
    filter: &RepositoryFilter,
) -> Result<Vec<String>, Error> {
    let is_foreign = |pattern: &&NamePattern| !pattern.can_match_of(account.username.as_str());
    let foreign: Vec<&NamePattern> = filter.patterns().iter().filter(is_foreign).collect();
    if foreign.is_empty() {
        return Ok(Vec::new());
    }
    let shared = store::shared_with(connection, account).await?;
    let mut unused = Vec::new();
    for pattern in foreign {
        let is_used = shared.iter().any(|(name,)| pattern.matches(name))
            || match (RepositoryName::parse(pattern.as_str()), pattern.namespace()) {
                (Some(name), _) => {
                    let known = facts::facts(connection, &account.id, &name).await?;
                    known.is_public || account.is_admin && !known.has_owner
                }
                (None, Some(namespace)) if account.is_admin => match RepositoryName::parse(namespace) {
                    Some(name) => !facts::facts(connection, &account.id, &name).await?.has_owner,
                    None => false,
                },
                (None, namespace) => account.is_admin && namespace.is_none(),
            };
        if !is_used {
            unused.push(pattern.as_str().to_owned());
        }
    }
    Ok(unused)
}

/// The entries that one transaction writes: others wait for the database meanwhile.
const SLICE: usize = 200;
const BOUND: usize = 20_000;

/// Granted pushes and pulls of repositories that are not written yet, by name: the latest of each.
pub type RepositoryUses = Journal<(String, ImageDirection), LastUse>;

pub fn repository_uses() -> RepositoryUses {
    Journal::new(BOUND, LastUse::or_later)
}

/// Writes the pushes and pulls that were noted. The first granted push creates a repository.
pub async fn flush(db: &Db, uses: &RepositoryUses, rng: SystemRng) -> Result<(), Error> {
    let mut batch = uses.batch().await;
    let mut full = HashSet::new();
    while !batch.is_empty() {
        let slice = &batch[..batch.len().min(SLICE)];
        let mut tx = db.write().await?;
        if slice.iter().any(|((_, direction), _)| *direction == ImageDirection::Push) {
            store::lock_names(&mut tx).await?;
        }
        for ((name, direction), last_use) in slice {
            note_or_create(&mut tx, name, *direction, last_use, &mut full, rng).await?;
        }
        tx.commit().await?;
        let count = slice.len();
        batch.written(count);
    }
    Ok(())
}

/// Notes the last push or pull of a repository, where there is one of this name; whether it was noted.
pub async fn note(tx: &mut Tx, name: &str, direction: ImageDirection, last_use: &LastUse) -> Result<bool, Error> {
    Ok(store::note(tx, name, direction, last_use).await? > 0)
}

/// The same, and creates a repository that is pushed; names are locked by then. `full` collects the namespaces that have
/// no room for more.
async fn note_or_create(
    tx: &mut Tx,
    name: &str,
    direction: ImageDirection,
    last_use: &LastUse,
    full: &mut HashSet<String>,
    rng: SystemRng,
) -> Result<(), Error> {
    if note(tx, name, direction, last_use).await? || direction == ImageDirection::Pull {
        return Ok(());
    }
    let Some(name) = RepositoryName::parse(name).filter(|name| !full.contains(name.namespace())) else {
        return Ok(());
    };
    match store::insert(tx, &rng.id(last_use.at), &name, None, last_use.at).await? {
        Ok(()) => {
            store::note(tx, name.as_str(), direction, last_use).await?;
        }
        Err(NotCreated::Full) => {
            tracing::warn!(namespace = name.namespace(), "the list of repositories is full for this namespace");
            full.insert(name.namespace().to_owned());
        }
        // Its last push is later than this one.
        Err(_) => {}
    }
    Ok(())
}

pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    text: &str,
    page: u32,
) -> Result<(Vec<ListedRepository>, i64), Error> {
    Ok(store::list(connection, account, text, page).await?)
}

/// The first `most` names that contain `text` of the repositories that an account can use, and how many there are. An
/// administrator can also use those that belong to no account.
pub async fn usable_names(
    connection: &mut impl Connection,
    account: &Account,
    text: &str,
    most: usize,
) -> Result<(Vec<String>, i64), Error> {
    let rows = store::usable_names(connection, account, text, most as i64).await?;
    let count = rows.first().map_or(0, |(_, count)| *count);
    Ok((rows.into_iter().map(|(name, _)| name).collect(), count))
}

/// A repository in this account's list. For any other the error is [`Error::NotFound`].
pub async fn find_listed(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> Result<ListedRepository, Error> {
    store::find(connection, account, id).await?.ok_or(Error::NotFound)
}

/// A repository that this account manages: its own, or for an administrator one that belongs to no account. For any other
/// the error is [`Error::NotFound`].
pub async fn find_managed(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> Result<ListedRepository, Error> {
    let found = store::find(connection, account, id).await?;
    found.filter(|repository| manages(account, repository)).ok_or(Error::NotFound)
}

/// A repository that this account can make private and remove from the list: one that it manages, and for an administrator
/// also one whose owner is disabled or closed. For any other the error is [`Error::NotFound`].
pub async fn find_closable(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> Result<ListedRepository, Error> {
    let found = store::find(connection, account, id).await?;
    found.filter(|repository| closes(account, repository)).ok_or(Error::NotFound)
}

pub fn manages(account: &Account, repository: &ListedRepository) -> bool {
    let (username, is_an_accounts) = (account.username.as_str(), repository.owner.is_some());
    ownership(username, account.is_admin, &repository.name, is_an_accounts).is_some()
}

/// Whether an account can make a repository private and remove it. Nobody can make a repository of a disabled or closed
/// account public, or share it.
pub fn closes(account: &Account, repository: &ListedRepository) -> bool {
    manages(account, repository) || account.is_admin && repository.owner_is_away
}

/// Creates a repository before anything is pushed to it.
pub async fn create(
    tx: &mut Tx,
    account: &Account,
    name: &RepositoryName,
    is_public: bool,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Result<(), NotCreated>, Error> {
    store::lock_names(tx).await?;
    let is_an_accounts = facts::facts(tx, &account.id, name).await?.has_owner;
    if ownership(account.username.as_str(), account.is_admin, name, is_an_accounts).is_none() {
        return Ok(Err(NotCreated::NotOwn));
    }
    Ok(store::insert(tx, &rng.id(now), name, Some(is_public), now).await?)
}

/// What an import does with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    Created,
    /// It was there before, and stays as it is.
    Known,
    /// It belongs to no account.
    Unowned,
    /// The namespace has as many as are kept.
    Full,
}

/// Creates repositories that a registry holds, as private ones; what became of each. Those that belong to no account are left
/// out, unless `with_unowned` gives them to the administrators. With `is_dry_run`, nothing is committed.
pub async fn import(
    db: &Db,
    names: &[RepositoryName],
    with_unowned: bool,
    is_dry_run: bool,
    now: Timestamp,
    rng: SystemRng,
) -> Result<Vec<ImportOutcome>, Error> {
    let mut outcomes = Vec::with_capacity(names.len());
    for slice in names.chunks(SLICE) {
        let mut tx = db.write().await?;
        store::lock_names(&mut tx).await?;
        for name in slice {
            let has_owner = facts::facts(&mut tx, "", name).await?.has_owner;
            // Only `alice/…` belongs to alice: `alice` itself is nobody's.
            let is_created = if has_owner { name.is_of(name.namespace()) } else { with_unowned };
            let outcome = match is_created {
                false => ImportOutcome::Unowned,
                true => match store::insert(&mut tx, &rng.id(now), name, Some(false), now).await? {
                    Ok(()) => ImportOutcome::Created,
                    Err(NotCreated::Full) => ImportOutcome::Full,
                    Err(NotCreated::Exists | NotCreated::NotOwn) => ImportOutcome::Known,
                },
            };
            outcomes.push(outcome);
        }
        if !is_dry_run {
            tx.commit().await?;
        }
    }
    Ok(outcomes)
}

/// Makes a repository public or private; whether that changed anything. For one that this account may not change the error
/// is [`Error::NotFound`].
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

/// Removes a repository from the list, with its shares. The images stay in the registry, and the next granted push creates
/// the entry again. For one that this account cannot remove, or that is gone, the error is [`Error::NotFound`].
pub async fn remove(tx: &mut Tx, account: &Account, id: &str) -> Result<ListedRepository, Error> {
    let repository = find_closable(tx, account, id).await?;
    match store::remove(tx, id).await? {
        0 => Err(Error::NotFound),
        _ => Ok(repository),
    }
}

/// Makes the repositories of an account that is being closed private: nobody could do it later.
pub async fn close_of(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::close_all(tx, account).await?;
    Ok(())
}

/// The accounts that a repository is shared with: id, name and level.
pub async fn shares(connection: &mut impl Connection, id: &str) -> Result<Vec<(String, String, ShareLevel)>, Error> {
    Ok(store::shares(connection, id).await?)
}

/// Why a repository was not shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShared {
    Nobody,
    HasIt,
}

/// Shares a repository with an account, by its name as typed. For a repository that this account does not manage, or that
/// is gone, the error is [`Error::NotFound`].
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
    if store::lock(tx, id).await? == 0 {
        return Err(Error::NotFound);
    }
    store::give(tx, id, &other.id, share, now).await?;
    Ok(Ok(repository))
}

/// Removes an account's access. For a repository that this account cannot make private, or that is not shared with the
/// other, the error is [`Error::NotFound`].
pub async fn take_back(tx: &mut Tx, account: &Account, id: &str, from: &str) -> Result<ListedRepository, Error> {
    let repository = find_closable(tx, account, id).await?;
    match store::take_back(tx, id, from).await? {
        0 => Err(Error::NotFound),
        _ => Ok(repository),
    }
}

pub async fn pushes_are_public(connection: &mut impl Connection, account: &Account) -> Result<bool, Error> {
    Ok(store::pushes_are_public(connection, account).await?)
}

pub async fn set_pushes_public(tx: &mut Tx, account: &Account, are_public: bool) -> Result<(), Error> {
    store::set_pushes_public(tx, account, are_public).await?;
    Ok(())
}
