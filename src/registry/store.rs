//! The SQL of signing keys.

use crate::{
    core::moment::Moment,
    platform::db::{Connection, Tx, execute, fetch, record},
};

record! {
    struct KeyRecord {
        id: String,
        certificate: Vec<u8>,
        sealed_key: Vec<u8>,
    }
}

/// A certificate with its encrypted private key.
#[derive(Debug)]
pub struct SealedKey {
    pub id: String,
    pub certificate: Vec<u8>,
    pub sealed_key: Vec<u8>,
}

/// Which of the two certificates.
#[derive(Debug, Clone, Copy)]
pub enum Role {
    Root,
    Leaf,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Leaf => "leaf",
        }
    }
}

/// The newest of its role.
pub async fn newest(connection: &mut impl Connection, role: Role) -> sqlx::Result<Option<SealedKey>> {
    let record = fetch!(
        fetch_optional,
        connection,
        KeyRecord,
        "SELECT id, certificate, sealed_key FROM signing_key WHERE role = $1 ORDER BY generation DESC LIMIT 1",
        role.as_str(),
    )?;
    Ok(record.map(|KeyRecord { id, certificate, sealed_key }| SealedKey { id, certificate, sealed_key }))
}

/// Whether it was inserted: `false` where another server was first.
pub async fn insert(tx: &mut Tx, role: Role, generation: i64, key: &SealedKey, now: Moment) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO signing_key (id, role, generation, certificate, sealed_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (role, generation) DO NOTHING",
        &key.id,
        role.as_str(),
        generation,
        key.certificate.as_slice(),
        key.sealed_key.as_slice(),
        now.millis(),
    )?;
    Ok(rows == 1)
}
