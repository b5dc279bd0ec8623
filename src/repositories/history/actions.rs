//! Adding to the history of a repository, and reading it.

use std::collections::HashSet;

use dockpass_core::account::Account;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{LastUse, UseAction};
use time::Duration;

use super::store;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::rng::SystemRng;
use crate::repositories::store::NamedLastUse;

const KEPT: Duration = Duration::days(90);
/// The changes of a repository that are kept at the hourly cleanup.
const MOST: i64 = 500;
/// How long before its index a manifest was pushed as a part of it: a large image takes its time.
const PUSHED_TOGETHER: Duration = Duration::HOUR;

/// A push or a deletion.
#[derive(Debug, Clone)]
pub struct RepositoryChange {
    pub action: UseAction,
    /// Empty where the client named the digest.
    pub tag: String,
    /// Empty where a tag was deleted.
    pub digest: String,
    pub client: String,
    pub last_use: LastUse,
}

/// A change with the name of the account that made it.
#[derive(Debug, Clone)]
pub struct ListedChange {
    pub action: UseAction,
    pub tag: String,
    pub digest: String,
    pub client: String,
    pub by: NamedLastUse,
}

/// Adds a change in the transaction that processes its notification, so that each notification counts once. Nothing is
/// kept of a repository that is not in the list.
///
/// An index and the manifests that a client pushed for it, whose digests are `children`, are one entry. A client pushes the
/// index last, because registries refuse one whose manifests are not there.
pub async fn add(
    tx: &mut Tx,
    repository: &str,
    change: &RepositoryChange,
    children: &HashSet<String>,
    rng: SystemRng,
) -> Result<(), Error> {
    let at = change.last_use.at;
    let Some(repository_id) = store::insert(tx, &rng.id(at), repository, change).await? else { return Ok(()) };
    if !children.is_empty() {
        for (id, digest) in store::untagged(tx, &repository_id, change, at - PUSHED_TOGETHER).await? {
            if children.contains(&digest) {
                store::delete(tx, &id).await?;
            }
        }
    }
    Ok(())
}

/// One page of a repository's history, newest first, and the number of all entries.
pub async fn list(
    connection: &mut impl Connection,
    reader: &Account,
    repository_id: &str,
    page: u32,
) -> Result<(Vec<ListedChange>, i64), Error> {
    Ok(store::list(connection, reader, repository_id, page).await?)
}

/// The newest known tag of a repository. `None` if it is not a valid tag, which could end the command and begin another.
pub async fn newest_tag(connection: &mut impl Connection, repository_id: &str) -> Result<Option<String>, Error> {
    let is_tag = |tag: &String| tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    Ok(store::newest_tag(connection, repository_id).await?.filter(is_tag))
}

pub async fn tidy(db: &Db, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    store::forget_before(&mut tx, now - KEPT).await?;
    store::prune(&mut tx, MOST).await?;
    Ok(tx.commit().await?)
}
