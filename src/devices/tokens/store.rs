//! The SQL of auto-generated tokens and the sessions behind them.
//!
//! On PostgreSQL rows are locked in one order: the account's, a session's, then its token's.

use dockpass_core::access_level::AccessLevel;
use dockpass_core::device_session::{DeviceSession, EndReason};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::AccessToken;

use crate::platform::database::{Connection, Tx, execute, fetch, row, unreadable};

/// The replaced refresh tokens of a session that are remembered. A device that refreshes once a day has fewer.
const REMEMBERED_REFRESHES: i64 = 200;

pub async fn insert_session(
    tx: &mut Tx,
    token: &AccessToken,
    refresh: &SecretHash,
    program: &str,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO device_session (refresh_hash, token_id, account_id, program, refreshed_at)
         VALUES ($1, $2, $3, $4, $5)",
        refresh.as_bytes(),
        &token.id,
        &token.account_id,
        program,
        token.created_at.millis(),
    )
}

/// A session that is locked: refreshes of one session wait for each other.
#[derive(Debug)]
pub struct LockedSession {
    pub account_id: String,
    pub program: String,
    pub ended: Option<EndReason>,
    pub refresh_hash: Vec<u8>,
    pub generation: i64,
    pub used_generation: i64,
}

pub async fn lock_session(tx: &mut Tx, token_id: &str) -> sqlx::Result<Option<LockedSession>> {
    let row = fetch!(
        fetch_optional,
        tx,
        (String, String, Option<String>, Vec<u8>, i64, i64),
        "UPDATE device_session SET refreshed_at = refreshed_at WHERE token_id = $1
         RETURNING account_id, program, ended, refresh_hash, generation, used_generation",
        token_id,
    )?;
    Ok(row.map(|(account_id, program, ended, refresh_hash, generation, used_generation)| LockedSession {
        account_id,
        program,
        ended: ended.as_deref().and_then(EndReason::parse),
        refresh_hash,
        generation,
        used_generation,
    }))
}

row! {
    struct SessionRow {
        secret_hash: Vec<u8>,
        level: String,
        is_active: bool,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        refreshed_at: i64,
        username: String,
        disabled_at: Option<i64>,
        closed_at: Option<i64>,
    }
}

#[derive(Debug)]
pub struct SessionToken {
    pub secret_hash: Vec<u8>,
    pub username: String,
    pub level: AccessLevel,
    pub session: DeviceSession,
}

/// `None` where the token is gone.
pub async fn find_session_token(
    connection: &mut impl Connection,
    token_id: &str,
) -> sqlx::Result<Option<SessionToken>> {
    let row = fetch!(
        fetch_optional,
        connection,
        SessionRow,
        "SELECT token.secret_hash, token.level, token.is_active, token.created_at, token.expires_at, token.last_used_at,
                device_session.refreshed_at, account.username, account.disabled_at, account.closed_at
         FROM token JOIN device_session ON device_session.token_id = token.id
                    JOIN account ON account.id = token.account_id
         WHERE token.id = $1",
        token_id,
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(SessionToken {
        secret_hash: row.secret_hash,
        username: row.username,
        level: AccessLevel::parse(&row.level).ok_or_else(|| unreadable("token.level", &row.level))?,
        session: DeviceSession {
            is_active: row.is_active,
            is_account_enabled: row.disabled_at.is_none() && row.closed_at.is_none(),
            last_at: Timestamp::from_millis(row.last_used_at.unwrap_or(row.created_at).max(row.refreshed_at)),
            ends_at: row.expires_at.map_or(Timestamp::NEVER, Timestamp::from_millis),
        },
    }))
}

/// Replaces the secret of a token whose session is active: it was used after `idle_since`, and nothing ended or disabled
/// it.
pub async fn renew(
    tx: &mut Tx,
    token_id: &str,
    secret: &SecretHash,
    hint: &str,
    idle_since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "UPDATE token SET secret_hash = $2, hint = $3
         WHERE id = $1 AND source = 'auto-generated' AND is_active AND (expires_at IS NULL OR expires_at > $5)
           AND (COALESCE(last_used_at, created_at) > $4
                OR EXISTS (SELECT 1 FROM device_session WHERE token_id = token.id AND refreshed_at > $4))
           AND EXISTS (SELECT 1 FROM account
                       WHERE account.id = token.account_id AND disabled_at IS NULL AND closed_at IS NULL)",
        token_id,
        secret.as_bytes(),
        hint,
        idle_since.millis(),
        now.millis(),
    )?;
    Ok(rows == 1)
}

pub async fn note_refresh(tx: &mut Tx, token_id: &str, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE device_session SET refreshed_at = $2 WHERE token_id = $1", token_id, now.millis())
}

/// Lets a replaced secret work for a while, and deletes those that no longer work.
pub async fn keep_previous(
    tx: &mut Tx,
    token_id: &str,
    secret: &[u8],
    works_until: Timestamp,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM previous_secret WHERE token_id = $1 AND works_until <= $2", token_id, now.millis())?;
    execute!(
        tx,
        "INSERT INTO previous_secret (secret_hash, token_id, works_until) VALUES ($1, $2, $3)",
        secret,
        token_id,
        works_until.millis(),
    )
}

/// Puts the next refresh token on a session that is locked, and remembers the one before it.
pub async fn rotate(
    tx: &mut Tx,
    token_id: &str,
    session: &LockedSession,
    refresh: &SecretHash,
    now: Timestamp,
) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM previous_refresh WHERE token_id = $1 AND generation <= $2",
        token_id,
        session.generation - REMEMBERED_REFRESHES,
    )?;
    execute!(
        tx,
        "INSERT INTO previous_refresh (refresh_hash, token_id, generation, rotated_at) VALUES ($1, $2, $3, $4)",
        &session.refresh_hash,
        token_id,
        session.generation,
        now.millis(),
    )?;
    execute!(
        tx,
        "UPDATE device_session SET refresh_hash = $2, generation = generation + 1, refreshed_at = $3
         WHERE token_id = $1",
        token_id,
        refresh.as_bytes(),
        now.millis(),
    )
}

/// The generation of a refresh token that a rotation replaced, and when it did.
pub async fn find_replaced(tx: &mut Tx, refresh: &SecretHash) -> sqlx::Result<Option<(i64, Timestamp)>> {
    let row = fetch!(
        fetch_optional,
        tx,
        (i64, i64),
        "SELECT generation, rotated_at FROM previous_refresh WHERE refresh_hash = $1",
        refresh.as_bytes(),
    )?;
    Ok(row.map(|(generation, rotated_at)| (generation, Timestamp::from_millis(rotated_at))))
}

/// The token and the account of the session that has this refresh token, or had it.
pub async fn find_by_refresh(
    connection: &mut impl Connection,
    refresh: &SecretHash,
) -> sqlx::Result<Option<(String, String)>> {
    fetch!(
        fetch_optional,
        connection,
        (String, String),
        "SELECT token_id, account_id FROM device_session
         WHERE refresh_hash = $1 OR token_id = (SELECT token_id FROM previous_refresh WHERE refresh_hash = $1)",
        refresh.as_bytes(),
    )
}

/// The id and the account of the token with this secret, or with a replaced secret that still works. It is one statement:
/// a refresh between two would hide the token from both.
pub async fn find_by_secret(
    connection: &mut impl Connection,
    secret: &SecretHash,
    now: Timestamp,
) -> sqlx::Result<Option<(String, String)>> {
    fetch!(
        fetch_optional,
        connection,
        (String, String),
        "SELECT id, account_id FROM token
         WHERE (secret_hash = $1
                OR id = (SELECT token_id FROM previous_secret WHERE secret_hash = $1 AND works_until > $2))
           AND source = 'auto-generated'",
        secret.as_bytes(),
        now.millis(),
    )
}

/// Notes why a session ended, before its token is deleted: rows are locked in that order.
pub async fn end_session(tx: &mut Tx, token_id: &str, over: EndReason, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE device_session SET ended = $2, ended_at = $3 WHERE token_id = $1 AND ended_at IS NULL",
        token_id,
        over.as_str(),
        now.millis(),
    )
}

/// The ids and accounts of tokens whose sessions may have ended, by their longest time or unused since `idle_since`: the
/// first `most` after the token `after`, in the same order on every server.
pub async fn candidates(
    connection: &mut impl Connection,
    after: &str,
    most: i64,
    idle_since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Vec<(String, String)>> {
    fetch!(
        fetch_all,
        connection,
        (String, String),
        "SELECT token.id, token.account_id FROM token JOIN device_session ON device_session.token_id = token.id
         WHERE token.source = 'auto-generated' AND token.id > $3
           AND (token.expires_at <= $1
                OR (COALESCE(token.last_used_at, token.created_at) <= $2 AND device_session.refreshed_at <= $2))
         ORDER BY token.id LIMIT $4",
        now.millis(),
        idle_since.millis(),
        after,
        most,
    )
}

/// Locks a token whose session ended; why it ended. `None` where it was used or refreshed since it was read.
pub async fn lock_ended(
    tx: &mut Tx,
    token_id: &str,
    idle_since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Option<EndReason>> {
    let row = fetch!(
        fetch_optional,
        tx,
        (Option<i64>,),
        "UPDATE token SET is_active = is_active
         WHERE id = $1 AND source = 'auto-generated'
           AND (expires_at <= $3
                OR (COALESCE(last_used_at, created_at) <= $2
                    AND EXISTS (SELECT 1 FROM device_session WHERE token_id = token.id AND refreshed_at <= $2)))
         RETURNING expires_at",
        token_id,
        idle_since.millis(),
        now.millis(),
    )?;
    Ok(row.map(|(end,)| if end.is_some_and(|end| end <= now.millis()) { EndReason::MaxAge } else { EndReason::Idle }))
}

/// Notes the end of sessions whose tokens were deleted on the page.
pub async fn note_orphans(tx: &mut Tx, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE device_session SET ended_at = $1
         WHERE ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM token WHERE token.id = device_session.token_id)",
        now.millis(),
    )
}

pub async fn forget_sessions_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM device_session WHERE ended_at < $1", before.millis())
}

pub async fn forget_previous(tx: &mut Tx, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM previous_secret WHERE works_until <= $1", now.millis())
}
