//! What administrators do with accounts.

use dockpass_core::account::Account;

pub use super::store::{AccountSummary, list};
use crate::accounts::actions as accounts;
use crate::error::Error;
use crate::platform::database::Connection;

pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Account, Error> {
    accounts::find(connection, id).await?.ok_or(Error::NotFound)
}
