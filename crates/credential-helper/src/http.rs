//! Requests to the server: bounded in time and size, and never with a secret in an address.

use std::{cell::OnceCell, error::Error as _, time::Duration};

use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use crate::{failure::Failure, host::is_loopback, terminal::one_line};

/// No answer of a token server is larger.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A whole answer.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `Retry-After`, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// All `WWW-Authenticate` headers.
    pub challenges: Vec<String>,
    body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// The body, where it is JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

#[cfg(test)]
impl Answer {
    /// An answer as a server gives it, without a body.
    pub fn of(status: u16, challenges: &[&str]) -> Self {
        let challenges = challenges.iter().map(|text| (*text).to_owned()).collect();
        Self { status, retry_after: None, challenges, body: Zeroizing::default() }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// The server took too long.
    TimedOut,
    /// It cannot be reached, or what it says is not HTTP.
    Unreachable(String),
}

impl Trouble {
    /// A sentence about a server.
    pub fn about(&self, server: &str) -> Failure {
        match self {
            Trouble::TimedOut => Failure::said(format!("{server} does not answer")),
            Trouble::Unreachable(reason) => Failure::said(format!("{server} cannot be reached: {reason}")),
        }
    }
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Trouble::TimedOut;
        }
        Trouble::Unreachable(reason(&error))
    }
}

/// The innermost cause says what happened; those around it only where.
fn reason(error: &reqwest::Error) -> String {
    let (mut reason, mut inner) = (error.to_string(), error.source());
    while let Some(cause) = inner {
        (reason, inner) = (cause.to_string(), cause.source());
        if reason.contains("CaUsedAsEndEntity") {
            let words = "it shows an authority's own certificate, and needs one that is signed by that authority";
            return words.to_owned();
        }
    }
    one_line(&reason)
}

/// Sends requests. It follows no redirect: credentials go where the challenge said, and nowhere else.
///
/// A client is made at the first request that needs it: where the system has no certificates none for https can be
/// made, and what happens on this computer alone goes on.
#[derive(Default)]
pub struct Http {
    far: OnceCell<Client>,
    here: OnceCell<Client>,
    here_plain: OnceCell<Client>,
}

impl Http {
    /// A GET.
    pub async fn get(&self, url: &Url, limit: Duration) -> Result<Answer, Trouble> {
        self.send(self.client(url)?.get(url.clone()), limit).await
    }

    /// A POST of a form.
    pub async fn post(&self, url: &Url, form: &[(&str, &str)], limit: Duration) -> Result<Answer, Trouble> {
        self.send(self.client(url)?.post(url.clone()).form(form), limit).await
    }

    fn client(&self, url: &Url) -> Result<&Client, Trouble> {
        let agent = concat!("docker-credential-dockpass/", env!("CARGO_PKG_VERSION"));
        let builder = Client::builder().user_agent(agent).redirect(Policy::none()).referer(false);
        // A proxy of the environment is for the world, not for this computer; plain http needs no certificates.
        let (client, builder) = match (is_loopback(url), url.scheme()) {
            (true, "http") => (&self.here_plain, builder.no_proxy().tls_certs_only([])),
            (true, _) => (&self.here, builder.no_proxy()),
            (false, _) => (&self.far, builder),
        };
        if let Some(client) = client.get() {
            return Ok(client);
        }
        let failed = |error| Trouble::Unreachable(format!("https cannot be set up: {}", reason(&error)));
        let made = builder.build().map_err(failed)?;
        Ok(client.get_or_init(|| made))
    }

    async fn send(&self, request: RequestBuilder, limit: Duration) -> Result<Answer, Trouble> {
        let mut response = request.header("accept", "application/json").timeout(limit).send().await?;
        let header = |name: &str| {
            let values = response.headers().get_all(name).iter();
            values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect::<Vec<_>>()
        };
        let challenges = header("www-authenticate");
        let retry_after = header("retry-after").first().and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let status = response.status().as_u16();
        let mut body = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER));
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Trouble::Unreachable("its answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, challenges, body })
    }
}
