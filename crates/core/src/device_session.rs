//! The session of a device that signed in: how long it lasts, and why it gives no more.

use time::Duration;

use crate::{timestamp::Timestamp, token::Description};

/// Two refreshes at once both succeed: the secret that the first one gave works for this long after the second.
pub const OVERLAP: Duration = Duration::MINUTE;

/// What the operator allows devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRules {
    /// Auto-generated tokens that an account keeps.
    pub slots: i64,
    /// A session that is not used for this long is over.
    pub idle: Duration,
    /// And in any case after this long.
    pub longest: Duration,
}

/// A device's session: its token, and how long ago anyone used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceSession {
    /// The owner's switch.
    pub is_active: bool,
    /// Whether the owner's account is enabled.
    pub account_is_enabled: bool,
    /// The last use or refresh; the creation where there was none.
    pub last_at: Timestamp,
    /// When the token ends in any case.
    pub ends_at: Timestamp,
}

/// Why a session gives no new secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It is no refresh token that was ever given out, or its session ended long ago.
    Unknown,
    /// It was given to another program.
    OtherProgram,
    /// The token was deleted by its owner.
    Deleted,
    /// A newer sign-in took its place.
    Replaced,
    /// The device signed out.
    SignedOut,
    /// Nobody used it for too long.
    Idle,
    /// Its longest time is over.
    Longest,
    /// The token is switched off, and can be switched on again.
    Deactivated,
    /// The account is disabled.
    AccountDisabled,
}

impl EndReason {
    /// The name in the database of a reason that the server itself had; `None` for all others.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            EndReason::Replaced => Some("replaced"),
            EndReason::SignedOut => Some("signed-out"),
            EndReason::Idle => Some("idle"),
            EndReason::Longest => Some("longest"),
            _ => None,
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [EndReason::Replaced, EndReason::SignedOut, EndReason::Idle, EndReason::Longest]
            .into_iter()
            .find(|over| over.as_str() == Some(text))
    }
}

impl DeviceSession {
    /// Why it gives no new secret now, if it does not.
    pub fn over(self, rules: DeviceRules, now: Timestamp) -> Option<EndReason> {
        if let Some(over) = ended(rules, self.last_at, self.ends_at, now) {
            Some(over)
        } else if !self.account_is_enabled {
            Some(EndReason::AccountDisabled)
        } else {
            (!self.is_active).then_some(EndReason::Deactivated)
        }
    }
}

/// When a session ends that nobody uses after `last_at`, and whose token ends at `ends_at` in any case.
pub fn end(rules: DeviceRules, last_at: Timestamp, ends_at: Timestamp) -> Timestamp {
    ends_at.min(last_at + rules.idle)
}

/// Whether such a session ended by itself until now, and why.
fn ended(rules: DeviceRules, last_at: Timestamp, ends_at: Timestamp, now: Timestamp) -> Option<EndReason> {
    let why = if ends_at <= now { EndReason::Longest } else { EndReason::Idle };
    (end(rules, last_at, ends_at) <= now).then_some(why)
}

/// A device's token that holds a slot.
#[derive(Debug, Clone)]
pub struct SlotToken {
    /// The token.
    pub token_id: String,
    /// What it is called.
    pub description: Description,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last use; the creation where there was none.
    pub used_at: Timestamp,
    /// The last use or refresh of its session.
    pub last_at: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

/// What leaves when one more comes, and why: all whose sessions ended by themselves; of the others as many as are in
/// the way, the one least recently used first.
pub fn ending(held: Vec<SlotToken>, rules: DeviceRules, now: Timestamp) -> Vec<(SlotToken, EndReason)> {
    let (mut live, mut ending) = (Vec::new(), Vec::new());
    for one in held {
        match ended(rules, one.last_at, one.ends_at, now) {
            Some(over) => ending.push((one, over)),
            None => live.push(one),
        }
    }
    live.sort_by(|a, b| (a.used_at, a.created_at, &a.token_id).cmp(&(b.used_at, b.created_at, &b.token_id)));
    let too_many = (live.len() as i64 + 1 - rules.slots).max(0) as usize;
    ending.extend(live.into_iter().take(too_many).map(|one| (one, EndReason::Replaced)));
    ending
}

/// How long a token that was used now lasts if it is never used again.
pub fn life(rules: DeviceRules, ends_at: Timestamp, now: Timestamp) -> Duration {
    rules.idle.min(ends_at - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const RULES: DeviceRules = DeviceRules { slots: 5, idle: Duration::days(30), longest: Duration::days(180) };

    #[test]
    fn a_session_is_over_unused_at_its_end_or_by_its_owners_will() {
        let good =
            DeviceSession { is_active: true, account_is_enabled: true, last_at: NOW, ends_at: NOW + RULES.longest };
        let later = |by: Duration| good.over(RULES, NOW + by);
        assert_eq!(later(RULES.idle - Duration::MILLISECOND), None);
        assert_eq!(later(RULES.idle), Some(EndReason::Idle));
        let used = DeviceSession { last_at: NOW + Duration::days(179), ..good };
        assert_eq!(used.over(RULES, NOW + RULES.longest), Some(EndReason::Longest));
        assert_eq!(DeviceSession { is_active: false, ..good }.over(RULES, NOW), Some(EndReason::Deactivated));
        assert_eq!(
            DeviceSession { account_is_enabled: false, ..good }.over(RULES, NOW),
            Some(EndReason::AccountDisabled)
        );
        assert_eq!(end(RULES, NOW, NOW + RULES.longest), NOW + RULES.idle);
        assert_eq!(end(RULES, NOW, NOW + Duration::DAY), NOW + Duration::DAY);
        assert_eq!(life(RULES, NOW + RULES.longest, NOW), RULES.idle);
        assert_eq!(life(RULES, NOW + Duration::days(2), NOW), Duration::days(2));
    }

    #[test]
    fn what_ended_by_itself_leaves_first_and_then_the_least_recently_used_as_many_as_are_in_the_way() {
        let held = |name: &str, used: i64, ends_at: Timestamp| {
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
        let leave = |held: &[SlotToken], slots: i64| {
            let ending = ending(held.to_vec(), DeviceRules { slots, ..RULES }, NOW);
            ending.into_iter().map(|(one, over)| (one.token_id, over)).collect::<Vec<_>>()
        };
        let live = [held("b", 2, later), held("c", 3, later), held("a", 1, later), held("z", 3, later)];
        assert_eq!(leave(&live, 5), []);
        assert_eq!(leave(&live, 4), [("c".into(), EndReason::Replaced)]);
        let several =
            [("c".into(), EndReason::Replaced), ("z".into(), EndReason::Replaced), ("b".into(), EndReason::Replaced)];
        assert_eq!(leave(&live, 2), several);
        assert_eq!(leave(&live, 0).len(), 4);
        let ended = [held("longest", 0, NOW), held("idle", 30, later)];
        let gone = [("longest".into(), EndReason::Longest), ("idle".into(), EndReason::Idle)];
        assert_eq!(leave(&[&ended[..], &live].concat(), 5), gone, "whatever was used least recently stays");
        assert_eq!(leave(&[&live[..], &ended].concat(), 4)[2], ("c".into(), EndReason::Replaced));
    }
}
