//! What the page of tokens says.

use dockpass_core::{
    account::Account, listing::TokenListQuery, quota::QuotaUsage, timestamp::Timestamp, token::AccessToken,
};
use time::Duration;

use super::store;
use crate::{error::Error, platform::database::Connection, tokens::actions};

/// An end this near is said above the table, and stands out in it.
pub const SOON: Duration = Duration::days(7);

/// One page of an account's tokens, with what the page says about all of them.
#[derive(Debug)]
pub struct TokenList {
    /// The rows of the page.
    pub tokens: Vec<AccessToken>,
    /// How many rows all pages have together.
    pub count: i64,
    /// What fair use leaves.
    pub used: QuotaUsage,
    /// Active tokens that end within a week.
    pub ending_soon: i64,
}

/// A page of tokens.
///
/// # Errors
/// The database's.
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
        ending_soon: store::count_ending(connection, account, now, now + SOON).await?,
    })
}

/// All tokens that have not ended and will, soonest first.
///
/// # Errors
/// The database's.
pub async fn ending(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<AccessToken>, Error> {
    Ok(store::ending(connection, account, now).await?)
}
