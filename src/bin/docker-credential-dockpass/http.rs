//! Requests to the server: bounded in time and size, and never with a secret in an address.

use std::{error::Error as _, time::Duration};

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
    }
    one_line(&reason)
}

/// Sends requests. It follows no redirect: credentials go where the challenge said, and nowhere else.
pub struct Http {
    far: Client,
    here: Client,
}

impl Http {
    /// Two clients: a proxy of the environment is for the world, not for this computer.
    pub fn new() -> Result<Self, Failure> {
        let builder = || {
            let agent = concat!("docker-credential-dockpass/", env!("CARGO_PKG_VERSION"));
            Client::builder().user_agent(agent).redirect(Policy::none()).referer(false)
        };
        let failed = |error| Failure::said(format!("https cannot be set up: {}", reason(&error)));
        Ok(Self { far: builder().build().map_err(failed)?, here: builder().no_proxy().build().map_err(failed)? })
    }

    /// A GET.
    pub async fn get(&self, url: &Url, limit: Duration) -> Result<Answer, Trouble> {
        self.send(self.client(url).get(url.clone()), limit).await
    }

    /// A POST of a form.
    pub async fn post(&self, url: &Url, form: &[(&str, &str)], limit: Duration) -> Result<Answer, Trouble> {
        self.send(self.client(url).post(url.clone()).form(form), limit).await
    }

    fn client(&self, url: &Url) -> &Client {
        if is_loopback(url) { &self.here } else { &self.far }
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
