//! The SQL of notifications.

use dockpass_core::{
    moved::{Event, Moved},
    timestamp::Timestamp,
    usage::UseAction,
};

use crate::platform::database::{Connection, Tx, execute, fetch, row};

/// Whether it was not taken in before.
pub async fn take_in(tx: &mut Tx, event_id: &str, now: Timestamp) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO registry_event (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        event_id,
        now.millis(),
    )?;
    Ok(rows == 1)
}

/// Keeps it until its token can be told.
pub async fn keep(tx: &mut Tx, event: &Event, now: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO unsettled_event (id, received_at, happened_at, action, repository, moved, actor, client)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &event.id,
        now.millis(),
        event.moved.at.millis(),
        event.moved.action.as_str(),
        &event.repository,
        &event.what,
        &event.actor,
        &event.moved.client,
    )
}

/// Whether one that was received by `moment` is not settled.
pub async fn is_any_unsettled(connection: &mut impl Connection, before: Timestamp) -> sqlx::Result<bool> {
    let (is_any,) = fetch!(
        fetch_one,
        connection,
        (bool,),
        "SELECT EXISTS (SELECT 1 FROM unsettled_event WHERE received_at <= $1)",
        before.millis(),
    )?;
    Ok(is_any)
}

row! {
    struct EventRow {
        id: String,
        happened_at: i64,
        action: String,
        repository: String,
        moved: String,
        actor: String,
        client: String,
    }
}

impl EventRow {
    fn into_event(self) -> Option<Event> {
        let action = UseAction::parse(&self.action)?;
        let moved = Moved { action, at: Timestamp::from_millis(self.happened_at), client: self.client };
        Some(Event { id: self.id, moved, repository: self.repository, what: self.moved, actor: self.actor })
    }
}

/// Takes `count` of those that were received by `moment`, each for one caller: of two servers that do so at once the
/// second finds them gone.
pub async fn take_unsettled(tx: &mut Tx, before: Timestamp, count: i64) -> sqlx::Result<Vec<Event>> {
    let records = fetch!(
        fetch_all,
        tx,
        EventRow,
        "DELETE FROM unsettled_event
         WHERE id IN (SELECT id FROM unsettled_event WHERE received_at <= $1 ORDER BY received_at, id LIMIT $2)
         RETURNING id, happened_at, action, repository, moved, actor, client",
        before.millis(),
        count,
    )?;
    Ok(records.into_iter().filter_map(EventRow::into_event).collect())
}

pub async fn forget_before(tx: &mut Tx, before: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM registry_event WHERE received_at < $1", before.millis())
}
