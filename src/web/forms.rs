//! Forms: reading them, and saying what is wrong with them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::i18n::Words;
use super::page::retry_after;
use crate::app::App;
use crate::error::Error;

/// A posted form. The extractor refuses a body that is no form with [`Error::Invalid`]; the handler checks the fields.
#[derive(Debug)]
pub struct PostedForm<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for PostedForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let kind = request.headers().get(CONTENT_TYPE).cloned();
        // Before its content, so that a large body of another type is not read.
        check_type(kind.as_ref())?;
        let body = Bytes::from_request(request, app).await.map_err(|refusal| Error::of_status(refusal.status()))?;
        parse_form(kind.as_ref(), &body).map(PostedForm)
    }
}

fn check_type(kind: Option<&HeaderValue>) -> Result<(), Error> {
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") { Ok(()) } else { Err(Error::Invalid) }
}

/// Reads a body of this type as a form.
pub fn parse_form<T: DeserializeOwned>(kind: Option<&HeaderValue>, body: &[u8]) -> Result<T, Error> {
    check_type(kind)?;
    // PostgreSQL takes no text with a NUL, and no field of ours needs one.
    if body.contains(&0) || body.windows(3).any(|bytes| bytes == b"%00") {
        return Err(Error::Invalid);
    }
    serde_urlencoded::from_bytes(body).map_err(|_| Error::Invalid)
}

/// The most bytes of a form.
pub const LARGEST_FORM: usize = 64 * 1024;
/// The most repositories that a token can be limited to, with the longest names, encoded for a form.
pub const LARGEST_TOKEN_FORM: usize = 512 * 1024;

/// How many bytes a form that is posted to this path may have.
pub fn size_limit(path: &str) -> usize {
    if path.starts_with("/settings/tokens") { LARGEST_TOKEN_FORM } else { LARGEST_FORM }
}

/// Whether a field holds a password or a code. Pages never show those again.
pub fn is_secret_field(name: &str) -> bool {
    name.contains("password") || ["code", "confirm_code", "current_code"].contains(&name)
}

/// Checks that only the field `list` occurs more than once. Otherwise the page and the handler could take different values
/// for the same field.
pub fn refuse_repeated(posted: &[(String, String)], list: &str) -> Result<(), &'static str> {
    let mut seen = BTreeSet::new();
    let is_repeated = posted.iter().any(|(name, _)| name != list && !seen.insert(name));
    if is_repeated { Err("a field occurs more than once") } else { Ok(()) }
}

/// What is wrong with the fields of a form: a sentence by the field's name.
#[derive(Debug, Default)]
pub struct FieldErrors {
    sentences: BTreeMap<&'static str, Cow<'static, str>>,
    is_focus_taken: AtomicBool,
}

impl FieldErrors {
    pub fn one(field: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { sentences: BTreeMap::from([(field, sentence.into())]), ..Self::default() }
    }

    /// Adds a sentence; the first one of a field wins.
    pub fn add(&mut self, field: &'static str, sentence: impl Into<Cow<'static, str>>) {
        self.sentences.entry(field).or_insert_with(|| sentence.into());
    }

    pub fn of(&self, field: &str) -> Option<&str> {
        self.sentences.get(field).map(AsRef::as_ref)
    }

    pub fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// Whether this is the first wrong field of a page that is being rendered. It gets the focus, also without a script.
    pub fn takes_focus(&self, field: &str) -> bool {
        self.of(field).is_some() && !self.is_focus_taken.swap(true, Ordering::Relaxed)
    }
}

/// Why a form is shown again.
#[derive(Debug)]
pub struct FormError {
    pub status: StatusCode,
    pub sentence: String,
    /// How long to wait before the next attempt.
    pub wait: Option<Duration>,
}

impl FormError {
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), wait: None }
    }

    /// 429 for [`Error::TooMany`]; every other error stays as it is.
    pub fn too_many(error: Error, words: Words) -> Result<Self, Error> {
        let Error::TooMany(wait) = error else { return Err(error) };
        let sentence = words.count("sign_in.wait", wait.as_secs().max(1) as i64);
        Ok(Self { wait: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, sentence) })
    }

    /// Splits the outcome of an attempt into its value and what the form says: `wrong`, or how long to wait. Every
    /// other error stays as it is.
    pub fn of_attempt<T>(
        outcome: Result<Option<T>, Error>,
        words: Words,
        wrong: Self,
    ) -> Result<Result<T, Self>, Error> {
        match outcome {
            Ok(value) => Ok(value.ok_or(wrong)),
            Err(error) => Self::too_many(error, words).map(Err),
        }
    }

    /// Shows the form again with `show`, and with `Retry-After` where there is a wait.
    pub fn respond(self, show: impl FnOnce(StatusCode, String) -> Response) -> Response {
        retry_after(show(self.status, self.sentence), self.wait)
    }
}

/// `path` if it is a path of this server, else `otherwise`. Browsers read `//host` and `/\host` as other servers, and a
/// control character fits in no header.
pub fn local_path<'p>(path: &'p str, otherwise: &'p str) -> &'p str {
    let is_elsewhere = path.starts_with("//") || path.contains(|c: char| c == '\\' || c.is_control());
    if path.starts_with('/') && !is_elsewhere { path } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn only_paths_of_this_server_are_followed() {
        assert_eq!(local_path("/settings/tokens/new", "/"), "/settings/tokens/new");
        for elsewhere in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/\u{1}"]
        {
            assert_eq!(local_path(elsewhere, "/"), "/", "{elsewhere}");
        }
    }
}
