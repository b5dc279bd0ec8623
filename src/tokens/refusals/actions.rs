//! Noting refusals, and showing each with what mends it.

use std::collections::{BTreeMap, BTreeSet};

use dockpass_core::{
    account::Account,
    permission::{DenyReason, Principal, check},
    refusal::SuggestedFix,
    repository::RepositoryName,
    timestamp::Timestamp,
    usage::Occurrences,
};
use time::Duration;

use super::store::{self, RefusalRow};
use crate::{
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        journal::{Refusals, newest_of_each},
        rng::SystemRng,
    },
    repositories::actions::facts,
    tokens::usage,
};

/// What is shown as recent. An equal refusal after a longer silence begins to count anew.
const RECENT: Duration = Duration::days(7);
/// Lines are kept this long.
const KEPT: Duration = Duration::days(90);
/// So many lines of an account are kept: whoever holds a dead token can make up names and programs.
const MOST: i64 = 200;
/// So many are shown.
const SHOWN: i64 = 10;

/// Writes all refusals that were noted, in one transaction. What could not be written is noted again.
///
/// # Errors
/// The database's.
pub async fn write(db: &Db, refusals: &Refusals, rng: SystemRng) -> Result<(), Error> {
    let taken: Vec<_> = refusals.take().into_iter().collect();
    if taken.is_empty() {
        return Ok(());
    }
    let mut of_tokens: BTreeMap<&str, Occurrences> = BTreeMap::new();
    for (key, span) in &taken {
        of_tokens.entry(&key.token_id).and_modify(|known| known.and(*span)).or_insert(*span);
    }
    // No more are kept, and whoever makes up names and programs is not to hold the database for longer.
    let mut lines = newest_of_each(&taken, |key| &key.account_id, MOST as usize);
    // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    let written = async {
        let mut tx = db.write().await?;
        let mut accounts = BTreeSet::new();
        for (key, span) in lines {
            store::add(&mut tx, &rng.id(span.last_at), key, *span, span.first_at - RECENT).await?;
            accounts.insert(&key.account_id);
        }
        for (token_id, span) in &of_tokens {
            if store::has_token(&mut tx, token_id).await? {
                usage::actions::count_refusals(&mut tx, token_id, *span).await?;
            }
        }
        for account_id in accounts {
            store::prune(&mut tx, account_id, MOST).await?;
        }
        Ok(tx.commit().await?)
    };
    written.await.inspect_err(|_: &Error| {
        taken.iter().for_each(|(key, span)| refusals.note(key.clone(), *span, Occurrences::and));
    })
}

/// A refusal as its owner reads it.
#[derive(Debug)]
pub struct RecentRefusal {
    /// What was noted.
    pub line: RefusalRow,
    /// What stands in the way today of what was refused with that repository, if something does.
    pub obstacle: Option<DenyReason>,
    /// What mends it.
    pub remedy: SuggestedFix,
}

/// An account's latest refusals of a week, newest first, and how many older ones there are.
///
/// # Errors
/// The database's.
pub async fn recent(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> Result<(Vec<RecentRefusal>, i64), Error> {
    let (lines, count) = store::recent(connection, &account.id, now - RECENT, now, SHOWN).await?;
    let older = count - lines.len() as i64;
    let mut recent = Vec::with_capacity(lines.len());
    for line in lines {
        let obstacle = obstacle(connection, account, &line).await?;
        recent.push(RecentRefusal { remedy: SuggestedFix::of(&line.code, line.token, obstacle), obstacle, line });
    }
    Ok((recent, older))
}

/// By the rule that the token endpoint asks.
async fn obstacle(
    connection: &mut impl Connection,
    account: &Account,
    line: &RefusalRow,
) -> Result<Option<DenyReason>, Error> {
    let is_about_it = matches!(line.code.as_str(), "PAT-READ-ONLY" | "PAT-REPOSITORY");
    let Some((level, reach)) = line.rights.as_ref().filter(|_| is_about_it) else { return Ok(None) };
    let Some(name) = RepositoryName::parse(&line.repository) else { return Ok(Some(DenyReason::NotShared)) };
    let holder = Principal {
        username: account.username.as_str(),
        is_admin: account.is_admin,
        level: *level,
        repository_filter: reach,
    };
    let facts = facts(connection, Some(&account.id), &[name]).await?;
    Ok(facts.first().and_then(|facts| check(Some(&holder), facts, line.action).err()))
}

/// Clears an account's list.
///
/// # Errors
/// The database's.
pub async fn dismiss(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    store::dismiss(tx, &account.id).await?;
    Ok(())
}

/// Forgets what is older than it is kept.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
