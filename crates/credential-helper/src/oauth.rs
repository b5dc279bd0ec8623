//! The OAuth requests: device grant (RFC 8628), refresh grant (RFC 6749 section 6) and revocation (RFC 7009).

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::discovery::TokenServer;
use crate::error::Error;
use crate::http::{self, HttpResponse, RequestError};
use crate::secret::Secret;
use crate::terminal::PROGRAM;
use crate::text::one_line;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// While a person waits.
const LONG_TIMEOUT: Duration = Duration::from_secs(20);
/// While a registry client waits.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);

/// With `invalid_grant` the server says this where a copy of the sign-in refreshed the token on another computer.
pub const USED_ELSEWHERE: &str = "this sign-in is used on another computer too";

/// The response that begins a sign-in.
#[derive(Deserialize)]
pub struct DeviceCodeBody {
    /// A secret: it gets the token.
    pub device_code: Secret,
    pub user_code: String,
    pub verification_uri: Url,
    /// The same page with the code filled in.
    pub verification_uri_complete: Option<Url>,
    /// Seconds until the codes expire.
    pub expires_in: u64,
    /// Seconds between two polls.
    #[serde(default = "default_interval")]
    pub interval: u64,
}

/// RFC 8628 section 3.2.
fn default_interval() -> u64 {
    5
}

/// The response that gives a token.
#[derive(Deserialize)]
pub struct TokenBody {
    /// What registry clients send as the password.
    pub access_token: Secret,
    /// Seconds until the token expires if it is never used.
    pub expires_in: u64,
    pub refresh_token: Secret,
    pub username: String,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    error_description: Option<String>,
}

#[derive(Debug)]
pub enum OAuthError {
    /// The server refuses, with an error code and its own words.
    Refused {
        code: String,
        /// Empty if the server has no words.
        description: String,
    },
    /// The server got too many requests; the next one may come after this time, if it names one.
    RateLimited(Option<Duration>),
    Request(RequestError),
}

impl From<RequestError> for OAuthError {
    fn from(error: RequestError) -> Self {
        OAuthError::Request(error)
    }
}

impl OAuthError {
    fn from_response(response: &HttpResponse) -> Self {
        if response.status == 429 {
            return OAuthError::RateLimited(response.retry_after);
        }
        match response.json::<ErrorBody>().filter(|_| (400..500).contains(&response.status)) {
            Some(body) => OAuthError::Refused {
                code: one_line(&body.error),
                description: one_line(&body.error_description.unwrap_or_default()),
            },
            None => RequestError::unreachable(format!("it answers with status {}", response.status)).into(),
        }
    }

    pub fn about(&self, server: &str) -> Error {
        let sentence = match self {
            OAuthError::Refused { code, description } if description.is_empty() => format!("{server} refused: {code}"),
            OAuthError::Refused { code, description } => format!("{server} refused: {description} ({code})"),
            OAuthError::RateLimited(wait) => {
                let when = wait.map_or("later".to_owned(), |wait| format!("in {} seconds", wait.as_secs()));
                format!("{server} got too many requests: try again {when}")
            }
            OAuthError::Request(error) => return error.about(server),
        };
        Error::Message(sentence)
    }
}

pub async fn begin(server: &TokenServer, device_name: &str) -> Result<DeviceCodeBody, OAuthError> {
    let form = [("client_id", PROGRAM), ("device_name", device_name)];
    read(&http::post(&server.device_authorization_endpoint, &form, LONG_TIMEOUT).await?)
}

/// Asks once for the token of a device code.
pub async fn poll(server: &TokenServer, device_code: &Secret) -> Result<TokenBody, OAuthError> {
    let form = [("grant_type", DEVICE_GRANT), ("device_code", device_code.expose()), ("client_id", PROGRAM)];
    read_token(&http::post(&server.token_endpoint, &form, LONG_TIMEOUT).await?)
}

pub async fn refresh(token_endpoint: &Url, refresh_token: &Secret) -> Result<TokenBody, OAuthError> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose()), ("client_id", PROGRAM)];
    read_token(&http::post(token_endpoint, &form, SHORT_TIMEOUT).await?)
}

/// Revokes a token; the server also accepts one that it does not know.
pub async fn revoke(revocation_endpoint: &Url, token: &Secret) -> Result<(), OAuthError> {
    let form = [("token", token.expose()), ("client_id", PROGRAM)];
    let response = http::post(revocation_endpoint, &form, SHORT_TIMEOUT).await?;
    if response.status == 200 { Ok(()) } else { Err(OAuthError::from_response(&response)) }
}

fn read<T: for<'de> Deserialize<'de>>(response: &HttpResponse) -> Result<T, OAuthError> {
    if response.status != 200 {
        return Err(OAuthError::from_response(response));
    }
    response.json().ok_or_else(unexpected)
}

fn read_token(response: &HttpResponse) -> Result<TokenBody, OAuthError> {
    let token: TokenBody = read(response)?;
    let is_printable = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    let fields = [token.access_token.expose(), token.refresh_token.expose(), &token.username];
    if fields.into_iter().all(is_printable) { Ok(token) } else { Err(unexpected()) }
}

fn unexpected() -> OAuthError {
    OAuthError::Request(RequestError::unreachable("its response is not that of a Dockpass server"))
}
