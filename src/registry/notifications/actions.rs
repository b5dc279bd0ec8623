//! Processing notifications: each counts once, for the account and token that its actor names.

use std::collections::{HashMap, HashSet};

use dockpass_core::activity::ClientInfo;
use dockpass_core::attribution::RegistryActor;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{ImageDirection, LastUse, TokenUse, UseAction, UsedWith};
use time::Duration;

use super::store;
use crate::accounts::actions as accounts;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::rng::SystemRng;
use crate::repositories::actions as repositories;
use crate::repositories::history::actions::{self as history, RepositoryChange};
use crate::tokens::usage::actions::{self as usage, Transfer};

/// How long a registry may take to repeat a notification whose answer got lost.
const KEPT: Duration = Duration::days(7);
/// The notifications that one transaction processes: others wait for the database meanwhile.
const AT_ONCE: usize = 200;
/// How long after a HEAD by tag a client pulls by digest: Docker Engine 29, containerd and BuildKit ask that way.
const HEAD_BEFORE_PULL: Duration = Duration::MINUTE;

/// A registry's notification of a manifest.
#[derive(Debug, Clone)]
pub struct Event {
    /// The registry's own id, the same each time that it is sent.
    pub id: String,
    pub action: UseAction,
    pub is_head: bool,
    /// When, by the registry's clock, but not in the future.
    pub at: Timestamp,
    pub repository: String,
    /// The tag; empty where the client named the digest.
    pub tag: String,
    /// The digest; empty where a tag was deleted.
    pub digest: String,
    pub children: HashSet<String>,
    /// Who did it; `None` for an anonymous client.
    pub actor: Option<RegistryActor>,
    pub client: String,
}

impl Event {
    fn token_id(&self) -> Option<&str> {
        self.actor.as_ref()?.token_id.as_deref()
    }

    fn change(&self, last_use: LastUse) -> RepositoryChange {
        let (tag, digest, client) = (self.tag.clone(), self.digest.clone(), self.client.clone());
        RepositoryChange { action: self.action, tag, digest, client, last_use }
    }
}

/// Processes notifications, in the order of their ids, and calls `counted` for each that is new and committed. After an
/// error the registry sends them again: those that were committed are known then.
pub async fn process(
    db: &Db,
    events: &[Event],
    counted: impl Fn(UseAction),
    now: Timestamp,
    rng: SystemRng,
) -> Result<(), Error> {
    for events in events.chunks(AT_ONCE) {
        let mut tx = db.write().await?;
        let new = process_some(&mut tx, events, now, rng).await?;
        tx.commit().await?;
        new.into_iter().for_each(&counted);
    }
    Ok(())
}

/// The new ones. Rows are locked in one order, so that two servers cannot deadlock: notifications, HEADs, tokens,
/// repositories.
async fn process_some(tx: &mut Tx, events: &[Event], now: Timestamp, rng: SystemRng) -> Result<Vec<UseAction>, Error> {
    let (mut heads, mut new) = (Vec::new(), Vec::new());
    for event in events {
        if event.is_head {
            heads.push(event);
        } else if store::insert_event(tx, &event.id, now).await? {
            new.push(event);
        }
    }
    heads.sort_by_key(|head| (head.token_id(), &head.repository, &head.digest, head.at));
    for head in heads {
        if let Some(token_id) = head.token_id() {
            store::note_head(tx, token_id, &head.repository, &head.digest, &head.tag, head.at).await?;
        }
    }
    new.sort_by_key(|event| (event.token_id(), event.at));
    let mut accounts = HashMap::new();
    let actions = new.iter().map(|event| event.action).collect();
    let mut uses = Vec::new();
    for event in new {
        let account_id = account_of(tx, event, &mut accounts).await?;
        let by = used_with(tx, event, account_id.as_deref(), rng).await?;
        uses.push((event, LastUse { at: event.at, account_id, by }));
    }
    uses.sort_by(|(a, _), (b, _)| (&a.repository, a.at).cmp(&(&b.repository, b.at)));
    for (event, last_use) in uses {
        // The grant created the row. If it is gone, someone removed it; only a new grant brings it back.
        if let Some(direction) = ImageDirection::of(event.action) {
            repositories::note(tx, &event.repository, direction, &last_use).await?;
        }
        if event.action != UseAction::Pull {
            history::add(tx, &event.repository, &event.change(last_use), &event.children, rng).await?;
        }
    }
    Ok(actions)
}

async fn account_of<'e>(
    connection: &mut impl Connection,
    event: &'e Event,
    known: &mut HashMap<&'e str, Option<String>>,
) -> Result<Option<String>, Error> {
    let Some(actor) = &event.actor else { return Ok(None) };
    if let Some(account_id) = known.get(actor.username.as_str()) {
        return Ok(account_id.clone());
    }
    let account_id = accounts::find_by_username(connection, &actor.username).await?.map(|account| account.id);
    known.insert(&actor.username, account_id.clone());
    Ok(account_id)
}

/// Adds the transfer to the token's uses; the credentials that the repository shows.
async fn used_with(tx: &mut Tx, event: &Event, account_id: Option<&str>, rng: SystemRng) -> Result<UsedWith, Error> {
    let (Some(account_id), Some(actor)) = (account_id, &event.actor) else { return Ok(UsedWith::Unknown) };
    let Some(token_id) = &actor.token_id else { return Ok(UsedWith::Password) };
    let mut reference = if event.tag.is_empty() { event.digest.clone() } else { event.tag.clone() };
    if event.action == UseAction::Pull && event.tag.is_empty() {
        let minute = (event.at - HEAD_BEFORE_PULL, event.at);
        let tag = store::tag_of_head(tx, token_id, &event.repository, &event.digest, minute).await?;
        reference = tag.unwrap_or(reference);
    }
    let origin = ClientInfo { address: String::new(), client: event.client.clone() };
    let (repository, digest) = (event.repository.clone(), event.digest.clone());
    let what = TokenUse { action: event.action, repository, reference, digest, origin };
    let transfer = Transfer { what, at: event.at, children: &event.children };
    let description = usage::note_transfer(tx, account_id, token_id, transfer, rng).await?;
    Ok(description.map_or(UsedWith::Unknown, |description| UsedWith::Token { id: token_id.clone(), description }))
}

/// Deletes notifications that no registry repeats any more, and tags that no pull follows.
pub async fn tidy(db: &Db, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    store::forget_events_before(&mut tx, now - KEPT).await?;
    store::forget_heads_before(&mut tx, now - HEAD_BEFORE_PULL).await?;
    Ok(tx.commit().await?)
}
