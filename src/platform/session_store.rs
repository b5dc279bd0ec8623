//! Browser sessions in the database: a store for tower-sessions on both engines.
//!
//! The published store, tower-sessions-sqlx-store, does not work with sqlx 0.9 and tower-sessions 0.15. It also brings a
//! signed-out session back if another request saves it at the same time, and stores session ids in plain text.

use std::collections::HashMap;
use std::fmt;

use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use serde_json::Value;
use time::Duration;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::clock::Clock;
use super::database::{Db, Tx, count_error, execute, fetch, is_outage};
use super::rng::SystemRng;

pub const ACCOUNT_KEY: &str = "account_id";
/// The session key of the account's `credentials_version`. A column holds it: the transaction that raises the version also
/// raises that of its own session, and a request that saves the session at the same time does not undo that.
pub const VERSION_KEY: &str = "credentials_version";
pub const ADDRESS_KEY: &str = "address";
/// The session key of the browser at sign-in.
pub const CLIENT_KEY: &str = "client";
/// The session key of the time of sign-in, in milliseconds since 1970. A session that gets a new id keeps it.
pub const SIGNED_IN_KEY: &str = "signed_in_at";

/// The session key of the time at which the session ends if it is not used, in milliseconds since 1970. Only the column
/// counts: what was saved under this key is replaced when the session is loaded.
pub const EXPIRES_KEY: &str = "expires_at";

/// The operator's limits for browser sessions.
#[derive(Debug, Clone, Copy)]
pub struct SessionLifetime {
    pub idle: Duration,
    pub longest: Duration,
}

/// Stores sessions under the SHA-256 of their ids.
#[derive(Clone)]
pub struct DatabaseSessionStore {
    db: Db,
    clock: Clock,
    lifetime: SessionLifetime,
}

impl DatabaseSessionStore {
    pub fn new(db: Db, clock: Clock, lifetime: SessionLifetime) -> Self {
        Self { db, clock, lifetime }
    }

    async fn insert(&self, record: &Record) -> sqlx::Result<bool> {
        let now = self.clock.now();
        let signed_in_at = number_of(record, SIGNED_IN_KEY).map_or(now, Timestamp::from_millis);
        let mut tx = self.db.write().await?;
        let rows = execute!(
            &mut tx,
            "INSERT INTO session (id_hash, account_id, data, created_at, last_seen_at, expires_at, public_id, address,
                                  client, credentials_version)
             VALUES ($1, $2, $3, $9, $4, $5, $6, $7, $8, $10) ON CONFLICT (id_hash) DO NOTHING",
            hash(&record.id).as_bytes(),
            text_of(record, ACCOUNT_KEY),
            data_of(record),
            now.millis(),
            (now + self.lifetime.idle).min(signed_in_at + self.lifetime.longest).millis(),
            SystemRng.id(now),
            text_of(record, ADDRESS_KEY),
            text_of(record, CLIENT_KEY),
            signed_in_at.millis(),
            number_of(record, VERSION_KEY).unwrap_or_default(),
        )?;
        tx.commit().await?;
        Ok(rows == 1)
    }

    /// Never inserts, so that a session that ends during a request stays ended.
    async fn update(&self, record: &Record) -> sqlx::Result<()> {
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        execute!(
            &mut tx,
            "UPDATE session SET account_id = $2, data = $3, last_seen_at = $4,
                    expires_at = CASE WHEN created_at + $6 < $5 THEN created_at + $6 ELSE $5 END
             WHERE id_hash = $1",
            hash(&record.id).as_bytes(),
            text_of(record, ACCOUNT_KEY),
            data_of(record),
            now.millis(),
            (now + self.lifetime.idle).millis(),
            self.lifetime.longest.whole_milliseconds() as i64,
        )?;
        tx.commit().await
    }

    async fn find(&self, id: &Id) -> sqlx::Result<Option<(String, i64, i64)>> {
        fetch!(
            fetch_optional,
            &mut self.db.read().await?,
            (String, i64, i64),
            "SELECT data, credentials_version, expires_at FROM session WHERE id_hash = $1 AND expires_at > $2",
            hash(id).as_bytes(),
            self.clock.now().millis(),
        )
    }

    async fn remove(&self, id: &Id) -> sqlx::Result<()> {
        let mut tx = self.db.write().await?;
        execute!(&mut tx, "DELETE FROM session WHERE id_hash = $1", hash(id).as_bytes())?;
        tx.commit().await
    }
}

pub async fn forget_ended(tx: &mut Tx, now: Timestamp) -> sqlx::Result<u64> {
    execute!(tx, "DELETE FROM session WHERE expires_at <= $1", now.millis())
}

#[async_trait::async_trait]
impl SessionStore for DatabaseSessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.insert(record).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// A session that exists is saved for its notices and its last use; signing in creates a new one. Where a write
    /// fails, pages that only read still answer.
    async fn save(&self, record: &Record) -> Result<()> {
        if let Err(error) = self.update(record).await {
            tracing::error!(%error, "a session could not be saved");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((data, version, expires_at)) = self.find(id).await.map_err(backend)? else { return Ok(None) };
        let mut data: HashMap<String, Value> =
            serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        data.insert(VERSION_KEY.to_owned(), version.into());
        data.insert(EXPIRES_KEY.to_owned(), expires_at.into());
        Ok(Some(Record { id: *id, data, expiry_date: Timestamp::from_millis(expires_at).as_utc() }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.remove(id).await.map_err(backend)
    }
}

impl fmt::Debug for DatabaseSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseSessionStore")
    }
}

fn hash(id: &Id) -> SecretHash {
    SecretHash::of(&id.to_string())
}

fn text_of<'r>(record: &'r Record, key: &str) -> Option<&'r str> {
    record.data.get(key).and_then(|value| value.as_str())
}

fn number_of(record: &Record, key: &str) -> Option<i64> {
    record.data.get(key).and_then(Value::as_i64)
}

fn data_of(record: &Record) -> String {
    Value::from_iter(record.data.clone()).to_string()
}

fn backend(error: sqlx::Error) -> Error {
    count_error(is_outage(&error));
    Error::Backend(error.to_string())
}
