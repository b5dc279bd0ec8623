//! What registry clients and credential helpers exchange on standard input and output.

use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;
use crate::text;

/// No host and no credentials are longer.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

/// What `store` reads and `get` writes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialBody {
    #[serde(rename = "ServerURL", default)]
    pub server_url: String,
    #[serde(default)]
    pub username: String,
    #[serde(default)]
    pub secret: Secret,
}

pub fn read_input() -> Result<Zeroizing<String>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = io::stdin().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::message(format!("standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(Error::message("standard input is too long"));
    }
    let text = text::decode(&bytes).ok_or_else(|| Error::message("standard input is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}
