//! Root and signing keys: created at the first start, stored encrypted in the database, shared by all its servers. A new
//! signing key with a certificate under the same root takes over while everything runs.

use std::path::Path;

use dockpass_core::key_rotation;
use dockpass_core::timestamp::Timestamp;

use super::store::{self, LEAF, ROOT, SealedKey};
use crate::platform::certificates::{self, Certified};
use crate::platform::database::Db;
use crate::platform::encryption::{Encryptor, KeyFileError, WrongKey};
use crate::platform::jwt::{JwtSigner, JwtSignerError};
use crate::platform::rng::SystemRng;
use crate::platform::signing_keys::{DatedKey, SigningKeys};

/// The signing keys, and the root that registries trust.
#[derive(Debug)]
pub struct Keys {
    /// The newest leaf signs; the leaves before it still verify.
    pub signing_keys: SigningKeys,
    pub encryptor: Encryptor,
    pub root_pem: String,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("{path}: {source}")]
    WrongKey { path: String, source: WrongKey },
    #[error("this database has no keys yet: the server creates them at its first start")]
    None,
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("no certificate could be created: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    JwtSigner(#[from] JwtSignerError),
}

/// Loads the keys, or creates them where the database has none. A secret key file is created only then: with a new file the
/// keys of an existing database could not be decrypted.
pub async fn load_or_create(db: &Db, key_file: &Path, now: Timestamp, rng: SystemRng) -> Result<Keys, KeysError> {
    let is_new = store::newest_generation(&mut db.read().await?, ROOT).await?.is_none();
    let encryptor = Encryptor::open(key_file, is_new, rng)?;
    if is_new {
        create(db, &encryptor, now, rng).await?;
    }
    open(db, encryptor, now).await
}

pub async fn load(db: &Db, key_file: &Path, now: Timestamp, rng: SystemRng) -> Result<Keys, KeysError> {
    if store::newest_generation(&mut db.read().await?, ROOT).await?.is_none() {
        return Err(KeysError::None);
    }
    open(db, Encryptor::open(key_file, false, rng)?, now).await
}

/// Creates the next signing key; its generation. Two rotations at once create two keys.
pub async fn rotate(db: &Db, encryptor: &Encryptor, now: Timestamp, rng: SystemRng) -> Result<i64, KeysError> {
    loop {
        let newest = store::newest_generation(&mut db.read().await?, LEAF).await?.ok_or(KeysError::None)?;
        if succeed(db, encryptor, newest + 1, now, rng).await? {
            return Ok(newest + 1);
        }
    }
}

/// What a server does every few seconds: loads keys that others created, retires its own, and creates the next one when that
/// is due. Whether another key signs from now on. After an error the keys stay as they were.
pub async fn refresh(
    db: &Db,
    encryptor: &Encryptor,
    signer: &SigningKeys,
    now: Timestamp,
    rng: SystemRng,
) -> Result<bool, KeysError> {
    let (known, made) = signer.newest();
    let mut newest = store::newest_generation(&mut db.read().await?, LEAF).await?;
    if newest == Some(known) && key_rotation::is_due(made, now) {
        // Where another server was first, its key is used.
        succeed(db, encryptor, known + 1, now, rng).await?;
        newest = None;
    }
    if newest == Some(known) {
        return Ok(signer.update(now));
    }
    Ok(signer.replace_with(&leaves(db, encryptor, now).await?))
}

/// Of two servers that start at once on an empty database, the first inserts.
async fn create(db: &Db, encryptor: &Encryptor, now: Timestamp, rng: SystemRng) -> Result<(), KeysError> {
    let root = certificates::make_root()?;
    let leaf = certificates::make_leaf(&root, now)?;
    let mut tx = db.write().await?;
    if store::insert(&mut tx, ROOT, &seal(&root, 1, encryptor, now, rng)).await? {
        store::insert(&mut tx, LEAF, &seal(&leaf, 1, encryptor, now, rng)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Whether this generation was inserted: `false` where another server was first.
async fn succeed(
    db: &Db,
    encryptor: &Encryptor,
    generation: i64,
    now: Timestamp,
    rng: SystemRng,
) -> Result<bool, KeysError> {
    let leaf = certificates::make_leaf(&root(db, encryptor, now).await?, now)?;
    let mut tx = db.write().await?;
    let is_first = store::insert(&mut tx, LEAF, &seal(&leaf, generation, encryptor, now, rng)).await?;
    tx.commit().await?;
    Ok(is_first)
}

async fn open(db: &Db, encryptor: Encryptor, now: Timestamp) -> Result<Keys, KeysError> {
    let root_pem = certificates::to_pem(&root(db, &encryptor, now).await?.certificate);
    Ok(Keys { signing_keys: leaves(db, &encryptor, now).await?, root_pem, encryptor })
}

async fn root(db: &Db, encryptor: &Encryptor, now: Timestamp) -> Result<Certified, KeysError> {
    let newest = store::newest(&mut db.read().await?, ROOT, now).await?.into_iter().next();
    unseal(newest.ok_or(KeysError::None)?, encryptor)
}

async fn leaves(db: &Db, encryptor: &Encryptor, now: Timestamp) -> Result<SigningKeys, KeysError> {
    let sealed = store::newest(&mut db.read().await?, LEAF, key_rotation::retired_before(now)).await?;
    let opened = sealed.into_iter().map(|key| {
        let (generation, created_at) = (key.generation, key.created_at);
        Ok(DatedKey { generation, created_at, signer: JwtSigner::new(&unseal(key, encryptor)?)? })
    });
    let keys: Vec<DatedKey> = opened.collect::<Result<_, KeysError>>()?;
    if keys.is_empty() { Err(KeysError::None) } else { Ok(SigningKeys::new(keys, now)) }
}

fn seal(key: &Certified, generation: i64, encryptor: &Encryptor, now: Timestamp, rng: SystemRng) -> SealedKey {
    let id = rng.id(now);
    let sealed_key = encryptor.seal(&name(&id), &key.private_key, rng);
    SealedKey { sealed_key, id, generation, certificate: key.certificate.clone(), created_at: now }
}

fn unseal(key: SealedKey, encryptor: &Encryptor) -> Result<Certified, KeysError> {
    let opened = encryptor.unseal(&name(&key.id), &key.sealed_key);
    let private_key =
        opened.map_err(|source| KeysError::WrongKey { path: encryptor.key_file().display().to_string(), source })?;
    Ok(Certified { certificate: key.certificate, private_key })
}

fn name(id: &str) -> String {
    format!("signing_key/{id}")
}
