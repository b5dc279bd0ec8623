//! Polls the token endpoint until a person approves or denies the sign-in (RFC 8628 section 3.5).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::discovery::{self, TokenServer};
use crate::error::Error;
use crate::host::RegistryHost;
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
        match oauth::poll(server, &code.device_code).await {
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
            OAuthError::Request(_) => {
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
    use crate::http::RequestError;

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

    /// The pauses after these errors.
    fn pauses(interval: u64, errors: &[OAuthError]) -> Vec<u64> {
        let (mut schedule, host) = (PollSchedule::new(interval), RegistryHost::parse("hub").unwrap());
        let pause = |error| {
            assert!(schedule.update(error, &server(), &host).is_none());
            schedule.pause().as_secs()
        };
        errors.iter().map(pause).collect()
    }

    #[test]
    fn pauses_follow_what_the_server_says() {
        let (pending, slow_down) = (|| code("authorization_pending"), || code("slow_down"));
        let unreachable = || OAuthError::Request(RequestError::unreachable("x"));
        let limited = |seconds| OAuthError::RateLimited(Some(Duration::from_secs(seconds)));
        for (interval, errors, expected) in [
            (5, vec![pending(), slow_down(), pending(), slow_down()], vec![5, 10, 10, 15]),
            (5, vec![unreachable(), unreachable(), unreachable(), unreachable(), pending()], vec![10, 20, 40, 60, 5]),
            (90, vec![pending(), slow_down(), limited(300)], vec![90, 95, 300]),
            (5, vec![limited(30), pending(), OAuthError::RateLimited(None)], vec![30, 5, 10]),
            (0, vec![slow_down(), OAuthError::RateLimited(Some(Duration::MAX))], vec![6, u64::MAX]),
            (u64::MAX, vec![slow_down(), OAuthError::RateLimited(None)], vec![605, 1210]),
        ] {
            assert_eq!(pauses(interval, &errors), expected);
        }
    }
}
