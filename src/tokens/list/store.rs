//! The SQL of the list of tokens.

use dockpass_core::account::Account;
use dockpass_core::listing::{PAGE_SIZE, SortDirection, TokenColumn, TokenListQuery, like, pages};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::{AccessToken, TokenSource, TokenStatus};
use sqlx::AssertSqlSafe;

use crate::platform::database::{Connection, fetch};
use crate::tokens::store::{COLUMNS, TokenRow, select_tokens};

/// The status, as [`TokenStatus::at`] decides it; `$5` is now.
const STATUS: &str = "CASE WHEN expires_at IS NOT NULL AND expires_at <= $5 THEN 'expired'
                           WHEN is_active THEN 'active' ELSE 'inactive' END";

/// All rows of a list. An empty filter matches everything.
fn listed(what: &str) -> String {
    format!(
        "SELECT {what} FROM token
         WHERE account_id = $1 AND ($2 = '' OR $2 = {STATUS}) AND ($3 = '' OR source = $3)
           AND ($4 = '' OR description_folded LIKE $4 ESCAPE '\\' OR LOWER(hint) LIKE $4 ESCAPE '\\')"
    )
}

const fn order_by(column: TokenColumn) -> &'static str {
    match column {
        TokenColumn::Description => "description_folded",
        TokenColumn::Scope => {
            "CASE level WHEN 'repo:public_read' THEN 0 WHEN 'repo:read' THEN 1 WHEN 'repo:write' THEN 2 ELSE 3 END"
        }
        TokenColumn::Status => {
            "CASE WHEN expires_at IS NOT NULL AND expires_at <= $5 THEN 2 WHEN is_active THEN 0 ELSE 1 END"
        }
        TokenColumn::Source => "source",
        TokenColumn::Created => "created_at",
        TokenColumn::LastUsed => "COALESCE(last_used_at, 0)",
        TokenColumn::Expires => "COALESCE(expires_at, 9223372036854775807)",
    }
}

/// One page of an account's tokens, and the number of rows on all pages. `all_tokens` is the account's number of tokens, which is
/// that number as long as nothing is filtered. A page after the last one becomes the last one. The text of the two queries
/// consists only of the constants above; all values are bound.
pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    listing: &mut TokenListQuery,
    all_tokens: i64,
    now: Timestamp,
) -> sqlx::Result<(Vec<AccessToken>, i64)> {
    let direction = if listing.direction == SortDirection::Ascending { "ASC" } else { "DESC" };
    let rows = listed(COLUMNS);
    let sql = format!(
        "{rows} ORDER BY {} {direction}, created_at {direction}, id {direction} LIMIT $6 OFFSET $7",
        order_by(listing.column)
    );
    let status = listing.status.map_or("", TokenStatus::as_str);
    let source = listing.source.map_or("", TokenSource::as_str);
    let text = if listing.text.is_empty() { String::new() } else { like(&listing.text) };
    let count = if listing.is_filtered() {
        let count_sql = AssertSqlSafe(listed("COUNT(*)"));
        fetch!(fetch_one, connection, (i64,), count_sql, &account.id, status, source, &text, now.millis())?.0
    } else {
        all_tokens
    };
    listing.page = listing.page.min(pages(count));
    let records = fetch!(
        fetch_all,
        connection,
        TokenRow,
        AssertSqlSafe(sql),
        &account.id,
        status,
        source,
        &text,
        now.millis(),
        i64::from(PAGE_SIZE),
        listing.offset(),
    )?;
    let tokens = records.into_iter().map(TokenRow::into_token).collect::<sqlx::Result<_>>()?;
    Ok((tokens, count))
}

/// All tokens that will expire, soonest first.
pub async fn expiring(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
) -> sqlx::Result<Vec<AccessToken>> {
    let records = fetch!(
        fetch_all,
        connection,
        TokenRow,
        select_tokens!("WHERE account_id = $1 AND expires_at > $2 ORDER BY expires_at, id"),
        &account.id,
        now.millis(),
    )?;
    records.into_iter().map(TokenRow::into_token).collect()
}

/// The number of active tokens that expire until `until`.
pub async fn count_expiring(
    connection: &mut impl Connection,
    account: &Account,
    now: Timestamp,
    until: Timestamp,
) -> sqlx::Result<i64> {
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        // Every token has one of these sources. The condition lets the index (account_id, source, expires_at) find the days.
        "SELECT COUNT(*) FROM token
         WHERE account_id = $1 AND source IN ('manual', 'auto-generated') AND expires_at > $2 AND expires_at <= $3 AND is_active",
        &account.id,
        now.millis(),
        until.millis(),
    )?;
    Ok(count)
}
