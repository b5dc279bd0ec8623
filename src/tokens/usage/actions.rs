//! Noting uses, and reading them.

use std::collections::{BTreeMap, HashSet};

use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::AccessToken;
use dockpass_core::usage::{self, CHART_DAYS, DayCounts, Occurrences, TokenUse};
use time::Duration;

use super::store;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::journal::{Batch, Journal};
use crate::platform::rng::SystemRng;

/// Equal uses within this time are one row: clients ask several times for one pull.
const GROUPED: Duration = Duration::MINUTE;
/// The rows that a token's page shows. As many requests and as many transfers are kept.
const KEPT: usize = 100;
/// How long before its index a manifest was pushed as a part of it: a large image takes its time.
const PUSHED_TOGETHER: Duration = Duration::HOUR;
const BOUND: usize = 50_000;

/// Granted requests that are not written yet, by the token's id and the use.
pub type TokenUses = Journal<(String, TokenUse), Occurrences>;

pub fn token_uses() -> TokenUses {
    Journal::new(BOUND, Occurrences::and)
}

/// Writes the uses that were noted. It runs as a task of its own: a request that waits for it and is cancelled must not
/// lose the uses of others.
pub async fn flush(db: &Db, uses: &TokenUses, rng: SystemRng) -> Result<(), Error> {
    let (db, uses) = (db.clone(), uses.clone());
    tokio::spawn(async move { write(&db, uses.batch().await, rng).await }).await.map_err(Error::internal)?
}

async fn write(db: &Db, mut batch: Batch<(String, TokenUse), Occurrences>, rng: SystemRng) -> Result<(), Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    for of_token in batch.chunk_by(|a, b| a.0.0 == b.0.0) {
        let ((token_id, _), _) = &of_token[0];
        let mut uses: Vec<(&TokenUse, Occurrences)> = of_token.iter().map(|((_, what), span)| (what, *span)).collect();
        // The scopes of one request have one time. A mount asks to push and to pull: the push is the last use.
        uses.sort_by_key(|(what, span)| (span.last_at, what.action));
        write_of(&mut tx, token_id, &uses, rng).await?;
    }
    tx.commit().await?;
    batch.written(batch.len());
    Ok(())
}

/// Writes uses of one token, the earliest first. Nothing is kept of a token that was deleted meanwhile.
async fn write_of(tx: &mut Tx, token_id: &str, uses: &[(&TokenUse, Occurrences)], rng: SystemRng) -> sqlx::Result<()> {
    let mut is_new = false;
    // No more rows are kept, and a client that makes up names must not hold the database for longer.
    let newest = uses.len().saturating_sub(KEPT);
    for (what, span) in &uses[newest..] {
        if !store::touch(tx, token_id, what, span.last_at).await? {
            return Ok(());
        }
        if store::add_to(tx, token_id, what, *span, GROUPED).await? == 0 {
            store::insert(tx, &rng.id(span.last_at), token_id, what, *span).await?;
            is_new = true;
        }
    }
    let mut days: BTreeMap<i64, DayCounts> = BTreeMap::new();
    for (what, span) in uses {
        days.entry(span.last_at.day()).or_default().and(DayCounts::of(what.action, span.times));
    }
    for (day, more) in days.into_iter().filter(|(_, more)| more.sum() > 0) {
        store::count(tx, token_id, day, more).await?;
    }
    if is_new {
        store::prune(tx, token_id, KEPT as i64).await?;
    }
    Ok(())
}

pub async fn count_refusals(tx: &mut Tx, token_id: &str, span: Occurrences) -> Result<(), Error> {
    let more = DayCounts { refusals: span.times, ..DayCounts::default() };
    store::count(tx, token_id, span.last_at.day(), more).await?;
    Ok(())
}

/// A transfer that a registry notified.
#[derive(Debug)]
pub struct Transfer<'t> {
    /// Without an address.
    pub what: TokenUse,
    pub at: Timestamp,
    /// The digests of the manifests that a pushed index lists.
    pub children: &'t HashSet<String>,
}

/// Adds a transfer to the uses of a token; the token's description. `None` where the account has no such token.
///
/// An index and the manifests that a client pushed for it are one row.
pub async fn note_transfer(
    tx: &mut Tx,
    account_id: &str,
    token_id: &str,
    mut transfer: Transfer<'_>,
    rng: SystemRng,
) -> Result<Option<String>, Error> {
    let Some(description) = store::lock(tx, token_id, account_id).await? else { return Ok(None) };
    let (at, span) = (transfer.at, Occurrences::once(transfer.at));
    let requests = store::requests(tx, token_id, &transfer.what.repository, usage::request_window(at)).await?;
    let address = usage::address_of_request(&transfer.what, span, &requests);
    transfer.what.origin.address = address.unwrap_or_default().to_owned();
    if !transfer.children.is_empty() {
        for (id, reference) in store::transfers(tx, token_id, &transfer.what, at - PUSHED_TOGETHER).await? {
            if transfer.children.contains(&reference) {
                store::delete(tx, &id).await?;
            }
        }
    }
    if store::add_to(tx, token_id, &transfer.what, span, GROUPED).await? == 0 {
        store::insert(tx, &rng.id(at), token_id, &transfer.what, span).await?;
        store::prune(tx, token_id, KEPT as i64).await?;
    }
    Ok(Some(description))
}

/// What the page of one token shows.
#[derive(Debug)]
pub struct History {
    /// The last [`CHART_DAYS`] days, the oldest first.
    pub days: Vec<DayCounts>,
    pub uses: Vec<(TokenUse, Occurrences)>,
}

pub async fn history(connection: &mut impl Connection, token: &AccessToken, now: Timestamp) -> Result<History, Error> {
    let first = now.day() - CHART_DAYS + 1;
    let mut days = vec![DayCounts::default(); CHART_DAYS as usize];
    for (day, counts) in store::days(connection, &token.id, first).await? {
        if let Some(place) = usize::try_from(day - first).ok().and_then(|at| days.get_mut(at)) {
            *place = counts;
        }
    }
    let all = store::latest(connection, &token.id, 2 * KEPT as i64).await?;
    let mut uses = usage::without_answered_requests(&all);
    uses.truncate(KEPT);
    Ok(History { days, uses })
}

pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_days_before(tx, now.day() - CHART_DAYS).await?;
    Ok(())
}
