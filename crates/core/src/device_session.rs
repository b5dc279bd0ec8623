//! The sessions of devices that signed in: how long they last, and why they end.

use time::Duration;

use crate::timestamp::Timestamp;
use crate::token::Description;

/// How long the secrets before a rotation still work: the token's secret, and the refresh token, which gives the same new
/// pair again.
pub const OVERLAP: Duration = Duration::MINUTE;

/// The operator's limits for devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRules {
    pub slots: i64,
    pub idle: Duration,
    pub longest: Duration,
}

/// What decides whether a device's session can be refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceSession {
    pub is_active: bool,
    pub is_account_enabled: bool,
    /// The last use or refresh, or else the creation.
    pub last_at: Timestamp,
    pub ends_at: Timestamp,
}

/// Why a session cannot be refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The refresh token was never issued, or its session ended long ago.
    Unknown,
    OtherProgram,
    Deleted,
    Replaced,
    SignedOut,
    /// A refresh token came back whose successor was used: two computers have the sign-in.
    Copied,
    Idle,
    MaxAge,
    /// The token is deactivated, and can be activated again.
    Deactivated,
    AccountDisabled,
}

impl EndReason {
    /// The name in the database. Only the reasons for which the server itself ends a session have one.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            EndReason::Replaced => Some("replaced"),
            EndReason::SignedOut => Some("signed-out"),
            EndReason::Copied => Some("copied"),
            EndReason::Idle => Some("idle"),
            EndReason::MaxAge => Some("longest"),
            _ => None,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [EndReason::Replaced, EndReason::SignedOut, EndReason::Copied, EndReason::Idle, EndReason::MaxAge]
            .into_iter()
            .find(|reason| reason.as_str() == Some(text))
    }
}

impl DeviceSession {
    /// Why it cannot be refreshed now, if so.
    pub fn end_reason(self, rules: DeviceRules, now: Timestamp) -> Option<EndReason> {
        if let Some(reason) = timeout_reason(rules, self.last_at, self.ends_at, now) {
            Some(reason)
        } else if !self.is_account_enabled {
            Some(EndReason::AccountDisabled)
        } else {
            (!self.is_active).then_some(EndReason::Deactivated)
        }
    }
}

/// A refresh token that a rotation replaced.
#[derive(Debug, Clone, Copy)]
pub struct ReplacedRefresh {
    pub rotated_at: Timestamp,
    /// Whether its successor, or a later one, was used: the token's secret, or the refresh token.
    pub is_successor_used: bool,
}

impl ReplacedRefresh {
    /// Whether it gives its successor again: the answer may have been lost, or two processes asked at once. Later it is a
    /// copy (RFC 9700 section 4.14).
    pub fn may_repeat(self, now: Timestamp) -> bool {
        !self.is_successor_used || now < self.rotated_at + OVERLAP
    }
}

/// When a session ends that was last used at `last_at` and whose token expires at `token_ends_at`.
pub fn ends_at(rules: DeviceRules, last_at: Timestamp, token_ends_at: Timestamp) -> Timestamp {
    token_ends_at.min(last_at + rules.idle)
}

fn timeout_reason(
    rules: DeviceRules,
    last_at: Timestamp,
    token_ends_at: Timestamp,
    now: Timestamp,
) -> Option<EndReason> {
    let reason = if token_ends_at <= now { EndReason::MaxAge } else { EndReason::Idle };
    (ends_at(rules, last_at, token_ends_at) <= now).then_some(reason)
}

/// A device's token that occupies a slot.
#[derive(Debug, Clone)]
pub struct SlotToken {
    pub token_id: String,
    pub description: Description,
    pub created_at: Timestamp,
    /// The last use, or else the creation.
    pub used_at: Timestamp,
    /// The last use or refresh of its session.
    pub last_at: Timestamp,
    pub ends_at: Timestamp,
}

/// The tokens to delete before one more is generated: all that timed out, then the least recently used ones until a
/// slot is free.
pub fn tokens_to_end(tokens: Vec<SlotToken>, rules: DeviceRules, now: Timestamp) -> Vec<(SlotToken, EndReason)> {
    let (mut live, mut ending) = (Vec::new(), Vec::new());
    for token in tokens {
        match timeout_reason(rules, token.last_at, token.ends_at, now) {
            Some(reason) => ending.push((token, reason)),
            None => live.push(token),
        }
    }
    live.sort_by(|a, b| (a.used_at, a.created_at, &a.token_id).cmp(&(b.used_at, b.created_at, &b.token_id)));
    let too_many = (live.len() as i64 + 1 - rules.slots).max(0) as usize;
    ending.extend(live.into_iter().take(too_many).map(|token| (token, EndReason::Replaced)));
    ending
}

/// How long a token that is used now lasts without further use.
pub fn lifetime(rules: DeviceRules, ends_at: Timestamp, now: Timestamp) -> Duration {
    rules.idle.min(ends_at - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const RULES: DeviceRules = DeviceRules { slots: 5, idle: Duration::days(30), longest: Duration::days(180) };

    #[test]
    fn a_session_ends_when_idle_at_its_maximum_age_or_by_its_owner() {
        let good =
            DeviceSession { is_active: true, is_account_enabled: true, last_at: NOW, ends_at: NOW + RULES.longest };
        let later = |by: Duration| good.end_reason(RULES, NOW + by);
        assert_eq!(later(RULES.idle - Duration::MILLISECOND), None);
        assert_eq!(later(RULES.idle), Some(EndReason::Idle));
        let used = DeviceSession { last_at: NOW + Duration::days(179), ..good };
        assert_eq!(used.end_reason(RULES, NOW + RULES.longest), Some(EndReason::MaxAge));
        assert_eq!(DeviceSession { is_active: false, ..good }.end_reason(RULES, NOW), Some(EndReason::Deactivated));
        assert_eq!(
            DeviceSession { is_account_enabled: false, ..good }.end_reason(RULES, NOW),
            Some(EndReason::AccountDisabled)
        );
        assert_eq!(ends_at(RULES, NOW, NOW + RULES.longest), NOW + RULES.idle);
        assert_eq!(ends_at(RULES, NOW, NOW + Duration::DAY), NOW + Duration::DAY);
        assert_eq!(lifetime(RULES, NOW + RULES.longest, NOW), RULES.idle);
        assert_eq!(lifetime(RULES, NOW + Duration::days(2), NOW), Duration::days(2));
    }

    #[test]
    fn a_replaced_refresh_token_repeats_its_answer_for_a_minute_or_until_the_successor_is_used() {
        let may_repeat =
            |is_successor_used, later| ReplacedRefresh { rotated_at: NOW, is_successor_used }.may_repeat(NOW + later);
        let short = Duration::MINUTE - Duration::MILLISECOND;
        assert_eq!([may_repeat(true, short), may_repeat(true, Duration::MINUTE)], [true, false]);
        assert!(may_repeat(false, Duration::days(20)));
    }

    #[test]
    fn timed_out_tokens_end_first_and_then_the_least_recently_used() {
        let token = |name: &str, used: i64, ends_at: Timestamp| {
            let used_at = NOW - Duration::days(used);
            let (token_id, description) = (name.to_owned(), Description::parse(name).unwrap());
            SlotToken {
                token_id,
                description,
                created_at: NOW - Duration::days(90),
                used_at,
                last_at: used_at,
                ends_at,
            }
        };
        let later = NOW + Duration::DAY;
        let ended = |tokens: &[SlotToken], slots: i64| {
            let ending = tokens_to_end(tokens.to_vec(), DeviceRules { slots, ..RULES }, NOW);
            ending.into_iter().map(|(token, reason)| (token.token_id, reason)).collect::<Vec<_>>()
        };
        let live = [token("b", 2, later), token("c", 3, later), token("a", 1, later), token("z", 3, later)];
        assert_eq!(ended(&live, 5), []);
        assert_eq!(ended(&live, 4), [("c".into(), EndReason::Replaced)]);
        let several =
            [("c".into(), EndReason::Replaced), ("z".into(), EndReason::Replaced), ("b".into(), EndReason::Replaced)];
        assert_eq!(ended(&live, 2), several);
        assert_eq!(ended(&live, 0).len(), 4);
        let timed_out = [token("longest", 0, NOW), token("idle", 30, later)];
        let expected = [("longest".into(), EndReason::MaxAge), ("idle".into(), EndReason::Idle)];
        assert_eq!(ended(&[&timed_out[..], &live].concat(), 5), expected, "the others have enough slots");
        assert_eq!(ended(&[&live[..], &timed_out].concat(), 4)[2], ("c".into(), EndReason::Replaced));
    }
}
