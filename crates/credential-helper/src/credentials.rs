//! What this computer is signed in to: one file, and the secrets in the keyring where that was chosen.
//!
//! Whoever works on it holds the lock beside it, so that of two programs at once none loses what it wrote, and of two
//! that find a session due one renews it.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::{failure::Failure, files, host::Host, keyring, secret::Secret};

const FILE: &str = "credentials.json";
const LOCK: &str = "lock";
const VERSION: u32 = 1;

/// Where the secrets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// In the desktop's keyring.
    Keyring,
    /// In the file itself.
    File,
}

/// The secrets of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// What registry clients get.
    pub secret: Secret,
    /// What renews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

/// What is known of a sign-in that this program made, beside its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When the token was given, in seconds since 1970.
    pub issued_at: i64,
    /// Seconds after which it ends if it is never used.
    pub expires_in: u64,
    /// After a refresh that failed: no other one before this moment.
    #[serde(default)]
    pub rests_until: i64,
    /// The fingerprint of the token before this one: `docker login` may hold it still, and store it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// Where it is renewed.
    pub token_endpoint: Url,
    /// Where it is ended.
    pub revocation_endpoint: Url,
}

impl Session {
    /// With a token that was given just now.
    pub fn begun(now: i64, expires_in: u64, token_endpoint: Url, revocation_endpoint: Url) -> Self {
        Self { issued_at: now, expires_in, rests_until: 0, replaced: None, token_endpoint, revocation_endpoint }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct EntryRecord {
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Secrets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Book {
    version: u32,
    storage: Storage,
    entries: BTreeMap<String, EntryRecord>,
}

/// All that is kept for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose token it is.
    pub username: String,
    /// The token.
    pub secrets: Secrets,
    /// `None` for what `docker login` stored.
    pub session: Option<Session>,
}

/// The open store; the lock ends with it.
#[derive(Debug)]
pub struct Credentials {
    path: PathBuf,
    book: Option<Book>,
    lock: Option<File>,
}

impl Credentials {
    /// Takes the lock and reads. It makes the folder where there is none.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        Self::with(Some(lock(folder)?), folder)
    }

    /// The same where something was stored; where nothing was, nothing is made.
    pub fn open_if_there(folder: &Path) -> Result<Option<Self>, Failure> {
        is_there(folder)?.then(|| Self::open(folder)).transpose()
    }

    /// The same for a look. Where the lock cannot be had, because the folder is read-only or its file system has no
    /// locks, it is read all the same: it is only ever replaced whole.
    pub fn read_if_there(folder: &Path) -> Result<Option<Self>, Failure> {
        is_there(folder)?.then(|| Self::with(lock(folder).ok(), folder)).transpose()
    }

    fn with(lock: Option<File>, folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let book = read(&path)?;
        Ok(Self { path, book, lock })
    }

    /// Whether what is found may be changed.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Where secrets are kept, once that has been chosen: it holds until somebody signs out of the last host.
    pub fn storage(&self) -> Option<Storage> {
        self.book.as_ref().map(|book| book.storage)
    }

    /// The file, to be shown.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hosts and their user names.
    pub fn list(&self) -> BTreeMap<&str, &str> {
        let entries = self.book.iter().flat_map(|book| &book.entries);
        entries.map(|(host, entry)| (host.as_str(), entry.username.as_str())).collect()
    }

    /// Whether this program signed in to a host, so that a token made for this computer stands on the server.
    pub fn has_session(&self, host: &Host) -> bool {
        self.record(host).is_some_and(|(_, record)| record.session.is_some())
    }

    /// What is kept for a host. A secret that somebody took out of the keyring by hand is gone.
    pub async fn get(&self, host: &Host) -> Result<Option<Entry>, Failure> {
        let Some((book, record)) = self.record(host) else { return Ok(None) };
        let secrets = match book.storage {
            Storage::File => record.secrets.clone(),
            Storage::Keyring => {
                let item = keyring::read(&host.key()).await.map_err(|reason| out_of_reach(host, &reason))?;
                // serde's own words could quote the secret.
                let secrets = item.map(|item| serde_json::from_slice(&item).map_err(|_| garbled(host)));
                secrets.transpose()?
            }
        };
        let entry = |secrets| Entry { username: record.username.clone(), secrets, session: record.session.clone() };
        Ok(secrets.map(entry))
    }

    /// Keeps what belongs to a host, in place of what was there. `first` says where, while there is no entry yet.
    pub async fn put(&mut self, host: &Host, entry: Entry, first: Storage) -> Result<(), Failure> {
        let Entry { username, secrets, session } = entry;
        let storage = self.storage().unwrap_or(first);
        let secrets = match storage {
            Storage::File => Some(secrets),
            Storage::Keyring => {
                let text = json(&secrets)?;
                keyring::write(&host.key(), &text).await.map_err(|reason| not_kept(host, &reason))?;
                None
            }
        };
        let book = self.book.get_or_insert(Book { version: VERSION, storage, entries: BTreeMap::new() });
        book.entries.insert(host.key(), EntryRecord { username, secrets, session });
        self.write()
    }

    /// Writes down that a refresh failed, for those who come next.
    pub fn rest(&mut self, host: &Host, until: i64) -> Result<(), Failure> {
        let record = self.book.as_mut().and_then(|book| book.entries.get_mut(&host.key()));
        if let Some(session) = record.and_then(|record| record.session.as_mut()) {
            session.rests_until = until;
        }
        self.write()
    }

    /// Forgets a host whose sign-in the server ended. Where secrets are kept was a choice of this computer's, and stays
    /// one: the next sign-in must not land in a file because the keyring is out of reach for once.
    pub async fn expire(&mut self, host: &Host) -> Result<Option<String>, Failure> {
        self.forget(host, true).await
    }

    /// Forgets a host that a person signed out of; with the last one goes the choice. What the keyring still holds if
    /// it cannot be reached is said in words, and is no failure: the sign-in is gone for every program that asks here.
    pub async fn remove(&mut self, host: &Host) -> Result<Option<String>, Failure> {
        self.forget(host, false).await
    }

    async fn forget(&mut self, host: &Host, keeps_choice: bool) -> Result<Option<String>, Failure> {
        let Some(book) = &mut self.book else { return Ok(None) };
        let (storage, was_there) = (book.storage, book.entries.remove(&host.key()).is_some());
        let is_last = book.entries.is_empty() && !keeps_choice;
        if is_last {
            self.book = None;
        }
        if was_there || is_last {
            self.write()?;
        }
        match storage {
            Storage::Keyring if was_there => Ok(keyring::remove(&host.key()).await.err()),
            _ => Ok(None),
        }
    }

    fn record(&self, host: &Host) -> Option<(&Book, &EntryRecord)> {
        let book = self.book.as_ref()?;
        Some((book, book.entries.get(&host.key())?))
    }

    fn write(&self) -> Result<(), Failure> {
        let written = match &self.book {
            Some(book) => files::replace(&self.path, json(book)?.as_bytes(), None),
            None => std::fs::remove_file(&self.path),
        };
        written.map_err(|error| Failure::file(&self.path, "written", &error))
    }
}

fn is_there(folder: &Path) -> Result<bool, Failure> {
    let path = folder.join(FILE);
    path.try_exists().map_err(|error| Failure::file(&path, "read", &error))
}

/// Waits until no other one of these programs writes; that holds until the file is dropped.
pub fn lock(folder: &Path) -> Result<File, Failure> {
    files::make_private_folder(folder).map_err(|error| Failure::file(folder, "made", &error))?;
    let path = folder.join(LOCK);
    let file = files::open_private(&path).map_err(|error| Failure::file(&path, "opened", &error))?;
    file.lock().map_err(|error| Failure::file(&path, "locked", &error))?;
    Ok(file)
}

/// serde's own words are not passed on: they may quote what they read.
fn read(path: &Path) -> Result<Option<Book>, Failure> {
    let bytes = files::read_if_there(path).map_err(|error| Failure::file(path, "read", &error))?.map(Zeroizing::new);
    let Some(bytes) = bytes else { return Ok(None) };
    let book: Option<Book> = serde_json::from_slice(&bytes).ok().filter(|book: &Book| book.version == VERSION);
    let unknown = || {
        let path = path.display();
        Failure::said(format!("{path} is not as docker-credential-dockpass wrote it: move it away and sign in again"))
    };
    book.map(Some).ok_or_else(unknown)
}

fn json(what: &impl Serialize) -> Result<Zeroizing<String>, Failure> {
    let text = serde_json::to_string_pretty(what).map(Zeroizing::new);
    text.map_err(|_| Failure::said("the credentials cannot be written as JSON"))
}

fn out_of_reach(host: &Host, reason: &str) -> Failure {
    Failure::said(format!("the token for {host} is in the keyring, which cannot be read: {reason}"))
}

fn garbled(host: &Host) -> Failure {
    Failure::said(format!(
        "the token for {host} in the keyring is not as docker-credential-dockpass wrote it: sign in again"
    ))
}

fn not_kept(host: &Host, reason: &str) -> Failure {
    Failure::said(format!("the token for {host} cannot be put into the keyring: {reason}"))
}

/// Chooses where secrets are to be kept: the keyring, or the file and the reason why not the keyring.
pub async fn choose() -> (Storage, Option<String>) {
    match keyring::probe().await {
        Ok(()) => (Storage::Keyring, None),
        Err(reason) => (Storage::File, Some(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn entry(name: &str) -> Entry {
        let secrets = Secrets { secret: Secret::from("dp_pat_x"), refresh_token: None };
        Entry { username: name.to_owned(), secrets, session: None }
    }

    #[tokio::test]
    async fn what_is_put_is_there_for_the_next_one_and_a_host_knows_no_case() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::parse("Hub.example.com").unwrap();
        let mut credentials = Credentials::open(folder.path()).unwrap();
        credentials.put(&host, entry("alice"), Storage::File).await.unwrap();
        drop(credentials);
        let credentials = Credentials::open_if_there(folder.path()).unwrap().unwrap();
        let found = credentials.get(&Host::parse("hub.EXAMPLE.com").unwrap()).await.unwrap();
        assert_eq!(found, Some(entry("alice")));
        assert_eq!(credentials.list().into_iter().collect::<Vec<_>>(), [("hub.example.com", "alice")]);
        assert_eq!(fs::metadata(credentials.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn the_last_entry_takes_the_file_with_it_and_the_choice() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::parse("hub").unwrap();
        let mut credentials = Credentials::open(folder.path()).unwrap();
        credentials.put(&host, entry("alice"), Storage::File).await.unwrap();
        assert_eq!(credentials.storage(), Some(Storage::File));
        assert_eq!(credentials.remove(&host).await, Ok(None));
        assert_eq!(credentials.remove(&host).await, Ok(None));
        assert_eq!(credentials.storage(), None);
        assert!(!credentials.path().exists());
    }

    #[tokio::test]
    async fn the_choice_outlives_what_the_server_ended_until_somebody_signs_out() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::parse("hub").unwrap();
        let mut credentials = Credentials::open(folder.path()).unwrap();
        credentials.put(&host, entry("alice"), Storage::File).await.unwrap();
        assert_eq!(credentials.expire(&host).await, Ok(None));
        drop(credentials);
        let mut credentials = Credentials::open(folder.path()).unwrap();
        assert_eq!((credentials.storage(), credentials.list().len()), (Some(Storage::File), 0));
        assert_eq!(credentials.remove(&host).await, Ok(None));
        assert!(!credentials.path().exists());
    }

    #[test]
    fn a_file_of_another_make_is_left_alone_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for text in [
            "",
            "dp_dev_secret",
            "[]",
            "{\"version\":2,\"storage\":\"file\",\"entries\":{}}",
            "{\"version\":\"dp_dev_secret\"}",
        ] {
            fs::write(&path, text).unwrap();
            let said = Credentials::open(folder.path()).unwrap_err().to_string();
            assert!(said.ends_with("move it away and sign in again") && !said.contains("dp_dev"), "{said}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn looking_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Credentials::open_if_there(&folder.path().join("x")).unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
