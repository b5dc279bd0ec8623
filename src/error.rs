//! The errors of requests.

use std::time::Duration;
use std::{error, fmt};

use tower_sessions::session_store;

use crate::platform::database::{count_error, is_outage};

/// Why a request failed. The user sees the kind in words, and the log also gets the source.
#[derive(Debug)]
pub enum Error {
    /// It does not exist, or the caller may not know that it exists.
    NotFound,
    SignedOut,
    /// The browser was signed in, or had given its password, but that has ended.
    SessionEnded,
    /// The operator requires two-factor authentication, and the account has none.
    SecondFactorRequired,
    Forbidden,
    /// The request is not valid, such as a form without its fields.
    Invalid,
    /// The address exists, but not for this method.
    MethodNotAllowed,
    /// The body is larger than any that the server reads.
    TooLarge,
    /// It existed and will never exist again.
    Gone,
    /// A link whose code was used, was replaced or expired.
    InvalidLink,
    /// Too many attempts. The next one is allowed after this time.
    TooMany(Duration),
    /// Too many requests wait for the same slow work.
    Busy,
    /// The database or its disk fails at the moment.
    Outage(Box<dyn error::Error + Send + Sync>),
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
            Error::SessionEnded => f.write_str("the session has ended"),
            Error::SecondFactorRequired => f.write_str("two-factor authentication is required"),
            Error::Forbidden => f.write_str("forbidden"),
            Error::Invalid => f.write_str("the request is not valid"),
            Error::MethodNotAllowed => f.write_str("method not allowed"),
            Error::TooLarge => f.write_str("too large"),
            Error::Gone => f.write_str("gone"),
            Error::InvalidLink => f.write_str("the link no longer works"),
            Error::TooMany(wait) => write!(f, "too many attempts, wait {} s", wait.as_secs()),
            Error::Busy => f.write_str("too busy"),
            Error::Outage(source) => write!(f, "the database failed: {source}"),
            Error::Internal(source) => write!(f, "internal error: {source}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Error::Internal(source) | Error::Outage(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let is_outage = is_outage(&error);
        count_error(is_outage);
        if is_outage { Error::Outage(error.into()) } else { Error::internal(error) }
    }
}

impl From<tower_sessions::session::Error> for Error {
    fn from(error: tower_sessions::session::Error) -> Self {
        match error {
            tower_sessions::session::Error::Store(session_store::Error::Backend(reason)) => {
                Error::Outage(reason.into())
            }
            other => Error::internal(other),
        }
    }
}
