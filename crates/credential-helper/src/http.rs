//! Requests to the server, bounded in time and size.

use std::error::Error as _;
use std::fmt::Display;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::host::is_loopback;
use crate::text::one_line;

/// No response of a token server is longer.
const MAX_BODY_BYTES: usize = 64 * 1024;

pub struct HttpResponse {
    pub status: u16,
    /// `Retry-After`, if it is a number of seconds.
    pub retry_after: Option<Duration>,
    pub challenges: Vec<String>,
    body: Zeroizing<Vec<u8>>,
}

impl HttpResponse {
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

#[cfg(test)]
impl HttpResponse {
    pub fn without_body(status: u16, challenges: &[&str]) -> Self {
        let challenges = challenges.iter().map(|text| (*text).to_owned()).collect();
        Self { status, retry_after: None, challenges, body: Zeroizing::default() }
    }
}

/// There is no response, or it cannot be understood: the end of a sentence about the server.
#[derive(Debug)]
pub struct RequestError(String);

impl RequestError {
    pub fn unreachable(reason: impl Display) -> Self {
        Self(format!("cannot be reached: {reason}"))
    }

    pub fn about(&self, server: &str) -> Error {
        Error::message(format!("{server} {}", self.0))
    }
}

impl From<reqwest::Error> for RequestError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self("does not answer".to_owned()) } else { Self::unreachable(reason(&error)) }
    }
}

/// The innermost cause says what happened; the outer ones only say where.
fn reason(error: &reqwest::Error) -> String {
    let (mut reason, mut inner) = (error.to_string(), error.source());
    while let Some(cause) = inner {
        (reason, inner) = (cause.to_string(), cause.source());
        if reason.contains("CaUsedAsEndEntity") {
            return "its certificate is that of a CA: it needs one that the CA signed".to_owned();
        }
    }
    one_line(&reason)
}

pub async fn get(url: &Url, timeout: Duration) -> Result<HttpResponse, RequestError> {
    send(client(url)?.get(url.clone()), timeout).await
}

pub async fn post(url: &Url, form: &[(&str, &str)], timeout: Duration) -> Result<HttpResponse, RequestError> {
    send(client(url)?.post(url.clone()).form(form), timeout).await
}

/// A client that follows no redirect: secrets go only where the challenge said. Without CA certificates none can be built
/// for https, but plain http on this computer works.
fn client(url: &Url) -> Result<Client, RequestError> {
    let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    let builder = Client::builder().user_agent(agent).redirect(Policy::none()).referer(false);
    // The environment's proxy cannot reach this computer.
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    let builder = if is_loopback(url) && url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    let failed = |error| RequestError::unreachable(format!("https cannot be set up: {}", reason(&error)));
    builder.build().map_err(failed)
}

async fn send(request: RequestBuilder, timeout: Duration) -> Result<HttpResponse, RequestError> {
    let mut response = request.header("accept", "application/json").timeout(timeout).send().await?;
    let header = |name: &str| {
        let values = response.headers().get_all(name).iter();
        values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect::<Vec<_>>()
    };
    let challenges = header("www-authenticate");
    let retry_after = header("retry-after").first().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let status = response.status().as_u16();
    let mut body = Zeroizing::new(Vec::with_capacity(MAX_BODY_BYTES));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(RequestError::unreachable("its response is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, retry_after, challenges, body })
}
