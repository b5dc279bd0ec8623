//! The SQL of the list of accounts.

use crate::{
    core::{
        listing::{PAGE_SIZE, like},
        moment::Moment,
    },
    platform::db::{Connection, fetch, record},
};

record! {
    struct PersonRecord {
        id: String,
        username: String,
        display_name: Option<String>,
        is_admin: bool,
        disabled_at: Option<i64>,
        closed_at: Option<i64>,
        created_at: i64,
        last_seen_at: Option<i64>,
        live_tokens: i64,
        has_second_factor: bool,
    }
}

/// An account as an administrator sees it.
#[derive(Debug)]
pub struct Person {
    pub id: String,
    pub username: String,
    pub display_name: Option<String>,
    pub is_admin: bool,
    pub is_disabled: bool,
    pub is_closed: bool,
    pub created_at: Moment,
    pub last_seen_at: Option<Moment>,
    pub live_tokens: i64,
    pub has_second_factor: bool,
}

/// One page by name, and how many there are.
pub async fn list(
    connection: &mut impl Connection,
    text: &str,
    page: u32,
    now: Moment,
) -> sqlx::Result<(Vec<Person>, i64)> {
    let pattern = like(text);
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        "SELECT COUNT(*) FROM account
         WHERE username LIKE $1 ESCAPE '\\' OR display_name_folded LIKE $1 ESCAPE '\\'",
        &pattern,
    )?;
    let records = fetch!(
        fetch_all,
        connection,
        PersonRecord,
        "SELECT id, username, display_name, is_admin, disabled_at, closed_at, created_at, last_seen_at,
                (SELECT COUNT(*) FROM token WHERE token.account_id = account.id AND token.is_active
                   AND (token.expires_at IS NULL OR token.expires_at > $2)) AS live_tokens,
                totp_sealed IS NOT NULL AS has_second_factor
         FROM account
         WHERE username LIKE $1 ESCAPE '\\' OR display_name_folded LIKE $1 ESCAPE '\\'
         ORDER BY username LIMIT $3 OFFSET $4",
        &pattern,
        now.millis(),
        i64::from(PAGE_SIZE),
        i64::from(page.saturating_sub(1)) * i64::from(PAGE_SIZE),
    )?;
    let person = |record: PersonRecord| Person {
        id: record.id,
        username: record.username,
        display_name: record.display_name,
        is_admin: record.is_admin,
        is_disabled: record.disabled_at.is_some(),
        is_closed: record.closed_at.is_some(),
        created_at: Moment::from_millis(record.created_at),
        last_seen_at: record.last_seen_at.map(Moment::from_millis),
        live_tokens: record.live_tokens,
        has_second_factor: record.has_second_factor,
    };
    Ok((records.into_iter().map(person).collect(), count))
}
