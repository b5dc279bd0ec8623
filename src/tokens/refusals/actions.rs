//! Noting refusals, and showing each with what mends it.

use std::collections::BTreeSet;

use time::Duration;

use super::store::{self, Refused};
use crate::{
    core::{account::Account, moment::Moment, usage::Span},
    error::Error,
    platform::{
        collector::Refusals,
        db::{Connection, Db, Tx},
        entropy::Entropy,
    },
    tokens::uses,
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
pub async fn write(db: &Db, refusals: &Refusals, entropy: Entropy) -> Result<(), Error> {
    let mut taken: Vec<_> = refusals.take().into_iter().collect();
    if taken.is_empty() {
        return Ok(());
    }
    // In one order everywhere: of two servers that write the same rows neither waits for the other in a circle.
    taken.sort_by(|a, b| a.0.cmp(&b.0));
    let written = async {
        let mut tx = db.write().await?;
        let mut accounts = BTreeSet::new();
        for (key, span) in &taken {
            let id = entropy.id(span.last_at);
            store::add(&mut tx, &id, key, *span, span.first_at - RECENT).await?;
            if store::has_token(&mut tx, &key.token_id).await? {
                uses::actions::count_refusals(&mut tx, &key.token_id, *span).await?;
            }
            accounts.insert(&key.account_id);
        }
        for account_id in accounts {
            store::prune(&mut tx, account_id, MOST).await?;
        }
        Ok(tx.commit().await?)
    };
    written.await.inspect_err(|_: &Error| {
        taken.iter().for_each(|(key, span)| refusals.note(key.clone(), *span, Span::and));
    })
}

/// An account's latest refusals of a week, newest first.
///
/// # Errors
/// The database's.
pub async fn recent(connection: &mut impl Connection, account: &Account, now: Moment) -> Result<Vec<Refused>, Error> {
    Ok(store::recent(connection, &account.id, now - RECENT, now, SHOWN).await?)
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
pub async fn forget_old(tx: &mut Tx, now: Moment) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
