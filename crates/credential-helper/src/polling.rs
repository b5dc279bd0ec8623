//! Polls the token endpoint until a person approves or denies the sign-in (RFC 8628 section 3.5).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::discovery::{self, TokenServer};
use crate::error::Error;
use crate::host::RegistryHost;
use crate::http::{HttpClient, RequestError};
use crate::oauth::{self, DeviceCodeBody, OAuthError, TokenBody};
use crate::progress::WaitDisplay;
use crate::terminal::PROGRAM;

/// RFC 8628 section 3.5: each `slow_down` adds this to the interval for good.
const SLOW_DOWN: Duration = Duration::from_secs(5);
const MAX_BACK_OFF: Duration = Duration::from_secs(60);
/// Bounds what a server may ask for.
const MAX_WAIT_SECONDS: u64 = 3600;
const MAX_INTERVAL_SECONDS: u64 = 600;

const WAITING: &str = "waiting for your approval";
const UNREACHABLE: &str = "the server cannot be reached, trying again";

/// Polls until the server gives a token, refuses, or the code expires.
pub async fn wait_for_approval(
    http: &HttpClient,
    server: &TokenServer,
    code: &DeviceCodeBody,
    host: &RegistryHost,
) -> Result<TokenBody, Error> {
    let deadline = Instant::now() + Duration::from_secs(code.expires_in.min(MAX_WAIT_SECONDS));
    let mut display = WaitDisplay::until(deadline.into_std(), WAITING);
    // An interval longer than the code lives must not prevent every poll.
    let mut schedule = PollSchedule::new(code.interval.min(code.expires_in / 2));
    let mut last_failure = None;
    let outcome = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Err(last_failure.map_or_else(|| expired(host), |failure| expired_meanwhile(&failure, host)));
        }
        sleep(schedule.pause().min(left)).await;
        match oauth::poll(http, server, &code.device_code).await {
            Ok(token) => break Ok(token),
            Err(error) => {
                if let Some(failure) = schedule.update(&error, server, host) {
                    break Err(failure);
                }
                display.show(if matches!(error, OAuthError::Request(_)) { UNREACHABLE } else { WAITING });
                let is_answer = matches!(error, OAuthError::Refused { .. });
                last_failure = (!is_answer).then(|| error.about(&discovery::origin(&server.token_endpoint)));
            }
        }
    };
    display.finish();
    outcome
}

fn expired(host: &RegistryHost) -> Error {
    Error::message(format!("the code expired before you approved it: run {PROGRAM} login {host} again"))
}

/// The person may have approved: the last poll failed.
fn expired_meanwhile(failure: &Error, host: &RegistryHost) -> Error {
    Error::message(format!("{failure}, and the code expired meanwhile: run {PROGRAM} login {host} again"))
}

#[derive(Debug)]
struct PollSchedule {
    interval: Duration,
    /// Doubles with each request without a response.
    back_off: u32,
    /// What the last response asked for.
    retry_after: Duration,
}

impl PollSchedule {
    fn new(interval_seconds: u64) -> Self {
        let interval = Duration::from_secs(interval_seconds.clamp(1, MAX_INTERVAL_SECONDS));
        Self { interval, back_off: 1, retry_after: Duration::ZERO }
    }

    fn pause(&self) -> Duration {
        let back_off = self.interval.saturating_mul(self.back_off).min(MAX_BACK_OFF);
        back_off.max(self.interval).max(self.retry_after)
    }

    /// Adapts the pauses to an error; returns a sentence if polling must end.
    fn update(&mut self, error: &OAuthError, server: &TokenServer, host: &RegistryHost) -> Option<Error> {
        self.retry_after = Duration::ZERO;
        match error {
            OAuthError::Request(RequestError::TimedOut | RequestError::Unreachable(_)) => {
                self.back_off = self.back_off.saturating_mul(2);
                return None;
            }
            OAuthError::RateLimited(time) => self.retry_after = time.unwrap_or(self.interval.saturating_mul(2)),
            OAuthError::Refused { code, .. } => match code.as_str() {
                "authorization_pending" => {}
                "slow_down" => self.interval = self.interval.saturating_add(SLOW_DOWN),
                "access_denied" => return Some(Error::message(format!("the sign-in to {host} was denied"))),
                "expired_token" => return Some(expired(host)),
                _ => return Some(error.about(&discovery::origin(&server.token_endpoint))),
            },
        }
        self.back_off = 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> TokenServer {
        let url: url::Url = "https://hub/".parse().unwrap();
        TokenServer {
            device_authorization_endpoint: url.clone(),
            token_endpoint: url.clone(),
            revocation_endpoint: url,
        }
    }

    fn code(code: &str) -> OAuthError {
        OAuthError::Refused { code: code.to_owned(), description: String::new() }
    }

    /// The pauses after these errors, and the sentence that ended the polling.
    fn pauses(interval: u64, errors: &[OAuthError]) -> (Vec<u64>, Option<String>) {
        let (mut schedule, host, mut pauses) =
            (PollSchedule::new(interval), RegistryHost::parse("hub").unwrap(), Vec::new());
        for error in errors {
            if let Some(failure) = schedule.update(error, &server(), &host) {
                return (pauses, Some(failure.to_string()));
            }
            pauses.push(schedule.pause().as_secs());
        }
        (pauses, None)
    }

    #[test]
    fn slow_down_lengthens_the_interval_for_good() {
        let errors =
            [code("authorization_pending"), code("slow_down"), code("authorization_pending"), code("slow_down")];
        assert_eq!(pauses(5, &errors), (vec![5, 10, 10, 15], None));
    }

    #[test]
    fn pauses_double_until_an_unreachable_server_answers() {
        let unreachable = || OAuthError::Request(RequestError::TimedOut);
        let errors =
            [unreachable(), unreachable(), unreachable(), unreachable(), unreachable(), code("authorization_pending")];
        assert_eq!(pauses(5, &errors), (vec![10, 20, 40, 60, 60, 5], None));
    }

    #[test]
    fn a_long_retry_after_is_respected() {
        let errors =
            [code("authorization_pending"), code("slow_down"), OAuthError::RateLimited(Some(Duration::from_secs(300)))];
        assert_eq!(pauses(90, &errors), (vec![90, 95, 300], None));
    }

    #[test]
    fn the_interval_defaults_to_five_seconds_and_is_bounded() {
        let read = |interval: serde_json::Value| {
            let mut code = serde_json::json!({
                "device_code": "x",
                "user_code": "x",
                "verification_uri": "https://hub/",
                "expires_in": 600,
            });
            if !interval.is_null() {
                code["interval"] = interval;
            }
            serde_json::from_value::<DeviceCodeBody>(code).unwrap().interval
        };
        let errors =
            || [code("slow_down"), OAuthError::RateLimited(Some(Duration::MAX)), OAuthError::RateLimited(None)];
        for (interval, after) in [
            (serde_json::Value::Null, [10, u64::MAX, 20]),
            (0.into(), [6, u64::MAX, 12]),
            (600.into(), [605, u64::MAX, 1210]),
            (u64::MAX.into(), [605, u64::MAX, 1210]),
        ] {
            assert_eq!(pauses(read(interval), &errors()), (after.to_vec(), None));
        }
    }

    #[test]
    fn retry_after_counts_once() {
        let errors = [
            OAuthError::RateLimited(Some(Duration::from_secs(30))),
            code("authorization_pending"),
            OAuthError::RateLimited(None),
        ];
        assert_eq!(pauses(5, &errors), (vec![30, 5, 10], None));
    }

    #[test]
    fn every_other_code_ends_the_polling_with_a_sentence() {
        for (error, said) in [
            ("access_denied", "the sign-in to hub was denied"),
            (
                "expired_token",
                "the code expired before you approved it: run docker-credential-dockpass login hub again",
            ),
            ("invalid_grant", "https://hub refused: invalid_grant"),
            ("invalid_client", "https://hub refused: invalid_client"),
            ("anything_else", "https://hub refused: anything_else"),
        ] {
            assert_eq!(pauses(5, &[code(error)]), (vec![], Some(said.to_owned())));
        }
    }
}
