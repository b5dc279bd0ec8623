//! What becomes of a notification.

use time::Duration;

use super::store;
use crate::{
    accounts,
    core::{moment::Moment, usage::UseAction},
    error::Error,
    platform::{
        collector::{Direction, Handling},
        db::Tx,
        entropy::Entropy,
    },
    registry::actions::TOKEN_LIFE_SECONDS,
    repositories,
    tokens::uses::actions::{Moved, note_moved},
};

/// Registries repeat a notification until it is answered; nobody repeats one that was answered so long ago.
const KEPT: Duration = Duration::days(7);
/// Registries accept a token this long after its end.
const LEEWAY_SECONDS: i64 = 60;

/// A manifest that was moved.
#[derive(Debug)]
pub struct Event {
    /// The registry's own id of the notification, the same however often it is sent.
    pub id: String,
    /// When, by the registry's clock, and not after now.
    pub at: Moment,
    /// What was done.
    pub action: UseAction,
    /// With which repository.
    pub repository: String,
    /// The tag, or the digest.
    pub what: String,
    /// The account's name; empty for nobody.
    pub actor: String,
}

/// Notes what was moved, once for each notification: with the token that was granted it, and with the repository.
///
/// # Errors
/// The database's.
pub async fn take_in(tx: &mut Tx, event: &Event, now: Moment, entropy: Entropy) -> Result<(), Error> {
    if !store::take_in(tx, &event.id, now).await? {
        return Ok(());
    }
    let account = accounts::actions::find_by_username(tx, &event.actor).await?;
    let token = match &account {
        None => None,
        Some(account) => {
            let moved = Moved {
                account_id: &account.id,
                action: event.action,
                repository: &event.repository,
                what: &event.what,
                at: event.at,
            };
            note_moved(tx, &moved, Duration::seconds(TOKEN_LIFE_SECONDS + LEEWAY_SECONDS), entropy).await?
        }
    };
    let direction = match event.action {
        UseAction::Push => Direction::Push,
        UseAction::Pull => Direction::Pull,
        _ => return Ok(()),
    };
    let handling = Handling { at: event.at, account_id: account.map(|account| account.id), token };
    repositories::actions::note(tx, &event.repository, direction, &handling, entropy).await?;
    Ok(())
}

/// Forgets notifications that nobody repeats any more.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Moment) -> Result<(), Error> {
    store::forget_before(tx, now - KEPT).await?;
    Ok(())
}
