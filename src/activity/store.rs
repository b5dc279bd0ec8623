//! The SQL of the security log.

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::listing::PAGE_SIZE;
use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

/// A line of the log; equal ones within an hour are one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: ActivityKind,
    /// A token's description, the name of a repository, or nothing.
    pub detail: String,
    /// The administrator's name, or [`super::actions::SHELL`], where one acted on the account.
    pub actor: String,
    pub origin: ClientInfo,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub times: i64,
}

pub async fn insert(tx: &mut Tx, id: &str, account_id: &str, entry: &Entry) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO activity (id, account_id, kind, detail, address, client, first_at, last_at, times, actor)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id,
        account_id,
        entry.kind.as_str(),
        &entry.detail,
        &entry.origin.address,
        &entry.origin.client,
        entry.first_at.millis(),
        entry.last_at.millis(),
        entry.times,
        &entry.actor,
    )
}

/// Adds to the equal line that began after `since`; how many lines that changed. The line names the latest program.
pub async fn add_to(tx: &mut Tx, account_id: &str, entry: &Entry, since: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "UPDATE activity SET times = times + $7, last_at = $6, client = $5
         WHERE id = (SELECT id FROM activity WHERE account_id = $1 AND kind = $2 AND detail = $3 AND address = $4
                       AND first_at > $8 ORDER BY last_at DESC LIMIT 1)",
        account_id,
        entry.kind.as_str(),
        &entry.detail,
        &entry.origin.address,
        &entry.origin.client,
        entry.last_at.millis(),
        entry.times,
        since.millis(),
    )
}

row! {
    struct EntryRow {
        username: String,
        kind: String,
        detail: String,
        actor: String,
        address: String,
        client: String,
        first_at: i64,
        last_at: i64,
        times: i64,
    }
}

impl EntryRow {
    /// The account's name and the entry; `None` for a kind that a later version wrote.
    fn into_entry(self) -> Option<(String, Entry)> {
        let entry = Entry {
            kind: ActivityKind::parse(&self.kind)?,
            detail: self.detail,
            actor: self.actor,
            origin: ClientInfo { address: self.address, client: self.client },
            first_at: Timestamp::from_millis(self.first_at),
            last_at: Timestamp::from_millis(self.last_at),
            times: self.times,
        };
        Some((self.username, entry))
    }
}

/// One page of entries, newest first.
macro_rules! select_page {
    ($condition:literal) => {
        concat!(
            "SELECT username, kind, detail, actor, address, client, first_at, last_at, times
             FROM activity JOIN account ON account.id = account_id WHERE ",
            $condition,
            " ORDER BY last_at DESC, activity.id DESC LIMIT $1 OFFSET $2"
        )
    };
}

fn offset(page: u32) -> i64 {
    i64::from(page.saturating_sub(1)) * i64::from(PAGE_SIZE)
}

/// One page of an account's log, newest first, and the number of lines; of every kind where `kind` is `None`.
pub async fn list(
    connection: &mut impl Connection,
    account: &Account,
    kind: Option<ActivityKind>,
    page: u32,
) -> sqlx::Result<(Vec<Entry>, i64)> {
    let kind = kind.map_or("", ActivityKind::as_str);
    let (count,) = fetch!(
        fetch_one,
        connection,
        (i64,),
        "SELECT COUNT(*) FROM activity WHERE account_id = $1 AND ($2 = '' OR kind = $2)",
        &account.id,
        kind,
    )?;
    let records = fetch!(
        fetch_all,
        connection,
        EntryRow,
        select_page!("account_id = $3 AND ($4 = '' OR kind = $4)"),
        i64::from(PAGE_SIZE),
        offset(page),
        &account.id,
        kind,
    )?;
    Ok((records.into_iter().filter_map(EntryRow::into_entry).map(|(_, entry)| entry).collect(), count))
}

/// One page of what administrators did, newest first, each entry with the account's name; and the number of lines.
pub async fn list_of_administrators(
    connection: &mut impl Connection,
    page: u32,
) -> sqlx::Result<(Vec<(String, Entry)>, i64)> {
    let (count,) = fetch!(fetch_one, connection, (i64,), "SELECT COUNT(*) FROM activity WHERE actor <> ''")?;
    let records =
        fetch!(fetch_all, connection, EntryRow, select_page!("actor <> ''"), i64::from(PAGE_SIZE), offset(page),)?;
    Ok((records.into_iter().filter_map(EntryRow::into_entry).collect(), count))
}

pub async fn forget_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM activity WHERE last_at < $1", before.millis())
}
