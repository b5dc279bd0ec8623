//! Why a command did not do what was asked: one sentence for standard output, which is what registry clients quote.

/// What goes wrong. No variant ever holds a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// Nobody signed in to that host here. The words are docker's: clients compare them.
    #[error("credentials not found in native keychain")]
    NotFound,
    /// The server ended the session; clients must read it as [`Failure::NotFound`].
    #[error("credentials not found in native keychain")]
    Expired {
        /// The registry's host.
        host: String,
    },
    /// No host came in. The words are docker's.
    #[error("no credentials server URL")]
    NoServer,
    /// No user name came in. The words are docker's.
    #[error("no credentials username")]
    NoUsername,
    /// Everything else, in words.
    #[error("{0}")]
    Said(String),
}

impl Failure {
    /// A sentence.
    pub fn said(sentence: impl Into<String>) -> Self {
        Failure::Said(sentence.into())
    }

    /// A sentence about a file, with the system's reason.
    pub fn file(path: &std::path::Path, what: &str, error: &std::io::Error) -> Self {
        Failure::Said(format!("{} cannot be {what}: {error}", path.display()))
    }
}
