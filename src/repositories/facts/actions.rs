//! Reading facts of repositories.

use dockpass_core::permission_check::RepositoryFacts;
use dockpass_core::repository::RepositoryName;

use super::store;
use crate::error::Error;
use crate::platform::database::Connection;

/// What is known of repositories, for the account that asks; `None` for an anonymous client.
pub async fn facts(
    connection: &mut impl Connection,
    account_id: Option<&str>,
    names: &[RepositoryName],
) -> Result<Vec<RepositoryFacts>, Error> {
    let mut facts = Vec::with_capacity(names.len());
    for name in names {
        facts.push(store::facts(connection, account_id.unwrap_or_default(), name).await?);
    }
    Ok(facts)
}
