//! The SQL of notifications.

use crate::{
    core::moment::Moment,
    platform::db::{Tx, execute},
};

/// Whether it was not taken in before.
pub async fn take_in(tx: &mut Tx, event_id: &str, now: Moment) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO registry_event (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        event_id,
        now.millis(),
    )?;
    Ok(rows == 1)
}

pub async fn forget_before(tx: &mut Tx, moment: Moment) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM registry_event WHERE received_at < $1", moment.millis())
}
