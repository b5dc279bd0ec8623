//! Forms: reading them, and saying what is wrong beside the field.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header::CONTENT_TYPE,
};
use serde::de::DeserializeOwned;

use crate::{app::App, error::Error};

/// A posted form. One that cannot be read is refused as [`Error::Invalid`]; what its fields hold is the handler's to
/// check.
#[derive(Debug)]
pub struct PostedForm<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for PostedForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Error::Invalid);
        }
        let body = Bytes::from_request(request, app).await.map_err(|_| Error::Invalid)?;
        // PostgreSQL takes no text with a NUL, and no field of ours means one.
        if body.contains(&0) || body.windows(3).any(|bytes| bytes == b"%00") {
            return Err(Error::Invalid);
        }
        serde_urlencoded::from_bytes(&body).map(PostedForm).map_err(|_| Error::Invalid)
    }
}

/// Sentences by the name of the field that they stand beside.
#[derive(Debug, Default)]
pub struct FieldErrors(BTreeMap<&'static str, Cow<'static, str>>);

impl FieldErrors {
    /// Notes what is wrong with a field.
    pub fn add(&mut self, field: &'static str, sentence: impl Into<Cow<'static, str>>) {
        self.0.entry(field).or_insert_with(|| sentence.into());
    }

    /// The sentence beside a field.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(AsRef::as_ref)
    }

    /// Whether every field is right.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a form asked to be led afterwards, if that is a path of this server; else `otherwise`. `//host` and `/\host`
/// are other servers to a browser, and a control character fits in no header.
pub fn local_path<'p>(path: &'p str, otherwise: &'p str) -> &'p str {
    let leads_out = path.starts_with("//") || path.contains(|c: char| c == '\\' || c.is_control());
    if path.starts_with('/') && !leads_out { path } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn nobody_is_led_elsewhere() {
        assert_eq!(local_path("/settings/tokens/new", "/"), "/settings/tokens/new");
        for elsewhere in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/\u{1}"]
        {
            assert_eq!(local_path(elsewhere, "/"), "/", "{elsewhere}");
        }
    }
}
