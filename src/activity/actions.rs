//! Writing to the security log.

use std::collections::HashMap;

use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    timestamp::Timestamp,
    usage::Occurrences,
};
use time::Duration;

use super::store::{self, Entry};
use crate::{
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        journal::{FailureKey, Failures, newest_of_each},
        rng::SystemRng,
    },
};

/// The log is kept this long.
const KEPT: Duration = Duration::days(400);
/// So many failures of an account are written at a time: whoever makes up programs and addresses is not to fill its log.
const MOST_AT_A_TIME: usize = 50;
/// Equal lines within this time are one.
const GROUPED: Duration = Duration::HOUR;

/// Notes a change of state in the transaction that makes it.
///
/// # Errors
/// The database's.
pub async fn record(
    tx: &mut Tx,
    account: &Account,
    kind: ActivityKind,
    detail: &str,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<(), Error> {
    let entry =
        Entry { kind, detail: detail.to_owned(), origin: origin.clone(), first_at: now, last_at: now, times: 1 };
    store::insert(tx, &SystemRng.id(now), &account.id, &entry).await?;
    Ok(())
}

/// Notes a failure in memory; it is written about a second later, together with others.
pub fn note_failure(
    failures: &Failures,
    account_id: &str,
    kind: ActivityKind,
    detail: &str,
    origin: &ClientInfo,
    now: Timestamp,
) {
    let key = (account_id.to_owned(), kind, detail.to_owned(), origin.clone());
    failures.note(key, Occurrences::once(now), Occurrences::and);
}

/// Writes all failures that were noted, in one transaction. What could not be written is noted again.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, failures: &Failures) -> Result<(), Error> {
    let taken: Vec<_> = failures.take().into_iter().collect();
    if taken.is_empty() {
        return Ok(());
    }
    // The client is no part of what must be equal, as it is none on the page: else whoever names another program each
    // time takes the place of everything else.
    let mut merged: HashMap<(&str, ActivityKind, &str, &str), (FailureKey, Occurrences)> = HashMap::new();
    for (key, span) in &taken {
        let (account_id, kind, detail, origin) = key;
        let equal = (account_id.as_str(), *kind, detail.as_str(), origin.address.as_str());
        let (known, sum) = merged.entry(equal).or_insert_with(|| (key.clone(), Occurrences { times: 0, ..*span }));
        if span.last_at > sum.last_at {
            known.clone_from(key);
        }
        sum.and(*span);
    }
    let merged: Vec<(FailureKey, Occurrences)> = merged.into_values().collect();
    let written = async {
        let mut tx = db.write().await?;
        // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
        let mut lines = newest_of_each(&merged, |(account_id, ..)| account_id, MOST_AT_A_TIME);
        lines.sort_by(|a, b| (&a.0.0, &a.0.2, &a.0.3.address).cmp(&(&b.0.0, &b.0.2, &b.0.3.address)));
        for ((account_id, kind, detail, origin), Occurrences { first_at, last_at, times }) in lines {
            let (detail, origin) = (detail.clone(), origin.clone());
            let entry = Entry { kind: *kind, detail, origin, first_at: *first_at, last_at: *last_at, times: *times };
            if store::add_to(&mut tx, account_id, &entry, *last_at - GROUPED).await? == 0 {
                store::insert(&mut tx, &SystemRng.id(*last_at), account_id, &entry).await?;
            }
        }
        tx.commit().await
    };
    written.await.map_err(|error: sqlx::Error| {
        for (key, value) in taken {
            failures.note(key, value, Occurrences::and);
        }
        Error::from(error)
    })
}

/// One page of an account's log, newest first, and how many lines there are.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    kind: Option<ActivityKind>,
    page: u32,
) -> Result<(Vec<Entry>, i64), Error> {
    Ok(store::list(connection, &account.id, kind, page).await?)
}

/// Forgets what is older than the log is kept.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
