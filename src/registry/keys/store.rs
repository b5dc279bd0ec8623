//! The SQL of signing keys.

use dockpass_core::timestamp::Timestamp;

use crate::platform::database::{Connection, Tx, execute, fetch, row};

row! {
    struct KeyRow {
        id: String,
        generation: i64,
        certificate: Vec<u8>,
        sealed_key: Vec<u8>,
        created_at: i64,
    }
}

/// A certificate with its encrypted private key.
#[derive(Debug)]
pub struct SealedKey {
    pub id: String,
    pub generation: i64,
    pub certificate: Vec<u8>,
    pub sealed_key: Vec<u8>,
    pub made: Timestamp,
}

impl From<KeyRow> for SealedKey {
    fn from(row: KeyRow) -> Self {
        let KeyRow { id, generation, certificate, sealed_key, created_at } = row;
        Self { id, generation, certificate, sealed_key, made: Timestamp::from_millis(created_at) }
    }
}

/// The two kinds of certificates.
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

/// The newest generation of a role; `None` where there is none.
pub async fn newest_generation(connection: &mut impl Connection, role: Role) -> sqlx::Result<Option<i64>> {
    let (generation,) = fetch!(
        fetch_one,
        connection,
        (Option<i64>,),
        "SELECT MAX(generation) FROM signing_key WHERE role = $1",
        role.as_str(),
    )?;
    Ok(generation)
}

/// The keys of a role, newest first, down to the newest that was created at `since` or before.
pub async fn newest(connection: &mut impl Connection, role: Role, since: Timestamp) -> sqlx::Result<Vec<SealedKey>> {
    let records = fetch!(
        fetch_all,
        connection,
        KeyRow,
        "SELECT id, generation, certificate, sealed_key, created_at FROM signing_key
         WHERE role = $1 AND generation >= (
             SELECT COALESCE(MAX(generation), 0) FROM signing_key WHERE role = $1 AND created_at <= $2)
         ORDER BY generation DESC",
        role.as_str(),
        since.millis(),
    )?;
    Ok(records.into_iter().map(SealedKey::from).collect())
}

/// Whether it was inserted: `false` where another server was first.
pub async fn insert(tx: &mut Tx, role: Role, key: &SealedKey) -> sqlx::Result<bool> {
    let rows = execute!(
        tx,
        "INSERT INTO signing_key (id, role, generation, certificate, sealed_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (role, generation) DO NOTHING",
        &key.id,
        role.as_str(),
        key.generation,
        key.certificate.as_slice(),
        key.sealed_key.as_slice(),
        key.made.millis(),
    )?;
    Ok(rows == 1)
}
