//! The SQL behind a presented token.

use dockpass_core::{
    access_level::AccessLevel,
    permission::{RepositoryFacts, ShareLevel},
    repository::{RepositoryFilter, RepositoryName},
    secret::SecretHash,
    timestamp::Timestamp,
    token::Description,
    username::Username,
};

use crate::platform::database::{Connection, fetch, row, unreadable};

row! {
    struct PresentedRow {
        id: String,
        account_id: String,
        description: String,
        level: String,
        repositories: Option<String>,
        is_active: bool,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        refreshed_at: Option<i64>,
        username: String,
        is_admin: bool,
        disabled_at: Option<i64>,
        closed_at: Option<i64>,
        asked_name: Option<String>,
        is_public: Option<bool>,
        can_push: Option<bool>,
        owner_id: Option<String>,
    }
}

impl PresentedRow {
    fn facts(&self) -> Option<RepositoryFacts> {
        let share = |can_push| if can_push { ShareLevel::Push } else { ShareLevel::Pull };
        Some(RepositoryFacts {
            name: RepositoryName::from_stored(self.asked_name.clone()?),
            is_public: self.is_public.unwrap_or_default(),
            share: self.can_push.map(share),
            has_owner: self.owner_id.is_some(),
        })
    }
}

/// A token with what must be known of its account when it is presented.
#[derive(Debug)]
pub struct Presented {
    pub id: String,
    pub account_id: String,
    pub description: Description,
    pub level: AccessLevel,
    pub reach: RepositoryFilter,
    pub is_active: bool,
    pub expires_at: Option<Timestamp>,
    /// The last use, or the last refresh of the device's session where that is later; the creation where there was
    /// neither.
    pub last_at: Timestamp,
    pub username: Username,
    pub is_admin: bool,
    pub account_is_disabled: bool,
    /// What is known of the repositories that were asked for, the first [`ASKED_AT_ONCE`] of them.
    pub facts: Vec<RepositoryFacts>,
}

/// So many repositories the one read looks up with the token; clients ask for one, or two for a mount.
pub const ASKED_AT_ONCE: usize = 4;

/// Reads a token, its account, its device's session where it has one, and what is known of the repositories asked for,
/// by a condition on the token. The secret is `$1`; values of the condition's own follow from `$10` on.
macro_rules! read {
    ($connection:expr, $secret:expr, $asked:expr, $condition:literal $(, $value:expr)*) => {{
        let at = |place: usize| $asked.get(place).map_or(("", ""), |name| (name.as_str(), name.namespace()));
        let ((name_1, space_1), (name_2, space_2), (name_3, space_3), (name_4, space_4)) =
            (at(0), at(1), at(2), at(3));
        fetch!(
            fetch_all,
            $connection,
            PresentedRow,
            concat!(
                "SELECT token.id, token.account_id, token.description, token.level, token.repositories,
                        token.is_active, token.created_at, token.expires_at, token.last_used_at,
                        device_session.refreshed_at,
                        account.username, account.is_admin, account.disabled_at, account.closed_at,
                        asked.name AS asked_name, repository.is_public, repository_share.can_push, owner.id AS owner_id
                 FROM token JOIN account ON account.id = token.account_id
                 LEFT JOIN device_session ON device_session.token_id = token.id
                 LEFT JOIN (SELECT $2 AS name, $3 AS namespace UNION ALL SELECT $4, $5 UNION ALL SELECT $6, $7
                            UNION ALL SELECT $8, $9) AS asked ON asked.name <> ''
                 LEFT JOIN repository ON repository.name = asked.name
                 LEFT JOIN repository_share
                        ON repository_share.repository_id = repository.id AND repository_share.account_id = account.id
                 LEFT JOIN account AS owner ON owner.username = asked.namespace
                 WHERE ",
                $condition
            ),
            $secret.as_bytes(),
            name_1,
            space_1,
            name_2,
            space_2,
            name_3,
            space_3,
            name_4,
            space_4
            $(, $value)*
        )
    }};
}

/// The one read of the token endpoint.
pub async fn find_presented(
    connection: &mut impl Connection,
    secret: &SecretHash,
    asked: &[RepositoryName],
) -> sqlx::Result<Option<Presented>> {
    presented(read!(connection, secret, asked, "token.secret_hash = $1")?)
}

/// The token that a refresh gave another secret, by the one that it had until then and that still works: by the token
/// and not by its new secret, which the next refresh may replace meanwhile.
pub async fn find_replaced(
    connection: &mut impl Connection,
    secret: &SecretHash,
    asked: &[RepositoryName],
    now: Timestamp,
) -> sqlx::Result<Option<Presented>> {
    presented(read!(
        connection,
        secret,
        asked,
        "token.id = (SELECT token_id FROM previous_secret WHERE secret_hash = $1 AND works_until > $10)",
        now.millis()
    )?)
}

/// The rows differ in the repositories alone.
fn presented(mut records: Vec<PresentedRow>) -> sqlx::Result<Option<Presented>> {
    let facts = records.iter().filter_map(PresentedRow::facts).collect();
    let Some(row) = records.pop() else { return Ok(None) };
    let used_at = row.last_used_at.unwrap_or(row.created_at);
    Ok(Some(Presented {
        id: row.id,
        account_id: row.account_id,
        description: Description::from_stored(row.description),
        level: AccessLevel::parse(&row.level).ok_or_else(|| unreadable("token.level", &row.level))?,
        reach: RepositoryFilter::from_stored(row.repositories),
        is_active: row.is_active,
        expires_at: row.expires_at.map(Timestamp::from_millis),
        last_at: Timestamp::from_millis(row.refreshed_at.map_or(used_at, |refreshed_at| refreshed_at.max(used_at))),
        username: Username::from_stored(row.username),
        is_admin: row.is_admin,
        account_is_disabled: row.disabled_at.is_some() || row.closed_at.is_some(),
        facts,
    }))
}

/// What is kept of a deleted token.
#[derive(Debug)]
pub struct Deleted {
    pub token_id: Option<String>,
    pub account_id: String,
    pub username: Username,
    pub description: Description,
    pub deleted_at: Timestamp,
}

pub async fn find_deleted(connection: &mut impl Connection, secret: &SecretHash) -> sqlx::Result<Option<Deleted>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (Option<String>, String, String, String, i64),
        "SELECT deleted_token.token_id, account.id, account.username, deleted_token.description,
                deleted_token.deleted_at
         FROM deleted_token JOIN account ON account.id = deleted_token.account_id
         WHERE deleted_token.secret_hash = $1",
        secret.as_bytes(),
    )?;
    Ok(row.map(|(token_id, account_id, username, description, deleted_at)| Deleted {
        token_id,
        account_id,
        username: Username::from_stored(username),
        description: Description::from_stored(description),
        deleted_at: Timestamp::from_millis(deleted_at),
    }))
}
