//! The file that holds the stored credentials, or what is known of them where the keyring holds the secrets.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;
use crate::{files, text};

const VERSION: u32 = 1;

/// Where the secrets are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    Keyring,
    File,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecrets {
    /// What registry clients get.
    pub secret: Secret,
    /// What refreshes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

/// A sign-in by this program, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSession {
    /// When the token was issued, in seconds since 1970.
    pub issued_at: i64,
    /// Seconds until the token expires if it is never used.
    pub expires_in: u64,
    /// No refresh before this time, in seconds since 1970: the last one failed.
    #[serde(default)]
    pub back_off_until: i64,
    /// The fingerprint of the token before this one, which `docker login` may store again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_fingerprint: Option<String>,
    pub token_endpoint: Url,
    pub revocation_endpoint: Url,
}

impl DeviceSession {
    pub fn new(now: i64, expires_in: u64, token_endpoint: Url, revocation_endpoint: Url) -> Self {
        let (back_off_until, previous_fingerprint) = (0, None);
        Self { issued_at: now, expires_in, back_off_until, previous_fingerprint, token_endpoint, revocation_endpoint }
    }
}

/// What the file holds for a host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CredentialRecord {
    pub username: String,
    /// `None` where the keyring has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<StoredSecrets>,
    /// `None` for what `docker login` stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<DeviceSession>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct CredentialFile {
    version: u32,
    pub storage: Storage,
    /// What is stored, by host key.
    pub entries: BTreeMap<String, CredentialRecord>,
}

impl CredentialFile {
    pub fn new(storage: Storage) -> Self {
        Self { version: VERSION, storage, entries: BTreeMap::new() }
    }

    /// Reads the file, if it exists. serde's own words are not passed on: they may quote a secret.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = files::read_if_exists(path).map_err(|error| Error::file(path, "read", &error))?;
        let Some(bytes) = bytes.map(Zeroizing::new) else { return Ok(None) };
        let file = text::decode(&bytes).and_then(|text| serde_json::from_str(text).ok());
        let file = file.filter(|file: &Self| file.version == VERSION);
        let foreign = || {
            let path = path.display();
            Error::message(format!("{path} was not written by this program: move it away and sign in again"))
        };
        file.map(Some).ok_or_else(foreign)
    }
}

pub fn to_json(value: &impl Serialize) -> Result<Zeroizing<String>, Error> {
    let text = serde_json::to_string_pretty(value).map(Zeroizing::new);
    text.map_err(|_| Error::message("the credentials cannot be written as JSON"))
}
