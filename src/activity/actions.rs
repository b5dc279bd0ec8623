//! Writing to the security log.

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo, FailureKey};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::Occurrences;
use time::Duration;

use super::store::{self, Entry};
use crate::error::Error;
use crate::platform::database::{Db, Tx};
use crate::platform::journal::{Journal, newest_of_each};
use crate::platform::rng::SystemRng;

pub use super::store::{list, list_of_administrators};

/// The actor of what the operator does at the shell. No username has a space.
pub const SHELL: &str = "dockpass account";

const KEPT: Duration = Duration::days(400);
/// The failures of an account that are written at a time: a client that makes up addresses must not fill the log.
const MOST_AT_A_TIME: usize = 50;
/// Equal failures within this time are one line.
const GROUPED: Duration = Duration::HOUR;
/// The failures that are kept in memory.
const BOUND: usize = 20_000;

/// Failed sign-ins and refusals that are not written yet: when, and with which program the last time.
pub type Failures = Journal<FailureKey, (Occurrences, String)>;

pub fn failures() -> Failures {
    Journal::new(BOUND, |(span, client), (other, other_client)| {
        if other.last_at > span.last_at {
            *client = other_client;
        }
        span.and(other);
    })
}

/// What an event is about: a token or a repository by name, and its id for the server's log.
#[derive(Debug, Clone, Copy)]
pub struct Detail<'a> {
    name: &'a str,
    id: &'a str,
}

impl<'a> From<&'a str> for Detail<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, id: "" }
    }
}

impl<'a> From<&'a String> for Detail<'a> {
    fn from(name: &'a String) -> Self {
        Self { name, id: "" }
    }
}

impl<'a> From<(&'a str, &'a str)> for Detail<'a> {
    fn from((name, id): (&'a str, &'a str)) -> Self {
        Self { name, id }
    }
}

/// Writes a line in the transaction that makes the change, and one into the server's log.
pub async fn record(
    tx: &mut Tx,
    account: &Account,
    kind: ActivityKind,
    detail: impl Into<Detail<'_>>,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<(), Error> {
    record_by(tx, "", account, kind, detail, origin, now).await
}

/// The same for what an administrator, the actor, does with someone's account.
pub async fn record_by(
    tx: &mut Tx,
    actor: &str,
    account: &Account,
    kind: ActivityKind,
    detail: impl Into<Detail<'_>>,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<(), Error> {
    let Detail { name, id } = detail.into();
    let entry = Entry {
        kind,
        detail: name.to_owned(),
        actor: actor.to_owned(),
        origin: origin.clone(),
        first_at: now,
        last_at: now,
        times: 1,
    };
    store::insert(tx, &SystemRng.id(now), &account.id, &entry).await?;
    // At the shell, the command's own sentence is on the terminal.
    if actor == SHELL {
        return Ok(());
    }
    tracing::info!(
        kind = kind.as_str(),
        account = account.username.as_str(),
        account_id = account.id,
        actor,
        address = origin.address,
        detail = name,
        detail_id = id,
        "activity"
    );
    Ok(())
}

/// Notes a failure; it is written with the next flush.
pub fn note_failure(
    failures: &Failures,
    account_id: &str,
    kind: ActivityKind,
    detail: &str,
    origin: &ClientInfo,
    now: Timestamp,
) {
    let (account_id, detail, address) = (account_id.to_owned(), detail.to_owned(), origin.address.clone());
    let key = FailureKey { account_id, kind, detail, address };
    failures.note(key, (Occurrences::once(now), origin.client.clone()));
}

/// Writes the failures that were noted.
pub async fn flush(db: &Db, failures: &Failures) -> Result<(), Error> {
    let mut batch = failures.batch().await;
    if batch.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let newest = newest_of_each(&batch, |(key, _)| &key.account_id, |(_, (span, _))| span.last_at, MOST_AT_A_TIME);
    for (key, (span, client)) in newest {
        let origin = ClientInfo { address: key.address.clone(), client: client.clone() };
        let Occurrences { first_at, last_at, times } = *span;
        let (detail, actor) = (key.detail.clone(), String::new());
        let entry = Entry { kind: key.kind, detail, actor, origin, first_at, last_at, times };
        if store::add_to(&mut tx, &key.account_id, &entry, last_at - GROUPED).await? == 0 {
            store::insert(&mut tx, &SystemRng.id(last_at), &key.account_id, &entry).await?;
        }
    }
    tx.commit().await?;
    batch.written(batch.len());
    Ok(())
}

pub async fn tidy(db: &Db, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    store::forget_before(&mut tx, now - KEPT).await?;
    Ok(tx.commit().await?)
}
