//! Reading the list of tokens.

use dockpass_core::account::Account;
use dockpass_core::listing::TokenListQuery;
use dockpass_core::quota::QuotaUsage;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::AccessToken;

use super::store;
use crate::error::Error;
use crate::platform::database::Connection;
use crate::tokens::actions::{self, EXPIRES_SOON};

/// One page of an account's tokens, with numbers about all of them.
#[derive(Debug)]
pub struct TokenList {
    /// The rows of the page.
    pub tokens: Vec<AccessToken>,
    /// The number of rows on all pages.
    pub count: i64,
    /// How much of the quota is used.
    pub used: QuotaUsage,
    /// The number of active tokens that expire within a week.
    pub expiring_soon: i64,
}

/// One page of an account's tokens.
pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    listing: &TokenListQuery,
    now: Timestamp,
) -> Result<TokenList, Error> {
    let (tokens, count) = store::list(connection, account, listing, now).await?;
    Ok(TokenList {
        tokens,
        count,
        used: actions::used(connection, account, now).await?,
        expiring_soon: store::count_expiring(connection, account, now, now + EXPIRES_SOON).await?,
    })
}

/// All tokens that will expire, soonest first.
pub async fn expiring(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<AccessToken>, Error> {
    Ok(store::expiring(connection, account, now).await?)
}
