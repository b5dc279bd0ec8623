//! The SQL of signing keys.

use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch};

/// The roles of certificates.
pub const ROOT: &str = "root";
pub const LEAF: &str = "leaf";

/// A certificate with its encrypted private key.
#[derive(Debug)]
pub struct SealedKey {
    pub id: String,
    pub generation: i64,
    pub certificate: Vec<u8>,
    pub sealed_key: Vec<u8>,
    pub created_at: Timestamp,
}

pub async fn newest_generation(connection: &mut impl Connection, role: &str) -> sqlx::Result<Option<i64>> {
    let (generation,) = fetch!(
        fetch_one,
        connection,
        (Option<i64>,),
        "SELECT MAX(generation) FROM signing_key WHERE role = $1",
        role,
    )?;
    Ok(generation)
}

/// The keys of a role, newest first, down to the newest that was created at `since` or before.
pub async fn newest(connection: &mut impl Connection, role: &str, since: Timestamp) -> sqlx::Result<Vec<SealedKey>> {
    let rows = fetch!(
        fetch_all,
        connection,
        (String, i64, Vec<u8>, Vec<u8>, i64),
        "SELECT id, generation, certificate, sealed_key, created_at FROM signing_key
         WHERE role = $1 AND generation >= (
             SELECT COALESCE(MAX(generation), 0) FROM signing_key WHERE role = $1 AND created_at <= $2)
         ORDER BY generation DESC",
        role,
        since.millis(),
    )?;
    let key = |(id, generation, certificate, sealed_key, at)| SealedKey {
        id,
        generation,
        certificate,
        sealed_key,
        created_at: Timestamp::from_millis(at),
    };
    Ok(rows.into_iter().map(key).collect())
}

/// Whether it was inserted: `false` where another server was first.
pub async fn insert(tx: &mut Tx, role: &str, key: &SealedKey) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO signing_key (id, role, generation, certificate, sealed_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (role, generation) DO NOTHING",
        &key.id,
        role,
        key.generation,
        key.certificate.as_slice(),
        key.sealed_key.as_slice(),
        key.created_at.millis(),
    )?;
    Ok(rows == 1)
}
