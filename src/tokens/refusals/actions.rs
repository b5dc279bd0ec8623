//! Noting refusals, and showing each with its fix.

use std::collections::{BTreeMap, BTreeSet};

use dockpass_core::account::Account;
use dockpass_core::permission_check::{DenyReason, Principal, check};
use dockpass_core::refusal::{Refusal, RefusalKey, SuggestedFix};
use dockpass_core::repository::RepositoryName;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::Occurrences;
use time::Duration;

use super::store::{self, RefusalRow};
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::journal::{Journal, newest_of_each};
use crate::platform::rng::SystemRng;
use crate::repositories::facts::actions::facts;
use crate::tokens::usage;

/// Refusals within this time are shown. After a longer silence the count of equal refusals starts again.
const RECENT: Duration = Duration::days(7);
/// How long lines are kept.
const KEPT: Duration = Duration::days(90);
/// The lines of an account that are kept: a client with a dead token can make up names and programs.
const MOST: i64 = 200;
const SHOWN: i64 = 10;
/// The lines among the uses on a token's page.
const SHOWN_OF_TOKEN: i64 = 30;
const BOUND: usize = 20_000;

/// Refusals of tokens that are not written yet.
pub type Refusals = Journal<RefusalKey, Occurrences>;

pub fn refusals() -> Refusals {
    Journal::new(BOUND, Occurrences::and)
}

pub async fn flush(db: &Db, refusals: &Refusals, rng: SystemRng) -> Result<(), Error> {
    let mut batch = refusals.batch().await;
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let mut accounts = BTreeSet::new();
    let newest = newest_of_each(&batch, |(key, _)| &key.account_id, |(_, span)| span.last_at, MOST as usize);
    for (key, span) in newest {
        store::add(&mut tx, &rng.id(span.last_at), key, *span, span.first_at - RECENT).await?;
        accounts.insert(&key.account_id);
    }
    let mut by_token: BTreeMap<&str, Occurrences> = BTreeMap::new();
    for (key, span) in batch.iter() {
        by_token.entry(&key.token_id).and_modify(|known| known.and(*span)).or_insert(*span);
    }
    for (token_id, span) in by_token {
        if store::has_token(&mut tx, token_id).await? {
            usage::actions::count_refusals(&mut tx, token_id, span).await?;
        }
    }
    for account_id in accounts {
        store::prune(&mut tx, account_id, MOST).await?;
    }
    tx.commit().await?;
    batch.written(batch.len());
    Ok(())
}

/// A refusal as its owner reads it.
#[derive(Debug)]
pub struct RecentRefusal {
    pub line: RefusalRow,
    pub obstacle: Option<DenyReason>,
    pub remedy: SuggestedFix,
}

/// An account's latest refusals of a week, newest first, and the number of older ones in that week.
pub async fn recent(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> Result<(Vec<RecentRefusal>, i64), Error> {
    let (lines, count) = store::recent(connection, &account.id, now - RECENT, now, SHOWN).await?;
    let older = count - lines.len() as i64;
    let mut recent = Vec::with_capacity(lines.len());
    for line in lines {
        recent.push(judged(connection, account, line).await?);
    }
    Ok((recent, older))
}

/// The latest refusal of one token of an account.
pub async fn latest_of(
    connection: &mut impl Connection,
    account: &Account,
    token_id: &str,
    now: Timestamp,
) -> Result<Option<RecentRefusal>, Error> {
    match store::of_token(connection, &account.id, token_id, now, 1).await?.pop() {
        Some(line) => Ok(Some(judged(connection, account, line).await?)),
        None => Ok(None),
    }
}

async fn judged(connection: &mut impl Connection, account: &Account, line: RefusalRow) -> Result<RecentRefusal, Error> {
    let obstacle = obstacle(connection, account, &line).await?;
    Ok(RecentRefusal { remedy: SuggestedFix::of(&line.code, line.token, obstacle), obstacle, line })
}

/// The latest refusals of one token, newest first.
pub async fn of_token(
    connection: &mut impl Connection,
    account: &Account,
    token_id: &str,
    now: Timestamp,
) -> Result<Vec<RecentRefusal>, Error> {
    let mut refusals = Vec::new();
    for line in store::of_token(connection, &account.id, token_id, now, SHOWN_OF_TOKEN).await? {
        refusals.push(judged(connection, account, line).await?);
    }
    Ok(refusals)
}

async fn obstacle(
    connection: &mut impl Connection,
    account: &Account,
    line: &RefusalRow,
) -> Result<Option<DenyReason>, Error> {
    let is_about_it = Refusal::is_about_repository(&line.code);
    let Some((level, repository_filter)) = line.rights.clone().filter(|_| is_about_it) else { return Ok(None) };
    let Some(name) = RepositoryName::parse(&line.repository) else { return Ok(Some(DenyReason::NotShared)) };
    let username = account.username.to_string();
    let holder = Principal { username, is_admin: account.is_admin, level, repository_filter };
    let facts = facts(connection, Some(&account.id), &[name]).await?;
    Ok(facts.first().and_then(|facts| check(Some(&holder), facts, line.action).err()))
}

pub async fn dismiss(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::dismiss(tx, &account.id).await?;
    Ok(())
}

pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
