//! What becomes of a notification: it is taken in at once, and settled when the token that moved the image can be told.

use time::Duration;

use super::store;
use crate::{
    accounts,
    core::{
        moment::Moment,
        moved::Event,
        usage::{Use, UseAction},
    },
    error::Error,
    platform::{
        collector::{Direction, Handling},
        db::{Connection, Db, Tx},
        entropy::Entropy,
    },
    registry::actions::TOKEN_LIFE_SECONDS,
    repositories::{self, passwords::actions as passwords},
    tokens::uses::{TokenGrant, actions as uses},
};

/// Registries repeat a notification until it is answered; nobody repeats one that was answered so long ago.
const KEPT: Duration = Duration::days(7);
/// Registries accept a token this long after its end.
const LEEWAY_SECONDS: i64 = 60;
/// A notification can arrive before the note of what was granted is written, here or by another server on this
/// database. Each server writes its notes about once a second: by then all have.
const SETTLED_AFTER: Duration = Duration::seconds(5);
/// So many are settled in one transaction: others wait for the database meanwhile.
const AT_ONCE: i64 = 200;

/// Takes a notification in, once however often it is sent.
///
/// # Errors
/// The database's.
pub async fn take_in(tx: &mut Tx, event: &Event, now: Moment) -> Result<(), Error> {
    if store::take_in(tx, &event.id, now).await? {
        store::keep(tx, event, now).await?;
    }
    Ok(())
}

/// Settles what was taken in a few seconds ago: notes what was moved with the token that was granted it, and with the
/// repository.
///
/// # Errors
/// The database's; what was not settled then is settled the next time.
pub async fn settle(db: &Db, now: Moment, entropy: Entropy) -> Result<(), Error> {
    let by = now - SETTLED_AFTER;
    // Mostly there is none, and a look takes no lock.
    while store::is_any_unsettled(&mut db.read().await?, by).await? {
        let mut tx = db.write().await?;
        settle_some(&mut tx, by, entropy).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A notification, and who moved the image.
struct Settled {
    event: Event,
    account_id: Option<String>,
    token: Option<TokenGrant>,
}

async fn settle_some(tx: &mut Tx, by: Moment, entropy: Entropy) -> Result<(), Error> {
    let events = store::take_unsettled(tx, by, AT_ONCE).await?;
    if events.iter().any(|event| event.moved.action == UseAction::Push) {
        repositories::actions::hold_names(tx).await?;
    }
    let mut all = Vec::new();
    for event in events {
        all.push(who_moved(tx, event).await?);
    }
    // Tokens first and then repositories, each in the order in which all who write take their rows.
    all.sort_by(|a, b| (a.token_id(), a.event.moved.at).cmp(&(b.token_id(), b.event.moved.at)));
    for Settled { event, token, .. } in &all {
        let Some(token) = token else { continue };
        let (action, repository, moved) = (event.moved.action, event.repository.clone(), event.what.clone());
        let what = Use { action, repository, moved, origin: token.origin.clone() };
        uses::note_moved(tx, &token.token_id, &what, event.moved.at, entropy).await?;
    }
    all.sort_by(|a, b| (&a.event.repository, a.event.moved.at).cmp(&(&b.event.repository, b.event.moved.at)));
    for Settled { event, account_id, token } in all {
        let direction = match event.moved.action {
            UseAction::Push => Direction::Push,
            UseAction::Pull => Direction::Pull,
            _ => continue,
        };
        let token = token.map(|token| (token.token_id, token.description));
        let handling = Handling { at: event.moved.at, account_id, token };
        repositories::actions::note(tx, &event.repository, direction, &handling, entropy).await?;
    }
    Ok(())
}

impl Settled {
    fn token_id(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.token_id.as_str())
    }
}

async fn who_moved(connection: &mut impl Connection, event: Event) -> Result<Settled, Error> {
    let Some(account) = accounts::actions::find_by_username(connection, &event.actor).await? else {
        return Ok(Settled { event, account_id: None, token: None });
    };
    let life = Duration::seconds(TOKEN_LIFE_SECONDS + LEEWAY_SECONDS);
    let window = event.moved.window(life);
    let mut tokens = uses::grants(connection, &account.id, &event.repository, window).await?;
    let mut grants: Vec<_> = tokens.iter().map(|token| token.granted.clone()).collect();
    grants.extend(passwords::grants(connection, &account.id, &event.repository, window).await?);
    // The tokens' come first: a place among all is one among them.
    let token = event.moved.granted_by(&grants, life).map(|at| tokens.swap_remove(at));
    Ok(Settled { event, account_id: Some(account.id), token })
}

/// Forgets notifications that nobody repeats any more, and what passwords were granted before them.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Moment) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    passwords::forget_before(tx, now - KEPT).await
}
