//! Reading facts of repositories.

use dockpass_core::permission_check::RepositoryFacts;
use dockpass_core::repository::RepositoryName;

use super::store;
use crate::error::Error;
use crate::platform::database::{Connection, Db};

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

/// The same for a token request, where possible without a connection of the pool.
pub async fn facts_for_token_request(
    db: &Db,
    account_id: Option<&str>,
    names: &[RepositoryName],
) -> Result<Vec<RepositoryFacts>, Error> {
    let mut known = Vec::with_capacity(names.len());
    for name in names {
        let Some(facts) = store::facts_in_place(db, account_id.unwrap_or_default(), name) else { break };
        known.push(facts);
    }
    if known.len() < names.len() {
        known.extend(facts(&mut db.read().await?, account_id, &names[known.len()..]).await?);
    }
    Ok(known)
}
