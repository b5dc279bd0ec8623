//! The SQL of the list of accounts.

use dockpass_core::listing::{PAGE_SIZE, like};
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, fetch, row};

row! {
    struct AccountSummaryRow {
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

/// An account in the list of accounts.
#[derive(Debug)]
pub struct AccountSummary {
    pub id: String,
    pub username: String,
    pub display_name: Option<String>,
    pub is_admin: bool,
    pub is_disabled: bool,
    pub is_closed: bool,
    pub created_at: Timestamp,
    pub last_seen_at: Option<Timestamp>,
    pub live_tokens: i64,
    pub has_second_factor: bool,
}

/// One page of the accounts, by name, and the number of all of them.
pub async fn list(
    connection: &mut impl Connection,
    text: &str,
    page: u32,
    now: Timestamp,
) -> sqlx::Result<(Vec<AccountSummary>, i64)> {
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
        AccountSummaryRow,
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
    let summary = |row: AccountSummaryRow| AccountSummary {
        id: row.id,
        username: row.username,
        display_name: row.display_name,
        is_admin: row.is_admin,
        is_disabled: row.disabled_at.is_some(),
        is_closed: row.closed_at.is_some(),
        created_at: Timestamp::from_millis(row.created_at),
        last_seen_at: row.last_seen_at.map(Timestamp::from_millis),
        live_tokens: row.live_tokens,
        has_second_factor: row.has_second_factor,
    };
    Ok((records.into_iter().map(summary).collect(), count))
}
