//! The stored credentials: the file, and the keyring for the secrets where it was chosen.
//!
//! A process holds a lock while it reads and writes. Two processes lose nothing of each other's, and if both find a
//! token due, only one refreshes it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::credential_format::{CredentialFile, CredentialRecord, DeviceSession, Storage, StoredSecrets, to_json};
use crate::error::Error;
use crate::files::{self, AtomicFile};
use crate::host::RegistryHost;
use crate::keyring;

const FILE: &str = "credentials.json";
/// By how much the file may grow between [`CredentialStore::prepare_write`] and the write, in bytes.
const GROWTH: u64 = 4096;

/// Chooses the keyring, or else the file, with the reason why not the keyring.
pub async fn choose_storage() -> (Storage, Option<String>) {
    match keyring::probe().await {
        Ok(()) => (Storage::Keyring, None),
        Err(reason) => (Storage::File, Some(reason)),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub username: String,
    pub secrets: StoredSecrets,
    /// `None` for what `docker login` stored.
    pub session: Option<DeviceSession>,
}

/// The open store, locked until it is dropped.
#[derive(Debug)]
pub struct CredentialStore {
    path: PathBuf,
    file: Option<CredentialFile>,
    lock: Option<File>,
    prepared: Option<AtomicFile>,
}

impl CredentialStore {
    /// Locks and reads the store; creates its folder.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::read(folder, Some(files::lock(folder)?))
    }

    /// Like [`Self::open`]; where nothing is stored, it creates nothing.
    pub fn open_if_exists(folder: &Path) -> Result<Option<Self>, Error> {
        exists(folder)?.then(|| Self::open(folder)).transpose()
    }

    /// Like [`Self::open_if_exists`], but reads without a lock in a read-only folder or on a file system without locks:
    /// the file is only ever replaced in one step.
    pub fn read_if_exists(folder: &Path) -> Result<Option<Self>, Error> {
        exists(folder)?.then(|| Self::read(folder, files::lock(folder).ok())).transpose()
    }

    fn read(folder: &Path, lock: Option<File>) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let file = CredentialFile::read(&path)?;
        Ok(Self { path, file, lock, prepared: None })
    }

    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// The chosen storage; the choice ends when a person signs out of the last host.
    pub fn storage(&self) -> Option<Storage> {
        self.file.as_ref().map(|file| file.storage)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn usernames(&self) -> BTreeMap<&str, &str> {
        let entries = self.file.iter().flat_map(|file| &file.entries);
        entries.map(|(host, record)| (host.as_str(), record.username.as_str())).collect()
    }

    /// Whether this program signed in to a host, so that the server has a token for it.
    pub fn has_session(&self, host: &RegistryHost) -> bool {
        self.record(host).is_some_and(|(_, record)| record.session.is_some())
    }

    /// What is stored for a host; `None` also where a person removed the secret from the keyring.
    pub async fn get(&self, host: &RegistryHost) -> Result<Option<Credential>, Error> {
        let Some((storage, record)) = self.record(host) else { return Ok(None) };
        let secrets = match storage {
            Storage::File => record.secrets.clone(),
            Storage::Keyring => {
                let item = keyring::read(&host.key()).await.map_err(|reason| {
                    Error::message(format!("the token for {host} is in the keyring, which cannot be read: {reason}"))
                })?;
                // serde's own words could quote the secret.
                let secrets = item.map(|item| serde_json::from_slice(&item).map_err(|_| foreign_item(host)));
                secrets.transpose()?
            }
        };
        let (username, session) = (record.username.clone(), record.session.clone());
        Ok(secrets.map(|secrets| Credential { username, secrets, session }))
    }

    /// Makes sure that the next write can store its result: creates the new file and takes its space on the disk.
    pub fn prepare_write(&mut self) -> Result<(), Error> {
        let prepare = || {
            let mut file = AtomicFile::create(&self.path, None)?;
            file.reserve(fs::metadata(&self.path)?.len() + GROWTH)?;
            Ok(file)
        };
        self.prepared = Some(prepare().map_err(|error| Error::file(&self.path, "written", &error))?);
        Ok(())
    }

    /// Stores a host's credential in place of the former one; `first_storage` counts where none was chosen yet.
    pub async fn put(
        &mut self,
        host: &RegistryHost,
        credential: Credential,
        first_storage: Storage,
    ) -> Result<(), Error> {
        let Credential { username, secrets, session } = credential;
        let storage = self.storage().unwrap_or(first_storage);
        let secrets = match storage {
            Storage::File => Some(secrets),
            Storage::Keyring => {
                let text = to_json(&secrets)?;
                keyring::write(&host.key(), &text).await.map_err(|reason| {
                    Error::message(format!("the token for {host} cannot be stored in the keyring: {reason}"))
                })?;
                None
            }
        };
        let file = self.file.get_or_insert(CredentialFile::new(storage));
        file.entries.insert(host.key(), CredentialRecord { username, secrets, session });
        self.write()
    }

    /// Stores until when no process refreshes a host's token.
    pub fn back_off(&mut self, host: &RegistryHost, until: i64) -> Result<(), Error> {
        let record = self.file.as_mut().and_then(|file| file.entries.get_mut(&host.key()));
        if let Some(session) = record.and_then(|record| record.session.as_mut()) {
            session.back_off_until = until;
        }
        self.write()
    }

    /// Removes a host, and with the last host the chosen storage, unless it is kept: after the server ended a sign-in, the
    /// next one must not go to the file because the keyring is unavailable for a moment. Returns why the keyring still
    /// has the secret, if it does: that is no failure, because this program no longer uses it.
    pub async fn remove(&mut self, host: &RegistryHost, keeps_storage: bool) -> Result<Option<String>, Error> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let (storage, existed) = (file.storage, file.entries.remove(&host.key()).is_some());
        let is_last = file.entries.is_empty() && !keeps_storage;
        if is_last {
            self.file = None;
        }
        if existed || is_last {
            self.write()?;
        }
        match storage {
            Storage::Keyring if existed => Ok(keyring::remove(&host.key()).await.err()),
            _ => Ok(None),
        }
    }

    fn record(&self, host: &RegistryHost) -> Option<(Storage, &CredentialRecord)> {
        let file = self.file.as_ref()?;
        Some((file.storage, file.entries.get(&host.key())?))
    }

    fn write(&mut self) -> Result<(), Error> {
        let prepared = self.prepared.take();
        let written = match &self.file {
            Some(file) => {
                let text = to_json(file)?;
                let new = prepared.map_or_else(|| AtomicFile::create(&self.path, None), Ok);
                new.and_then(|new| new.commit(text.as_bytes()))
            }
            None => fs::remove_file(&self.path),
        };
        written.map_err(|error| Error::file(&self.path, "written", &error))
    }
}

fn exists(folder: &Path) -> Result<bool, Error> {
    let path = folder.join(FILE);
    path.try_exists().map_err(|error| Error::file(&path, "read", &error))
}

fn foreign_item(host: &RegistryHost) -> Error {
    Error::message(format!("the token for {host} in the keyring was not written by this program: sign in again"))
}
