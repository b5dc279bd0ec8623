//! The errors of requests.

use std::{error, fmt, time::Duration};

/// Why a request failed. The user sees the kind in words, and the log also gets the source.
#[derive(Debug)]
pub enum Error {
    /// It does not exist, or the caller may not know that it exists.
    NotFound,
    /// The page needs a sign-in.
    SignedOut,
    /// The operator requires two-factor authentication, and the account has none.
    SecondFactorRequired,
    /// The caller may not do this.
    Forbidden,
    /// The request is not valid, such as a form without its fields.
    Invalid,
    /// It existed and will never exist again.
    Gone,
    /// A link whose code was used, was replaced or expired.
    LinkOver,
    /// Too many attempts. The next one is allowed after this time.
    TooMany(Duration),
    /// The server is too busy, or the database is unavailable.
    Unavailable,
    /// A fault of the server or the machine.
    Internal(Box<dyn error::Error + Send + Sync>),
}

impl Error {
    /// Wraps a fault that only the operator can fix.
    pub fn internal(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Error::Internal(source.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound => f.write_str("not found"),
            Error::SignedOut => f.write_str("signed out"),
            Error::SecondFactorRequired => f.write_str("two-factor authentication is required"),
            Error::Forbidden => f.write_str("forbidden"),
            Error::Invalid => f.write_str("the request is not valid"),
            Error::Gone => f.write_str("gone"),
            Error::LinkOver => f.write_str("the link no longer works"),
            Error::TooMany(wait) => write!(f, "too many attempts, wait {} s", wait.as_secs()),
            Error::Unavailable => f.write_str("too busy"),
            Error::Internal(source) => write!(f, "internal error: {source}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Error::Internal(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Error::Unavailable,
            other => Error::internal(other),
        }
    }
}

impl From<tower_sessions::session::Error> for Error {
    fn from(error: tower_sessions::session::Error) -> Self {
        Error::internal(error)
    }
}
