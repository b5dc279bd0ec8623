//! Noting uses, and reading them.

use std::collections::BTreeMap;

use dockpass_core::{
    timestamp::Timestamp,
    token::AccessToken,
    usage::{CHART_DAYS, DayCounts, Occurrences, TokenUse},
};
use time::Duration;

use super::store::{self, TokenGrant};
use crate::{
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        journal::TokenUses,
        rng::SystemRng,
    },
};

/// Equal uses within this time are one: clients ask several times for one pull.
const GROUPED: Duration = Duration::MINUTE;
/// So many uses of a token are shown, and of each kind as many are kept.
const KEPT: i64 = 100;

/// Writes all uses that were noted since the last time, in one transaction. What could not be written is noted again.
/// It goes on where whoever asked for it goes away: a request that is given up must not take others' uses with it.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, uses: &TokenUses, rng: SystemRng) -> Result<(), Error> {
    let (db, uses) = (db.clone(), uses.clone());
    tokio::spawn(async move { write_all(&db, &uses, rng).await }).await.map_err(Error::internal)?
}

async fn write_all(db: &Db, uses: &TokenUses, rng: SystemRng) -> Result<(), Error> {
    // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
    let mut taken: BTreeMap<String, Vec<(TokenUse, Occurrences)>> = BTreeMap::new();
    for ((token_id, what), span) in uses.take() {
        taken.entry(token_id).or_default().push((what, span));
    }
    if taken.is_empty() {
        return Ok(());
    }
    let written = async {
        let mut tx = db.write().await?;
        for (token_id, list) in &mut taken {
            // What was asked at one moment was one request, and of a mount the push is what it was for.
            list.sort_by_key(|(what, span)| (span.last_at, what.action));
            write_of(&mut tx, token_id, list, rng).await?;
        }
        tx.commit().await
    };
    written.await.map_err(|error: sqlx::Error| {
        for (token_id, list) in taken {
            list.into_iter().for_each(|(what, span)| uses.note((token_id.clone(), what), span, Occurrences::and));
        }
        Error::from(error)
    })
}

/// Writes uses of one token, the earliest first. Of a token that was deleted meanwhile nothing is kept.
async fn write_of(tx: &mut Tx, token_id: &str, list: &[(TokenUse, Occurrences)], rng: SystemRng) -> sqlx::Result<()> {
    let mut is_new = false;
    // No more are kept, and whoever makes up names and programs is not to hold the database for longer.
    let newest = list.len().saturating_sub(KEPT as usize);
    for (what, span) in &list[newest..] {
        if !store::touch(tx, token_id, what, span.last_at).await? {
            return Ok(());
        }
        if store::add_to(tx, token_id, what, *span, GROUPED).await? == 0 {
            store::insert(tx, &rng.id(span.last_at), token_id, what, *span).await?;
            is_new = true;
        }
    }
    let mut days: BTreeMap<i64, DayCounts> = BTreeMap::new();
    for (what, span) in list {
        days.entry(span.last_at.day()).or_default().and(DayCounts::of(what.action, span.times));
    }
    for (day, more) in days.into_iter().filter(|(_, more)| more.sum() > 0) {
        store::count(tx, token_id, day, more).await?;
    }
    if is_new {
        store::prune(tx, token_id, KEPT).await?;
    }
    Ok(())
}

/// Counts refusals of a token on its day.
///
/// # Errors
/// The database's.
pub async fn count_refusals(tx: &mut Tx, token_id: &str, span: Occurrences) -> Result<(), Error> {
    let more = DayCounts { refusals: span.times, ..DayCounts::default() };
    store::count(tx, token_id, span.last_at.day(), more).await?;
    Ok(())
}

/// What the tokens of an account were granted on a repository between two moments.
///
/// # Errors
/// The database's.
pub async fn grants(
    connection: &mut impl Connection,
    account_id: &str,
    repository: &str,
    window: (Timestamp, Timestamp),
) -> Result<Vec<TokenGrant>, Error> {
    Ok(store::grants(connection, account_id, repository, window).await?)
}

/// Adds what was really moved to the uses of the token that was granted it. Of a token that was deleted meanwhile nothing
/// is kept.
///
/// # Errors
/// The database's.
pub async fn note_moved(
    tx: &mut Tx,
    token_id: &str,
    what: &TokenUse,
    at: Timestamp,
    rng: SystemRng,
) -> Result<(), Error> {
    if !store::hold(tx, token_id).await? {
        return Ok(());
    }
    let span = Occurrences::once(at);
    if store::add_to(tx, token_id, what, span, GROUPED).await? == 0 {
        store::insert(tx, &rng.id(at), token_id, what, span).await?;
        store::prune(tx, token_id, KEPT).await?;
    }
    Ok(())
}

/// What the page of one token shows.
#[derive(Debug)]
pub struct History {
    /// The last [`CHART_DAYS`] days, the oldest first.
    pub days: Vec<DayCounts>,
    /// The latest uses, newest first.
    pub uses: Vec<(TokenUse, Occurrences)>,
}

/// The history of a token.
///
/// # Errors
/// The database's.
pub async fn history(connection: &mut impl Connection, token: &AccessToken, now: Timestamp) -> Result<History, Error> {
    let first = now.day() - CHART_DAYS + 1;
    let mut days = vec![DayCounts::default(); CHART_DAYS as usize];
    for (day, counts) in store::days(connection, &token.id, first).await? {
        if let Some(place) = usize::try_from(day - first).ok().and_then(|at| days.get_mut(at)) {
            *place = counts;
        }
    }
    Ok(History { days, uses: store::latest(connection, &token.id, KEPT).await? })
}

/// Forgets days that no chart shows.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_days_before(tx, now.day() - CHART_DAYS).await?;
    Ok(())
}
