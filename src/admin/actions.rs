//! What administrators do with accounts.

use dockpass_core::account::Account;
use dockpass_core::timestamp::Timestamp;

use super::store::{self, AccountSummary};
use crate::accounts::actions as accounts;
use crate::error::Error;
use crate::platform::database::Connection;

/// One page of the accounts whose name contains `text`, and the number of all of them.
pub async fn list(
    connection: &mut impl Connection,
    text: &str,
    page: u32,
    now: Timestamp,
) -> Result<(Vec<AccountSummary>, i64), Error> {
    Ok(store::list(connection, text, page, now).await?)
}

/// The account with this id.
///
/// # Errors
/// [`Error::NotFound`] if there is none.
pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Account, Error> {
    accounts::find(connection, id).await?.ok_or(Error::NotFound)
}
