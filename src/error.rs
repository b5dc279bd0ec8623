//! What can go wrong with a request, told to the right person.

use std::{error, fmt, time::Duration};

use tower_sessions::session_store;

use crate::platform::database::is_outage;

/// Why a request was not carried out. The user gets the kind and a sentence, the log the source.
#[derive(Debug)]
pub enum Error {
    /// There is nothing here, or nothing that the caller may know of.
    NotFound,
    /// Nobody is signed in, and the page is for those who are.
    SignedOut,
    /// The operator requires two-factor authentication, and the account has none.
    SecondFactorRequired,
    /// The caller may not do this.
    Forbidden,
    /// The request cannot be read: a form without its fields, a body that is no form.
    Invalid,
    /// It was here and is gone for good.
    Gone,
    /// A link with a code that was used, replaced, or is too old.
    LinkOver,
    /// Too many tries; come back after this time.
    TooMany(Duration),
    /// Too many requests wait for the same slow work.
    Busy,
    /// The database or its disk fails at the moment.
    Outage(Box<dyn error::Error + Send + Sync>),
    /// A fault of ours or of the machine's.
    Internal(Box<dyn error::Error + Send + Sync>),
}

impl Error {
    /// Wraps a fault that nobody but the operator can mend.
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
            Error::Invalid => f.write_str("the request cannot be read"),
            Error::Gone => f.write_str("gone"),
            Error::LinkOver => f.write_str("the link does not work any more"),
            Error::TooMany(wait) => write!(f, "too many tries, wait {} s", wait.as_secs()),
            Error::Busy => f.write_str("too busy"),
            Error::Outage(source) => write!(f, "the database failed: {source}"),
            Error::Internal(source) => write!(f, "internal: {source}"),
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
        if is_outage(&error) { Error::Outage(error.into()) } else { Error::internal(error) }
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
