//! The SQL of facts.

use dockpass_core::permission_check::{RepositoryFacts, ShareLevel};
use dockpass_core::repository::RepositoryName;

use crate::platform::database::{Connection, fetch, row};

row! {
    struct FactsRow {
        is_public: Option<bool>,
        can_push: Option<bool>,
        owner: Option<String>,
    }
}

impl FactsRow {
    fn into_facts(self, name: &RepositoryName) -> RepositoryFacts {
        RepositoryFacts {
            name: name.clone(),
            is_public: self.is_public.unwrap_or_default(),
            share: self.can_push.map(share),
            has_owner: self.owner.is_some(),
        }
    }
}

pub const fn share(can_push: bool) -> ShareLevel {
    if can_push { ShareLevel::Push } else { ShareLevel::Pull }
}

const READ: &str = "SELECT repository.is_public, repository_share.can_push, owner.id AS owner
                    FROM (SELECT $2 AS name, $3 AS namespace) AS asked
                    LEFT JOIN repository ON repository.name = asked.name
                    LEFT JOIN repository_share
                           ON repository_share.repository_id = repository.id AND repository_share.account_id = $1
                    LEFT JOIN account AS owner ON owner.username = asked.namespace";

/// What is known of a repository, which may not exist, for an account; an empty id is an anonymous client.
pub async fn facts(
    connection: &mut impl Connection,
    account_id: &str,
    name: &RepositoryName,
) -> sqlx::Result<RepositoryFacts> {
    let row = fetch!(fetch_one, connection, FactsRow, READ, account_id, name.as_str(), name.namespace())?;
    Ok(row.into_facts(name))
}
