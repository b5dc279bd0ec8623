//! The SQL of repositories.

use dockpass_core::account::Account;
use dockpass_core::listing::{PAGE_SIZE, like};
use dockpass_core::permission_check::ShareLevel;
use dockpass_core::repository::RepositoryName;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{ImageDirection, LastUse, UsedWith};

use super::facts::store::share;
use crate::platform::database::{Connection, Tx, execute, fetch, row};

/// The names of the repositories that are shared with an account.
pub async fn shared_with(connection: &mut impl Connection, account: &Account) -> sqlx::Result<Vec<(String,)>> {
    fetch!(
        fetch_all,
        connection,
        (String,),
        "SELECT repository.name FROM repository_share JOIN repository ON repository.id = repository_share.repository_id
         WHERE repository_share.account_id = $1",
        &account.id,
    )
}

/// The repositories of one namespace that are kept: a push is granted before anything is pushed, so names cost nothing.
const MOST_OF_A_NAMESPACE: i64 = 10_000;

/// Locks the names of accounts and namespaces, together with the creating and closing of accounts: of two transactions that
/// take one name the second sees the first. Always before any row of a repository, so that two servers cannot deadlock.
pub async fn lock_names(tx: &mut Tx) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE installation SET set_up_at = set_up_at WHERE id = 1")
}

/// Why a repository was not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCreated {
    Exists,
    /// The account may not use this name.
    NotOwn,
    /// The namespace has as many as are kept.
    Full,
}

/// Inserts a repository; names are locked by then. Where `is_public` is `None`, the default of the account with that name
/// decides.
pub async fn insert(
    tx: &mut Tx,
    id: &str,
    name: &RepositoryName,
    is_public: Option<bool>,
    now: Timestamp,
) -> sqlx::Result<Result<(), NotCreated>> {
    execute!(
        tx,
        "INSERT INTO reserved_namespace (namespace, reserved_at)
         SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM account WHERE username = $1) ON CONFLICT DO NOTHING",
        name.namespace(),
        now.millis(),
    )?;
    let rows = execute!(
        tx,
        "INSERT INTO repository (id, name, namespace, is_public, created_at)
         SELECT $1, $2, $3,
                COALESCE($4, (SELECT pushes_are_public FROM account
                              WHERE username = $3 AND $2 <> $3 AND closed_at IS NULL), FALSE), $5
         WHERE (SELECT COUNT(*) FROM repository WHERE namespace = $3) < $6
         ON CONFLICT (name) DO NOTHING",
        id,
        name.as_str(),
        name.namespace(),
        is_public,
        now.millis(),
        MOST_OF_A_NAMESPACE,
    )?;
    if rows == 1 {
        return Ok(Ok(()));
    }
    let (is_known,) =
        fetch!(fetch_one, tx, (bool,), "SELECT EXISTS (SELECT 1 FROM repository WHERE name = $1)", name.as_str(),)?;
    Ok(Err(if is_known { NotCreated::Exists } else { NotCreated::Full }))
}

/// The token's id and description: nothing for a password, empty texts for an unknown token.
pub(super) fn columns_of(by: &UsedWith) -> (Option<&str>, Option<&str>) {
    match by {
        UsedWith::Token { id, description } => (Some(id), Some(description)),
        UsedWith::Password => (None, None),
        UsedWith::Unknown => (Some(""), Some("")),
    }
}

pub(super) fn from_columns(token_id: Option<String>, description: Option<String>) -> UsedWith {
    match token_id.zip(description) {
        Some((id, _)) if id.is_empty() => UsedWith::Unknown,
        Some((id, description)) => UsedWith::Token { id, description },
        None => UsedWith::Password,
    }
}

/// Notes the last push or pull. Where the token is unknown, the token of the same account's request stays.
pub async fn note(tx: &mut Tx, name: &str, direction: ImageDirection, last_use: &LastUse) -> sqlx::Result<u64> {
    let sql = match direction {
        ImageDirection::Push => {
            "UPDATE repository SET pushed_at = $2, pushed_account_id = $3,
               pushed_token_id = CASE WHEN $4 = '' AND pushed_account_id = $3 THEN pushed_token_id ELSE $4 END,
               pushed_description = CASE WHEN $4 = '' AND pushed_account_id = $3 THEN pushed_description ELSE $5 END
             WHERE name = $1 AND (pushed_at IS NULL OR pushed_at < $2)"
        }
        ImageDirection::Pull => {
            "UPDATE repository SET pulled_at = $2, pulled_account_id = $3,
               pulled_token_id = CASE WHEN $4 = '' AND pulled_account_id = $3 THEN pulled_token_id ELSE $4 END,
               pulled_description = CASE WHEN $4 = '' AND pulled_account_id = $3 THEN pulled_description ELSE $5 END
             WHERE name = $1 AND (pulled_at IS NULL OR pulled_at < $2)"
        }
    };
    let (token_id, description) = columns_of(&last_use.by);
    let (at, account_id) = (last_use.at.millis(), last_use.account_id.as_deref());
    execute!(tx, sql, name, at, account_id, token_id, description)
}

row! {
    struct ListedRow {
        id: String,
        name: String,
        is_public: bool,
        owner: Option<String>,
        owner_is_away: bool,
        can_push: Option<bool>,
        shares: i64,
        pushed_at: Option<i64>,
        pushed_account_id: Option<String>,
        pushed_by: Option<String>,
        pushed_token_id: Option<String>,
        pushed_description: Option<String>,
        pushed_is_readers: bool,
        pulled_at: Option<i64>,
        pulled_account_id: Option<String>,
        pulled_by: Option<String>,
        pulled_token_id: Option<String>,
        pulled_description: Option<String>,
        pulled_is_readers: bool,
    }
}

/// A repository as its page shows it.
#[derive(Debug, Clone)]
pub struct ListedRepository {
    pub id: String,
    pub name: RepositoryName,
    /// Whether everyone may pull it.
    pub is_public: bool,
    /// The account that has the first component of its name; `None` where it belongs to the administrators.
    pub owner: Option<String>,
    pub owner_is_away: bool,
    pub share: Option<ShareLevel>,
    pub shares: i64,
    pub pushed: Option<NamedLastUse>,
    pub pulled: Option<NamedLastUse>,
}

#[derive(Debug, Clone)]
pub struct NamedLastUse {
    pub last_use: LastUse,
    pub username: Option<String>,
    pub is_readers_token: bool,
}

impl ListedRow {
    fn into_listed(self) -> ListedRepository {
        let last_use = |at: Option<i64>, account_id, by, username, is_readers_token| {
            let last_use = LastUse { at: Timestamp::from_millis(at?), account_id, by };
            Some(NamedLastUse { last_use, username, is_readers_token })
        };
        let pusher = from_columns(self.pushed_token_id, self.pushed_description);
        let puller = from_columns(self.pulled_token_id, self.pulled_description);
        ListedRepository {
            pushed: last_use(self.pushed_at, self.pushed_account_id, pusher, self.pushed_by, self.pushed_is_readers),
            pulled: last_use(self.pulled_at, self.pulled_account_id, puller, self.pulled_by, self.pulled_is_readers),
            id: self.id,
            name: RepositoryName::from_stored(self.name),
            is_public: self.is_public,
            owner: self.owner,
            owner_is_away: self.owner_is_away,
            share: self.can_push.map(share),
            shares: self.shares,
        }
    }
}

/// `$1` is the reader's id, `$2` its name, `$3` whether it is an administrator.
macro_rules! listed {
    ($what:literal, $joins:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM repository
              LEFT JOIN account AS owner ON owner.username = repository.namespace
              LEFT JOIN repository_share AS mine
                     ON mine.repository_id = repository.id AND mine.account_id = $1 ",
            $joins,
            " WHERE ((repository.namespace = $2 AND repository.name <> $2) OR mine.account_id IS NOT NULL
                     OR ($3 AND (owner.id IS NULL OR owner.disabled_at IS NOT NULL OR owner.closed_at IS NOT NULL))) ",
            $rest
        )
    };
}

macro_rules! columns {
    ($rest:literal) => {
        listed!(
            "repository.id, repository.name, repository.is_public, owner.username AS owner,
             (owner.disabled_at IS NOT NULL OR owner.closed_at IS NOT NULL) AS owner_is_away, mine.can_push,
             (SELECT COUNT(*) FROM repository_share WHERE repository_id = repository.id) AS shares,
             pushed_at, pushed_account_id, pusher.username AS pushed_by, pushed_token_id, pushed_description,
             EXISTS (SELECT 1 FROM token WHERE id = pushed_token_id AND account_id = $1) AS pushed_is_readers,
             pulled_at, pulled_account_id, puller.username AS pulled_by, pulled_token_id, pulled_description,
             EXISTS (SELECT 1 FROM token WHERE id = pulled_token_id AND account_id = $1) AS pulled_is_readers",
            "LEFT JOIN account AS pusher ON pusher.id = repository.pushed_account_id
             LEFT JOIN account AS puller ON puller.id = repository.pulled_account_id",
            $rest
        )
    };
}

/// A page of what an account has, what is shared with it and, for an administrator, what belongs to no account.
pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    text: &str,
    page: u32,
) -> sqlx::Result<(Vec<ListedRepository>, i64)> {
    let pattern = if text.is_empty() { String::new() } else { like(text) };
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        listed!("COUNT(*)", "", "AND ($4 = '' OR repository.name LIKE $4 ESCAPE '\\')"),
        &account.id,
        account.username.as_str(),
        account.is_admin,
        &pattern,
    )?;
    let records = fetch!(
        fetch_all,
        connection,
        ListedRow,
        columns!("AND ($4 = '' OR repository.name LIKE $4 ESCAPE '\\') ORDER BY repository.name LIMIT $5 OFFSET $6"),
        &account.id,
        account.username.as_str(),
        account.is_admin,
        &pattern,
        i64::from(PAGE_SIZE),
        i64::from(page.saturating_sub(1)) * i64::from(PAGE_SIZE),
    )?;
    Ok((records.into_iter().map(ListedRow::into_listed).collect(), count))
}

/// The first `most` names that contain `text` of repositories that an account owns or that are shared with it, and how
/// many there are.
pub async fn usable_names(
    connection: &mut impl Connection,
    account: &Account,
    text: &str,
    most: i64,
) -> sqlx::Result<Vec<(String, i64)>> {
    fetch!(
        fetch_all,
        connection,
        (String, i64),
        listed!(
            "repository.name, COUNT(*) OVER ()",
            "",
            "AND (repository.namespace = $2 OR mine.account_id IS NOT NULL OR owner.id IS NULL)
             AND ($4 = '' OR repository.name LIKE $4 ESCAPE '\\') ORDER BY repository.name LIMIT $5"
        ),
        &account.id,
        account.username.as_str(),
        account.is_admin,
        if text.is_empty() { String::new() } else { like(text) },
        most,
    )
}

pub async fn find(
    connection: &mut impl Connection,
    account: &Account,
    id: &str,
) -> sqlx::Result<Option<ListedRepository>> {
    let row = fetch!(
        fetch_optional,
        connection,
        ListedRow,
        columns!("AND repository.id = $4"),
        &account.id,
        account.username.as_str(),
        account.is_admin,
        id,
    )?;
    Ok(row.map(ListedRow::into_listed))
}

pub async fn set_public(tx: &mut Tx, id: &str, is_public: bool) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE repository SET is_public = $2 WHERE id = $1 AND is_public <> $2", id, is_public)
}

/// Makes all repositories of an account private, and removes their shares and those that the account has.
pub async fn close_all(tx: &mut Tx, account: &Account) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM repository_share
         WHERE account_id = $1 OR repository_id IN (SELECT id FROM repository WHERE namespace = $2)",
        &account.id,
        account.username.as_str(),
    )?;
    execute!(tx, "UPDATE repository SET is_public = FALSE WHERE namespace = $1", account.username.as_str())
}

pub async fn remove(tx: &mut Tx, id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM repository WHERE id = $1", id)
}

pub async fn shares(connection: &mut impl Connection, id: &str) -> sqlx::Result<Vec<(String, String, ShareLevel)>> {
    let rows = fetch!(
        fetch_all,
        connection,
        (String, String, bool),
        "SELECT account.id, account.username, repository_share.can_push
         FROM repository_share JOIN account ON account.id = repository_share.account_id
         WHERE repository_share.repository_id = $1 ORDER BY account.username",
        id,
    )?;
    Ok(rows.into_iter().map(|(account_id, username, can_push)| (account_id, username, share(can_push))).collect())
}

/// Locks a repository; the number of rows.
pub async fn lock(tx: &mut Tx, id: &str) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE repository SET is_public = is_public WHERE id = $1", id)
}

/// Shares it with an account, or changes the level of the share.
pub async fn give(tx: &mut Tx, id: &str, account_id: &str, share: ShareLevel, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO repository_share (repository_id, account_id, can_push, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (repository_id, account_id) DO UPDATE SET can_push = $3",
        id,
        account_id,
        share == ShareLevel::Push,
        now.millis(),
    )
}

pub async fn take_back(tx: &mut Tx, id: &str, account_id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM repository_share WHERE repository_id = $1 AND account_id = $2", id, account_id)
}

pub async fn pushes_are_public(connection: &mut impl Connection, account: &Account) -> sqlx::Result<bool> {
    let (is_public,) =
        fetch!(fetch_one, connection, (bool,), "SELECT pushes_are_public FROM account WHERE id = $1", &account.id)?;
    Ok(is_public)
}

pub async fn set_pushes_public(tx: &mut Tx, account: &Account, are_public: bool) -> sqlx::Result<u64> {
    execute!(tx, "UPDATE account SET pushes_are_public = $2 WHERE id = $1", &account.id, are_public)
}
