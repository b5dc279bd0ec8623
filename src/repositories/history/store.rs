//! The SQL of histories.

use dockpass_core::account::Account;
use dockpass_core::listing::PAGE_SIZE;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::{LastUse, UseAction};

use super::actions::{ListedChange, RepositoryChange};
use crate::platform::database::{Connection, Tx, execute, fetch, row};
use crate::repositories::store::{NamedLastUse, columns_of, from_columns};

/// Inserts a change; the id of its repository, where there is one of this name.
pub async fn insert(
    tx: &mut Tx,
    id: &str,
    repository: &str,
    change: &RepositoryChange,
) -> sqlx::Result<Option<String>> {
    let (token_id, description) = columns_of(&change.last_use.by);
    let row = fetch!(
        fetch_optional,
        tx,
        (String,),
        "INSERT INTO repository_change
           (id, repository_id, action, tag, digest, account_id, token_id, description, client, changed_at)
         SELECT $1, repository.id, $3, $4, $5, $6, $7, $8, $9, $10 FROM repository WHERE name = $2
         RETURNING repository_id",
        id,
        repository,
        change.action.as_str(),
        &change.tag,
        &change.digest,
        change.last_use.account_id.as_deref(),
        token_id,
        description,
        &change.client,
        change.last_use.at.millis(),
    )?;
    Ok(row.map(|(repository_id,)| repository_id))
}

/// The pushes without a tag of the same account after `since`: their ids and digests.
pub async fn untagged(
    connection: &mut impl Connection,
    repository_id: &str,
    change: &RepositoryChange,
    since: Timestamp,
) -> sqlx::Result<Vec<(String, String)>> {
    fetch!(
        fetch_all,
        connection,
        (String, String),
        "SELECT id, digest FROM repository_change
         WHERE repository_id = $1 AND action = $2 AND tag = '' AND changed_at > $4
           AND (account_id = $3 OR (account_id IS NULL AND CAST($3 AS TEXT) IS NULL))",
        repository_id,
        change.action.as_str(),
        change.last_use.account_id.as_deref(),
        since.millis(),
    )
}

pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM repository_change WHERE id = $1", id)
}

/// Keeps the latest `kept` changes of each repository.
pub async fn prune(tx: &mut Tx, kept: i64) -> sqlx::Result<u64> {
    execute!(
        tx,
        "DELETE FROM repository_change WHERE id IN
           (SELECT id FROM
             (SELECT id, ROW_NUMBER() OVER (PARTITION BY repository_id ORDER BY changed_at DESC, id DESC) AS place
              FROM repository_change) AS ranked
            WHERE place > $1)",
        kept,
    )
}

row! {
    struct ChangeRow {
        action: String,
        tag: String,
        digest: String,
        client: String,
        changed_at: i64,
        account_id: Option<String>,
        username: Option<String>,
        token_id: Option<String>,
        description: Option<String>,
        is_readers: bool,
    }
}

impl ChangeRow {
    fn into_change(self) -> Option<ListedChange> {
        let by = from_columns(self.token_id, self.description);
        let last_use = LastUse { at: Timestamp::from_millis(self.changed_at), account_id: self.account_id, by };
        Some(ListedChange {
            action: UseAction::parse(&self.action)?,
            tag: self.tag,
            digest: self.digest,
            client: self.client,
            by: NamedLastUse { last_use, username: self.username, is_readers_token: self.is_readers },
        })
    }
}

/// One page of a repository's changes, newest first, and the number of all.
pub async fn list(
    connection: &mut impl Connection,
    reader: &Account,
    repository_id: &str,
    page: u32,
) -> sqlx::Result<(Vec<ListedChange>, i64)> {
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        "SELECT COUNT(*) FROM repository_change WHERE repository_id = $1",
        repository_id,
    )?;
    let records = fetch!(
        fetch_all,
        connection,
        ChangeRow,
        "SELECT action, tag, digest, client, changed_at, repository_change.account_id, account.username, token_id,
                repository_change.description,
                EXISTS (SELECT 1 FROM token
                        WHERE token.id = repository_change.token_id AND token.account_id = $2) AS is_readers
         FROM repository_change LEFT JOIN account ON account.id = repository_change.account_id
         WHERE repository_id = $1 ORDER BY changed_at DESC, repository_change.id DESC LIMIT $3 OFFSET $4",
        repository_id,
        &reader.id,
        i64::from(PAGE_SIZE),
        i64::from(page.saturating_sub(1)) * i64::from(PAGE_SIZE),
    )?;
    Ok((records.into_iter().filter_map(ChangeRow::into_change).collect(), count))
}

/// The tag that was pushed last, of those whose last push was not deleted since.
pub async fn newest_tag(connection: &mut impl Connection, repository_id: &str) -> sqlx::Result<Option<String>> {
    let row = fetch!(
        fetch_optional,
        connection,
        (String,),
        "SELECT tag FROM repository_change AS pushed
         WHERE repository_id = $1 AND action = 'push' AND tag <> '' AND NOT EXISTS
           (SELECT 1 FROM repository_change AS deleted
            WHERE deleted.repository_id = $1 AND deleted.action = 'delete' AND deleted.changed_at >= pushed.changed_at
              AND (deleted.tag = pushed.tag OR deleted.digest = pushed.digest))
           AND NOT EXISTS
           (SELECT 1 FROM repository_change AS later
            WHERE later.repository_id = $1 AND later.action = 'push' AND later.tag = pushed.tag
              AND (later.changed_at > pushed.changed_at
                   OR later.changed_at = pushed.changed_at AND later.id > pushed.id))
         ORDER BY changed_at DESC, id DESC LIMIT 1",
        repository_id,
    )?;
    Ok(row.map(|(tag,)| tag))
}

pub async fn forget_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM repository_change WHERE changed_at < $1", before.millis())
}
