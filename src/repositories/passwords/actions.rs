//! Noting what passwords were granted, and reading it.

use std::collections::BTreeMap;

use dockpass_core::{
    moved::Granted,
    timestamp::Timestamp,
    usage::{Occurrences, UseAction},
};
use time::Duration;

use super::store;
use crate::{
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        journal::{PasswordGrants, newest_of_each},
    },
};

/// Those within this time are one row.
const GROUPED: Duration = Duration::MINUTE;
/// So many rows of an account are kept: whoever makes up names is not to fill the database.
const MOST: usize = 500;
/// A registry tells late what it moved while the server was away, and not later than this.
const KEPT: Duration = Duration::days(7);

/// Writes all that was noted since the last time. What could not be written is noted again.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, grants: &PasswordGrants) -> Result<(), Error> {
    let taken: Vec<_> = grants.take().into_iter().collect();
    let mut by_account: BTreeMap<String, Vec<(String, UseAction, Occurrences)>> = BTreeMap::new();
    for ((account_id, repository, action), span) in newest_of_each(&taken, |(account_id, ..)| account_id, MOST) {
        by_account.entry(account_id.clone()).or_default().push((repository.clone(), *action, *span));
    }
    while let Some((account_id, list)) = by_account.pop_first() {
        if let Err(error) = write_of(db, &account_id, &list).await {
            by_account.insert(account_id, list);
            for (account_id, list) in by_account {
                list.into_iter().for_each(|(repository, action, span)| {
                    grants.note((account_id.clone(), repository, action), span, Occurrences::and);
                });
            }
            return Err(error.into());
        }
    }
    Ok(())
}

/// In a transaction of its own: it holds the account, and whoever holds one waits for no other.
async fn write_of(db: &Db, account_id: &str, list: &[(String, UseAction, Occurrences)]) -> sqlx::Result<()> {
    let mut tx = db.write().await?;
    // Of an account that is gone nothing is kept.
    if store::hold(&mut tx, account_id).await? == 0 {
        return Ok(());
    }
    for (repository, action, span) in list {
        if store::add_to(&mut tx, account_id, repository, *action, *span, GROUPED).await? == 0 {
            store::insert(&mut tx, account_id, repository, *action, *span).await?;
        }
    }
    store::prune(&mut tx, account_id, MOST as i64).await?;
    tx.commit().await
}

/// What an account's password was granted on a repository between two moments.
///
/// # Errors
/// The database's.
pub async fn grants(
    connection: &mut impl Connection,
    account_id: &str,
    repository: &str,
    window: (Timestamp, Timestamp),
) -> Result<Vec<Granted>, Error> {
    Ok(store::grants(connection, account_id, repository, window).await?)
}

/// Forgets what no notification asks for any more.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
