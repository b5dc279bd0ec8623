//! The questions whether a person approved, until there is an answer (RFC 8628 section 3.5).

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    discovery::{self, Server},
    failure::Failure,
    host::Host,
    http::{Http, Trouble},
    oauth::{self, DeviceCode, Grant, Refusal},
    progress::Progress,
};

/// RFC 8628 section 3.5: for good, with every `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);
/// Failures alone make no pause longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// No code lives longer, whatever a server says.
const LONGEST_SIGN_IN: u64 = 3600;
/// Nor is a sensible interval longer.
const LONGEST_INTERVAL: u64 = 600;

const WAITING: &str = "waiting for your approval";
const AWAY: &str = "the server cannot be reached and is tried again";

/// Asks until there is an answer (RFC 8628 section 3.5).
pub async fn wait(http: &Http, server: &Server, code: &DeviceCode, host: &Host) -> Result<Grant, Failure> {
    let deadline = Instant::now() + Duration::from_secs(code.expires_in.min(LONGEST_SIGN_IN));
    let mut progress = Progress::until(deadline, WAITING);
    // Whatever interval a server names, it is asked before its code ends.
    let mut rhythm = Rhythm::new(code.interval.min(code.expires_in / 2));
    let mut trouble = None;
    let outcome = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Err(trouble.map_or_else(|| expired(host), |trouble| expired_unasked(&trouble, host)));
        }
        progress.wait(rhythm.pause().min(left)).await;
        match progress.beside(oauth::poll(http, server, &code.device_code)).await {
            Ok(grant) => break Ok(grant),
            Err(refusal) => {
                if let Some(failure) = rhythm.after(&refusal, server, host) {
                    break Err(failure);
                }
                progress.say(if matches!(refusal, Refusal::Trouble(_)) { AWAY } else { WAITING });
                let is_answer = matches!(refusal, Refusal::Code(..));
                trouble = (!is_answer).then(|| refusal.about(&discovery::name(&server.token_endpoint)));
            }
        }
    };
    progress.end();
    outcome
}

fn expired(host: &Host) -> Failure {
    Failure::said(format!("the code ended before it was approved: {}", again(host)))
}

/// Whether it was approved is not known: the person may have done all that was asked.
fn expired_unasked(trouble: &Failure, host: &Host) -> Failure {
    Failure::said(format!("{trouble}, and the code ended meanwhile: {}", again(host)))
}

fn again(host: &Host) -> String {
    format!("run docker-credential-dockpass login {host} again")
}

/// The pauses between the questions.
#[derive(Debug)]
struct Rhythm {
    interval: Duration,
    /// Doubled with every failure to reach the server, until it answers again.
    backoff: u32,
    /// What the server asked for, once.
    at_least: Duration,
}

impl Rhythm {
    fn new(interval: u64) -> Self {
        let interval = Duration::from_secs(interval.clamp(1, LONGEST_INTERVAL));
        Self { interval, backoff: 1, at_least: Duration::ZERO }
    }

    fn pause(&self) -> Duration {
        let backoff = self.interval.saturating_mul(self.backoff).min(LONGEST_BACKOFF);
        backoff.max(self.interval).max(self.at_least)
    }

    /// Learns from a refusal; a sentence where there is nothing more to wait for.
    fn after(&mut self, refusal: &Refusal, server: &Server, host: &Host) -> Option<Failure> {
        self.at_least = Duration::ZERO;
        match refusal {
            Refusal::Trouble(Trouble::TimedOut | Trouble::Unreachable(_)) => {
                self.backoff = self.backoff.saturating_mul(2);
                return None;
            }
            Refusal::Limited(time) => self.at_least = time.unwrap_or(self.interval.saturating_mul(2)),
            Refusal::Code(code, _) => match code.as_str() {
                "authorization_pending" => {}
                "slow_down" => self.interval = self.interval.saturating_add(SLOWER),
                "access_denied" => return Some(Failure::said(format!("the sign-in to {host} was denied"))),
                "expired_token" => return Some(expired(host)),
                _ => return Some(refusal.about(&discovery::name(&server.token_endpoint))),
            },
        }
        self.backoff = 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let url: url::Url = "https://hub/".parse().unwrap();
        Server { device_authorization_endpoint: url.clone(), token_endpoint: url.clone(), revocation_endpoint: url }
    }

    fn code(code: &str) -> Refusal {
        Refusal::Code(code.to_owned(), String::new())
    }

    /// The pauses after these refusals, and the sentence that ended it.
    fn pauses(interval: u64, refusals: &[Refusal]) -> (Vec<u64>, Option<String>) {
        let (mut rhythm, host, mut pauses) = (Rhythm::new(interval), Host::parse("hub").unwrap(), Vec::new());
        for refusal in refusals {
            if let Some(failure) = rhythm.after(refusal, &server(), &host) {
                return (pauses, Some(failure.to_string()));
            }
            pauses.push(rhythm.pause().as_secs());
        }
        (pauses, None)
    }

    #[test]
    fn slow_down_slows_for_good() {
        let refusals =
            [code("authorization_pending"), code("slow_down"), code("authorization_pending"), code("slow_down")];
        assert_eq!(pauses(5, &refusals), (vec![5, 10, 10, 15], None));
    }

    #[test]
    fn a_server_that_does_not_answer_is_asked_ever_more_seldom_until_it_does() {
        let away = || Refusal::Trouble(Trouble::TimedOut);
        let refusals = [away(), away(), away(), away(), away(), code("authorization_pending")];
        assert_eq!(pauses(5, &refusals), (vec![10, 20, 40, 60, 60, 5], None));
    }

    #[test]
    fn what_the_server_asks_for_is_kept_however_long() {
        let refusals =
            [code("authorization_pending"), code("slow_down"), Refusal::Limited(Some(Duration::from_secs(300)))];
        assert_eq!(pauses(90, &refusals), (vec![90, 95, 300], None));
    }

    #[test]
    fn an_interval_is_five_seconds_where_none_is_named_and_a_sensible_one_in_any_case() {
        let named = |interval: serde_json::Value| {
            let mut code = serde_json::json!({
                "device_code": "x",
                "user_code": "x",
                "verification_uri": "https://hub/",
                "expires_in": 600,
            });
            if !interval.is_null() {
                code["interval"] = interval;
            }
            serde_json::from_value::<DeviceCode>(code).unwrap().interval
        };
        let refusals = || [code("slow_down"), Refusal::Limited(Some(Duration::MAX)), Refusal::Limited(None)];
        for (interval, after) in [
            (serde_json::Value::Null, [10, u64::MAX, 20]),
            (0.into(), [6, u64::MAX, 12]),
            (600.into(), [605, u64::MAX, 1210]),
            (u64::MAX.into(), [605, u64::MAX, 1210]),
        ] {
            assert_eq!(pauses(named(interval), &refusals()), (after.to_vec(), None));
        }
    }

    #[test]
    fn a_limit_is_kept_once() {
        let refusals =
            [Refusal::Limited(Some(Duration::from_secs(30))), code("authorization_pending"), Refusal::Limited(None)];
        assert_eq!(pauses(5, &refusals), (vec![30, 5, 10], None));
    }

    #[test]
    fn every_other_code_ends_the_waiting_with_a_sentence() {
        for (error, said) in [
            ("access_denied", "the sign-in to hub was denied"),
            ("expired_token", "the code ended before it was approved: run docker-credential-dockpass login hub again"),
            ("invalid_grant", "https://hub refused: invalid_grant"),
            ("invalid_client", "https://hub refused: invalid_client"),
            ("anything_else", "https://hub refused: anything_else"),
        ] {
            assert_eq!(pauses(5, &[code(error)]), (vec![], Some(said.to_owned())));
        }
    }
}
