//! The SQL of the list of accounts.

use dockpass_core::listing::{PAGE_SIZE, like};
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, fetch, row};

row! {
    /// An account in the list of accounts.
    pub struct AccountSummary {
        id: String,
        username: String,
        display_name: Option<String>,
        is_admin: bool,
        is_disabled: bool,
        is_closed: bool,
        created_at: i64,
        last_seen_at: Option<i64>,
        live_tokens: i64,
        has_second_factor: bool,
    }
}

impl AccountSummary {
    /// The key of the word in the locale files, and the class of the badge.
    pub fn status(&self) -> &'static str {
        match (self.is_closed, self.is_disabled) {
            (true, _) => "closed",
            (false, true) => "disabled",
            (false, false) => "enabled",
        }
    }
}

/// One page of the accounts whose name contains `text`, and the number of all of them.
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
    let accounts = fetch!(
        fetch_all,
        connection,
        AccountSummary,
        "SELECT id, username, display_name, is_admin, disabled_at IS NOT NULL AS is_disabled,
                closed_at IS NOT NULL AS is_closed, created_at, last_seen_at,
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
    Ok((accounts, count))
}
