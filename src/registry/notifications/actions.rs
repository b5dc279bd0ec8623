//! What becomes of a notification: it is taken in at once, and settled when the token that moved the image can be told.

use std::collections::HashSet;

use dockpass_core::{
    moved::{Event, Likely},
    timestamp::Timestamp,
    usage::{TokenUse, UseAction},
};
use time::Duration;

use super::store;
use crate::{
    accounts,
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        journal::{ImageDirection, LastUse, UsedWith},
        rng::SystemRng,
    },
    registry::actions::TOKEN_LIFE_SECONDS,
    repositories::{self, passwords::actions as passwords},
    tokens::usage::{TokenGrant, actions as uses},
};

/// Registries repeat a notification until it is answered; nobody repeats one that was answered so long ago.
const KEPT: Duration = Duration::days(7);
/// Registries accept a token this long after its end.
const LEEWAY_SECONDS: i64 = 60;
/// A notification can arrive before the note of what was granted is written, here or by another server on this
/// database. Each server writes its notes about once a second: by then all have.
const SETTLED_AFTER: Duration = Duration::seconds(5);
/// So many are taken in, or settled, in one transaction: others wait for the database meanwhile.
const AT_ONCE: usize = 200;
/// So many transactions make a round: what else is to be written waits for no more.
const IN_A_ROUND: usize = 3;

/// Takes notifications in, each once however often it is sent.
///
/// # Errors
/// The database's; what was taken in before stays, and is known when the registry sends it again.
pub async fn take_in(db: &Db, events: &[Event], now: Timestamp) -> Result<(), Error> {
    for some in events.chunks(AT_ONCE) {
        let mut tx = db.write().await?;
        for event in some {
            if store::take_in(&mut tx, &event.id, now).await? {
                store::keep(&mut tx, event, now).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Settles some of what was taken in a few seconds ago: notes what was moved with the token that most likely moved it,
/// and with the repository.
///
/// # Errors
/// The database's; what was not settled then is settled the next time.
pub async fn settle(db: &Db, now: Timestamp, rng: SystemRng) -> Result<(), Error> {
    let by = now - SETTLED_AFTER;
    for _ in 0..IN_A_ROUND {
        // Mostly there is none, and a look takes no lock.
        if !store::is_any_unsettled(&mut db.read().await?, by).await? {
            break;
        }
        let mut tx = db.write().await?;
        settle_some(&mut tx, by, rng).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A notification, and who moved the image.
struct Settled {
    event: Event,
    account_id: Option<String>,
    /// Whether a request for it is known.
    was_granted: bool,
    with: With,
}

enum With {
    Token(TokenGrant),
    Password,
    Unknown,
}

async fn settle_some(tx: &mut Tx, by: Timestamp, rng: SystemRng) -> Result<(), Error> {
    let events = store::take_unsettled(tx, by, AT_ONCE as i64).await?;
    if events.iter().any(|event| event.moved.action == UseAction::Push) {
        repositories::actions::hold_names(tx).await?;
    }
    let mut all = Vec::new();
    for event in events {
        all.push(who_moved(tx, event).await?);
    }
    // Tokens first and then repositories, each in the order in which all who write take their rows.
    all.sort_by(|a, b| (a.token_id(), a.event.moved.at).cmp(&(b.token_id(), b.event.moved.at)));
    for Settled { event, with, .. } in &all {
        let With::Token(token) = with else { continue };
        let (action, repository, moved) = (event.moved.action, event.repository.clone(), event.what.clone());
        let what = TokenUse { action, repository, moved, origin: token.origin.clone() };
        uses::note_moved(tx, &token.token_id, &what, event.moved.at, rng).await?;
    }
    all.sort_by(|a, b| (&a.event.repository, a.event.moved.at).cmp(&(&b.event.repository, b.event.moved.at)));
    let mut full = HashSet::new();
    for Settled { event, account_id, was_granted, with } in all {
        let direction = match event.moved.action {
            UseAction::Push => ImageDirection::Push,
            UseAction::Pull => ImageDirection::Pull,
            _ => continue,
        };
        let by = match with {
            With::Token(token) => UsedWith::Token { id: token.token_id, description: token.description },
            With::Password => UsedWith::Password,
            With::Unknown => UsedWith::Unknown,
        };
        let handling = LastUse { at: event.moved.at, account_id, by };
        // The grant made it known: where it is not, it was removed since, and comes back by the next grant alone.
        if was_granted {
            repositories::actions::note(tx, &event.repository, direction, &handling).await?;
        } else {
            let name = event.repository.as_str();
            repositories::actions::note_or_make(tx, name, direction, &handling, &mut full, rng).await?;
        }
    }
    Ok(())
}

impl Settled {
    fn token_id(&self) -> Option<&str> {
        match &self.with {
            With::Token(token) => Some(&token.token_id),
            With::Password | With::Unknown => None,
        }
    }
}

async fn who_moved(connection: &mut impl Connection, event: Event) -> Result<Settled, Error> {
    let Some(account) = accounts::actions::find_by_username(connection, &event.actor).await? else {
        return Ok(Settled { event, account_id: None, was_granted: false, with: With::Unknown });
    };
    let life = Duration::seconds(TOKEN_LIFE_SECONDS + LEEWAY_SECONDS);
    let window = event.moved.window(life);
    let mut tokens = uses::grants(connection, &account.id, &event.repository, window).await?;
    let mut grants: Vec<_> = tokens.iter().map(|token| token.granted.clone()).collect();
    grants.extend(passwords::grants(connection, &account.id, &event.repository, window).await?);
    // The tokens' come first: a place among all is one among them.
    let with = match event.moved.granted_by(&grants, life) {
        Likely::Token(at) => With::Token(tokens.swap_remove(at)),
        Likely::Password => With::Password,
        Likely::Unknown => With::Unknown,
    };
    Ok(Settled { event, account_id: Some(account.id), was_granted: !grants.is_empty(), with })
}

/// Forgets notifications that nobody repeats any more.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
