//! The steps, and which of them are left.

use dockpass_core::timestamp::Timestamp;
use time::Duration;
use url::Url;

use super::store;
use crate::config::Config;
use crate::error::Error;
use crate::platform::database::{Connection, DatabaseLocation, Db, Tx};
use crate::platform::http_client::is_loopback;

/// How old the last backup may be.
const BACKUP_AGE: Duration = Duration::days(7);
/// Every notification shows that they arrive; noting one in so much time is enough.
const NOTE_NOTIFICATIONS_EVERY: Duration = Duration::HOUR;

/// Something that an operator does once, or in the case of the backup again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupStep {
    PublicUrl,
    Https,
    Registry,
    Notifications,
    Backup,
    SecretKey,
}

impl SetupStep {
    /// In the order in which they are done.
    pub const ALL: [Self; 6] =
        [Self::PublicUrl, Self::Https, Self::Registry, Self::Notifications, Self::Backup, Self::SecretKey];

    /// The name in forms, in the database and in the doctor's JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PublicUrl => "public_url",
            Self::Https => "https",
            Self::Registry => "registry",
            Self::Notifications => "notifications",
            Self::Backup => "backup",
            Self::SecretKey => "secret_key",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }

    /// Whether only the operator knows whether it is done, and says so: `dockpass backup` does not copy PostgreSQL.
    pub fn is_confirmed_by_hand(self, config: &Config) -> bool {
        match self {
            Self::SecretKey => true,
            Self::Backup => matches!(config.database, DatabaseLocation::Postgres(_)),
            _ => false,
        }
    }
}

/// The steps that are neither done nor dismissed. `public_url` is that of the server.
pub async fn steps_left(
    connection: &mut impl Connection,
    config: &Config,
    public_url: &str,
    now: Timestamp,
) -> Result<Vec<SetupStep>, Error> {
    let rows = store::rows(connection).await?;
    let row = |step: SetupStep| rows.iter().find(|row| row.name == step.as_str());
    let done_at = |step| row(step)?.done_at.map(Timestamp::from_millis);
    let mut left = Vec::new();
    let is_dismissed = |step: SetupStep| row(step).is_some_and(|row| row.dismissed_at.is_some());
    for step in SetupStep::ALL.into_iter().filter(|step| !is_dismissed(*step)) {
        let is_done = match step {
            // `migrate-to` also copies when the SQLite database was last backed up.
            step if step.is_confirmed_by_hand(config) => false,
            SetupStep::PublicUrl => !is_on_loopback(public_url),
            SetupStep::Https => public_url.starts_with("https://"),
            SetupStep::Registry => {
                done_at(SetupStep::Notifications).is_some() || store::has_repository_uses(connection).await?
            }
            SetupStep::Notifications => done_at(step).is_some(),
            SetupStep::Backup => done_at(step).is_some_and(|at| now - at < BACKUP_AGE),
            SetupStep::SecretKey => false,
        };
        if !is_done {
            left.push(step);
        }
    }
    Ok(left)
}

/// Whether only programs on the server's machine can use this URL.
pub fn is_on_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host().is_some_and(is_loopback))
}

/// Removes a step from the list, for all administrators.
pub async fn dismiss(tx: &mut Tx, step: SetupStep, now: Timestamp) -> Result<(), Error> {
    store::note_dismissed(tx, step.as_str(), now).await?;
    Ok(())
}

/// Notes that a registry's notification has arrived.
pub async fn note_notification(db: &Db, now: Timestamp) -> Result<(), Error> {
    let name = SetupStep::Notifications.as_str();
    let rows = store::rows(&mut db.read().await?).await?;
    let noted_at = rows.iter().find(|row| row.name == name).and_then(|row| row.done_at).map(Timestamp::from_millis);
    if noted_at.is_some_and(|at| now - at < NOTE_NOTIFICATIONS_EVERY) {
        return Ok(());
    }
    let mut tx = db.write().await?;
    store::note_done(&mut tx, name, now).await?;
    Ok(tx.commit().await?)
}
