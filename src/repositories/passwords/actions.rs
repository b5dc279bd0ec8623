//! Noting what passwords were granted, and reading it.

use time::Duration;

use super::store;
use crate::{
    core::{moment::Moment, moved::Granted, usage::UseAction},
    error::Error,
    platform::{
        collector::{Direction, Handling},
        db::{Connection, Tx},
    },
};

/// Those within this time are one row.
const GROUPED: Duration = Duration::MINUTE;

/// Notes a push or pull where it was a password's.
///
/// # Errors
/// The database's.
pub async fn note(tx: &mut Tx, repository: &str, direction: Direction, handling: &Handling) -> sqlx::Result<()> {
    let action = match direction {
        Direction::Push => UseAction::Push,
        Direction::Pull => UseAction::Pull,
    };
    match (&handling.account_id, &handling.token) {
        (Some(account_id), None) => store::note(tx, account_id, repository, action, handling.at, GROUPED).await,
        _ => Ok(()),
    }
}

/// What an account's password was granted on a repository between two moments.
///
/// # Errors
/// The database's.
pub async fn grants(
    connection: &mut impl Connection,
    account_id: &str,
    repository: &str,
    window: (Moment, Moment),
) -> Result<Vec<Granted>, Error> {
    Ok(store::grants(connection, account_id, repository, window).await?)
}

/// Forgets what was granted before `moment`.
///
/// # Errors
/// The database's.
pub async fn forget_before(tx: &mut Tx, moment: Moment) -> Result<(), Error> {
    store::forget_before(tx, moment).await?;
    Ok(())
}
