//! What is done with people's accounts as a whole.

use super::store::{self, Person};
use crate::{
    accounts::actions::{self as accounts, Withdrawal},
    core::{account::Account, moment::Moment},
    error::Error,
    platform::db::{Connection, Tx},
    repositories::actions as repositories,
    tokens::actions as tokens,
};

/// One page of all accounts whose name holds `text`, and how many there are.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut impl Connection,
    text: &str,
    page: u32,
    now: Moment,
) -> Result<(Vec<Person>, i64), Error> {
    Ok(store::list(connection, text, page, now).await?)
}

/// The account with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Account, Error> {
    accounts::find(connection, id).await?.ok_or(Error::NotFound)
}

/// Closes an account for good: its tokens go at once, its sessions end, its repositories are nobody else's any more,
/// its name stays reserved.
///
/// # Errors
/// The database's.
pub async fn close(tx: &mut Tx, account: &Account, now: Moment) -> Result<Withdrawal, Error> {
    let withdrawal = accounts::close(tx, account, now).await?;
    if withdrawal == Withdrawal::Done {
        tokens::delete_of(tx, account, now).await?;
        repositories::close_of(tx, account).await?;
    }
    Ok(withdrawal)
}
