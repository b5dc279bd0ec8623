//! Why a command fails: one sentence on standard output, which registry clients quote.

use std::io;
use std::path::Path;

/// Why a command fails; no variant holds a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// This computer has no credentials for the host. The words are docker's: clients compare them.
    #[error("credentials not found in native keychain")]
    NotFound,
    /// The server ended the sign-in. Clients must read it as [`Error::NotFound`]; the sentence is for the person.
    #[error("credentials not found in native keychain")]
    SignInEnded(String),
    /// No host was given. The words are docker's.
    #[error("no credentials server URL")]
    NoServer,
    /// No username was given. The words are docker's.
    #[error("no credentials username")]
    NoUsername,
    #[error("{0}")]
    Message(String),
}

impl Error {
    pub fn message(sentence: impl Into<String>) -> Self {
        Error::Message(sentence.into())
    }

    pub fn file(path: &Path, verb: &str, error: &io::Error) -> Self {
        Error::Message(format!("{} cannot be {verb}: {error}", path.display()))
    }
}
