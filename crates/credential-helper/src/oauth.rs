//! What goes over the wire: the device grant (RFC 8628), the refresh grant (RFC 6749 section 6), revocation (RFC 7009).

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::{
    discovery::Server,
    failure::Failure,
    http::{Answer, Http, Trouble},
    secret::Secret,
    terminal::one_line,
};

/// How this program names itself.
const CLIENT: &str = "docker-credential-dockpass";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// For an answer that a person waits for.
const PATIENT: Duration = Duration::from_secs(20);
/// For one that must not hold up a registry client.
const BRIEF: Duration = Duration::from_secs(5);

/// What the server hands out when a sign-in begins.
#[derive(Deserialize)]
pub struct DeviceCode {
    /// Never shown: whoever has it gets the token.
    pub device_code: Secret,
    /// What the person compares or types.
    pub user_code: String,
    /// Where.
    pub verification_uri: Url,
    /// The same with the code in it.
    pub verification_uri_complete: Option<Url>,
    /// Seconds until the codes end.
    pub expires_in: u64,
    /// Seconds between two questions.
    #[serde(default = "default_interval")]
    pub interval: u64,
}

/// RFC 8628 section 3.2.
fn default_interval() -> u64 {
    5
}

/// A token with what renews it.
#[derive(Deserialize)]
pub struct Grant {
    /// What registry clients show as the password.
    pub access_token: Secret,
    /// Seconds until it ends if it is never used.
    pub expires_in: u64,
    /// What gets the next one.
    pub refresh_token: Secret,
    /// Whose it is.
    pub username: String,
}

#[derive(Deserialize)]
struct RefusalBody {
    error: String,
    error_description: Option<String>,
}

/// Why a grant was not given.
#[derive(Debug)]
pub enum Refusal {
    /// The server's error code, and its words.
    Code(String, String),
    /// Too many questions: not before this time has passed, where the server names one.
    Limited(Option<Duration>),
    /// No answer, or none that can be understood.
    Trouble(Trouble),
}

impl Refusal {
    fn of(answer: &Answer) -> Self {
        if answer.status == 429 {
            return Refusal::Limited(answer.retry_after);
        }
        match answer.json::<RefusalBody>().filter(|_| (400..500).contains(&answer.status)) {
            Some(body) => Refusal::Code(one_line(&body.error), one_line(&body.error_description.unwrap_or_default())),
            None => Refusal::Trouble(Trouble::Unreachable(format!("it answered with status {}", answer.status))),
        }
    }

    /// A sentence for the person.
    pub fn about(&self, server: &str) -> Failure {
        match self {
            Refusal::Code(code, words) if words.is_empty() => Failure::said(format!("{server} refused: {code}")),
            Refusal::Code(code, words) => Failure::said(format!("{server} refused: {words} ({code})")),
            Refusal::Limited(Some(wait)) => {
                Failure::said(format!("{server} was asked too often: try again in {} seconds", wait.as_secs()))
            }
            Refusal::Limited(None) => Failure::said(format!("{server} was asked too often: try again later")),
            Refusal::Trouble(trouble) => trouble.about(server),
        }
    }
}

/// Begins a sign-in.
pub async fn begin(http: &Http, server: &Server, device_name: &str) -> Result<DeviceCode, Refusal> {
    let form = [("client_id", CLIENT), ("device_name", device_name)];
    let answer = http.post(&server.device_authorization_endpoint, &form, PATIENT).await.map_err(Refusal::Trouble)?;
    read(&answer)
}

/// Asks once whether the person approved.
pub async fn poll(http: &Http, server: &Server, code: &Secret) -> Result<Grant, Refusal> {
    let form = [("grant_type", DEVICE_GRANT), ("device_code", code.expose()), ("client_id", CLIENT)];
    granted(http.post(&server.token_endpoint, &form, PATIENT).await)
}

/// Gets a new token for a device that is signed in.
pub async fn refresh(http: &Http, token_endpoint: &Url, token: &Secret) -> Result<Grant, Refusal> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose()), ("client_id", CLIENT)];
    granted(http.post(token_endpoint, &form, BRIEF).await)
}

/// Ends a token on the server, which says yes to everything that it could do.
pub async fn revoke(http: &Http, revocation_endpoint: &Url, token: &Secret) -> Result<(), Refusal> {
    let form = [("token", token.expose()), ("client_id", CLIENT)];
    let answer = http.post(revocation_endpoint, &form, BRIEF).await.map_err(Refusal::Trouble)?;
    if answer.status == 200 { Ok(()) } else { Err(Refusal::of(&answer)) }
}

fn granted(answer: Result<Answer, Trouble>) -> Result<Grant, Refusal> {
    let grant: Grant = read(&answer.map_err(Refusal::Trouble)?)?;
    let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    let is_whole = is_plain(grant.access_token.expose()) && is_plain(grant.refresh_token.expose());
    if is_whole && is_plain(&grant.username) { Ok(grant) } else { Err(garbled()) }
}

fn read<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, Refusal> {
    if answer.status != 200 {
        return Err(Refusal::of(answer));
    }
    answer.json().ok_or_else(garbled)
}

fn garbled() -> Refusal {
    Refusal::Trouble(Trouble::Unreachable("its answer is not that of a Dockpass".to_owned()))
}
