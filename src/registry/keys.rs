//! Root, leaf and signing key: made at first start, kept encrypted in the database, shared by all who use it.

use std::path::Path;

use super::store::{self, Role, SealedKey};
use crate::{
    core::moment::Moment,
    platform::{
        certificates::{self, Certified},
        db::{Connection, Db},
        entropy::Entropy,
        signer::{Signer, SignerError},
        vault::{KeyFileError, Vault, WrongKey},
    },
};

/// What signs and what registries trust.
#[derive(Debug)]
pub struct Keys {
    /// Signs with the newest leaf.
    pub signer: Signer,
    /// Opens with the secret key file.
    pub vault: Vault,
    /// The root's certificate, PEM.
    pub root_pem: String,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The secret key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Another secret key file than the database's.
    #[error("{path}: {source}")]
    WrongKey {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: WrongKey,
    },
    /// The database.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The generator of certificates.
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A stored key.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// Loads the keys, or makes them where the database has none. A secret key file is made only then: a database that
/// was encrypted with another file says so instead of getting a new one that opens nothing.
///
/// # Errors
/// When the secret key file is missing or wrong, or the database fails.
pub async fn load_or_make(db: &Db, key_file: &Path, now: Moment, entropy: Entropy) -> Result<Keys, KeysError> {
    let is_new = store::newest(&mut db.read().await?, Role::Root).await?.is_none();
    let vault = Vault::open(key_file, is_new, entropy)?;
    if is_new {
        make(db, &vault, now, entropy).await?;
    }
    let mut reader = db.read().await?;
    let wrong_key = |source| KeysError::WrongKey { path: key_file.display().to_string(), source };
    let root = open(&mut reader, Role::Root, &vault).await?.map_err(wrong_key)?;
    let leaf = open(&mut reader, Role::Leaf, &vault).await?.map_err(wrong_key)?;
    Ok(Keys { signer: Signer::new(&leaf)?, root_pem: certificates::pem(&root.certificate), vault })
}

/// Of two servers that start at once on an empty database one inserts; the other finds that it was not first.
async fn make(db: &Db, vault: &Vault, now: Moment, entropy: Entropy) -> Result<(), KeysError> {
    let root = certificates::make_root(now)?;
    let leaf = certificates::make_leaf(&root, now)?;
    let mut tx = db.write().await?;
    if store::insert(&mut tx, Role::Root, 1, &seal(&root, vault, now, entropy), now).await? {
        store::insert(&mut tx, Role::Leaf, 1, &seal(&leaf, vault, now, entropy), now).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn seal(key: &Certified, vault: &Vault, now: Moment, entropy: Entropy) -> SealedKey {
    let id = entropy.id(now);
    let sealed_key = vault.seal(&name(&id), &key.private_key, entropy);
    SealedKey { sealed_key, id, certificate: key.certificate.clone() }
}

async fn open(
    connection: &mut impl Connection,
    role: Role,
    vault: &Vault,
) -> Result<Result<Certified, WrongKey>, sqlx::Error> {
    let key = store::newest(connection, role).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(vault
        .unseal(&name(&key.id), &key.sealed_key)
        .map(|private_key| Certified { certificate: key.certificate, private_key }))
}

fn name(id: &str) -> String {
    format!("signing_key/{id}")
}
