//! What the page of tokens says.

use time::Duration;

use super::store;
use crate::{
    core::{account::Account, listing::Listing, moment::Moment, quota::Used, token::AccessToken},
    error::Error,
    platform::db::Connection,
    tokens::actions,
};

/// An end this near is said above the table, and stands out in it.
pub const SOON: Duration = Duration::days(7);

/// One page of an account's tokens, with what the page says about all of them.
#[derive(Debug)]
pub struct Overview {
    /// The rows of the page.
    pub tokens: Vec<AccessToken>,
    /// How many rows all pages have together.
    pub count: i64,
    /// What fair use leaves.
    pub used: Used,
    /// Active tokens that end within a week.
    pub ending_soon: i64,
}

/// A page of tokens.
///
/// # Errors
/// The database's.
pub async fn overview(
    connection: &mut impl Connection,
    account: &Account,
    listing: &Listing,
    now: Moment,
) -> Result<Overview, Error> {
    let (tokens, count) = store::list(connection, account, listing, now).await?;
    Ok(Overview {
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
    now: Moment,
) -> Result<Vec<AccessToken>, Error> {
    Ok(store::ending(connection, account, now).await?)
}
