//! The SQL of the steps.

use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

row! {
    /// What is known of a step.
    #[derive(Debug)]
    pub struct StepRow { name: String, done_at: Option<i64>, dismissed_at: Option<i64> }
}

pub async fn rows(connection: &mut impl Connection) -> sqlx::Result<Vec<StepRow>> {
    fetch!(fetch_all, connection, StepRow, "SELECT name, done_at, dismissed_at FROM setup_step")
}

/// Whether a client of a registry was ever granted a push or a pull.
pub async fn has_repository_uses(connection: &mut impl Connection) -> sqlx::Result<bool> {
    let (has_uses,) = fetch!(
        fetch_one,
        connection,
        (bool,),
        "SELECT EXISTS (SELECT 1 FROM repository WHERE pushed_at IS NOT NULL OR pulled_at IS NOT NULL)",
    )?;
    Ok(has_uses)
}

pub async fn note_done(tx: &mut Tx, name: &str, at: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO setup_step (name, done_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET done_at = $2",
        name,
        at.millis(),
    )
}

pub async fn note_dismissed(tx: &mut Tx, name: &str, at: Timestamp) -> sqlx::Result<u64> {
    execute!(
        tx,
        "INSERT INTO setup_step (name, dismissed_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET dismissed_at = $2",
        name,
        at.millis(),
    )
}
