//! The session of a device that signed in: how long it lasts, and why it gives no more.

use time::Duration;

use super::{moment::Moment, token::Description};

/// Two refreshes at once both succeed: the secret that the first one gave works for this long after the second.
pub const OVERLAP: Duration = Duration::MINUTE;

/// What the operator allows devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Auto-generated tokens that an account keeps.
    pub slots: i64,
    /// A session that is not used for this long is over.
    pub idle: Duration,
    /// And in any case after this long.
    pub longest: Duration,
}

/// A device's session: its token, and how long ago anyone used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The owner's switch.
    pub is_active: bool,
    /// Whether the owner's account is enabled.
    pub account_is_enabled: bool,
    /// The last use or refresh; the creation where there was none.
    pub last_at: Moment,
    /// When the token ends in any case.
    pub ends_at: Moment,
}

/// Why a session gives no new secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
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

impl Over {
    /// The name in the database of a reason that the server itself had; `None` for all others.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Over::Replaced => Some("replaced"),
            Over::SignedOut => Some("signed-out"),
            Over::Idle => Some("idle"),
            Over::Longest => Some("longest"),
            _ => None,
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        [Over::Replaced, Over::SignedOut, Over::Idle, Over::Longest]
            .into_iter()
            .find(|over| over.as_str() == Some(text))
    }
}

impl Session {
    /// Why it gives no new secret now, if it does not.
    pub fn over(self, rules: Rules, now: Moment) -> Option<Over> {
        if let Some(over) = ended(rules, self.last_at, self.ends_at, now) {
            Some(over)
        } else if !self.account_is_enabled {
            Some(Over::AccountDisabled)
        } else {
            (!self.is_active).then_some(Over::Deactivated)
        }
    }
}

/// When a session ends that nobody uses after `last_at`, and whose token ends at `ends_at` in any case.
pub fn end(rules: Rules, last_at: Moment, ends_at: Moment) -> Moment {
    ends_at.min(last_at + rules.idle)
}

/// Whether such a session ended by itself until now, and why.
fn ended(rules: Rules, last_at: Moment, ends_at: Moment, now: Moment) -> Option<Over> {
    let why = if ends_at <= now { Over::Longest } else { Over::Idle };
    (end(rules, last_at, ends_at) <= now).then_some(why)
}

/// A device's token that holds a slot.
#[derive(Debug, Clone)]
pub struct Held {
    /// The token.
    pub token_id: String,
    /// What it is called.
    pub description: Description,
    /// When it was made.
    pub created_at: Moment,
    /// The last use; the creation where there was none.
    pub used_at: Moment,
    /// The last use or refresh of its session.
    pub last_at: Moment,
    /// When it ends in any case.
    pub ends_at: Moment,
}

/// What leaves when one more comes, and why: all whose sessions ended by themselves; of the others as many as are in
/// the way, the one least recently used first.
pub fn leaving(held: Vec<Held>, rules: Rules, now: Moment) -> Vec<(Held, Over)> {
    let (mut live, mut leaving) = (Vec::new(), Vec::new());
    for one in held {
        match ended(rules, one.last_at, one.ends_at, now) {
            Some(over) => leaving.push((one, over)),
            None => live.push(one),
        }
    }
    live.sort_by(|a, b| (a.used_at, a.created_at, &a.token_id).cmp(&(b.used_at, b.created_at, &b.token_id)));
    let too_many = (live.len() as i64 + 1 - rules.slots).max(0) as usize;
    leaving.extend(live.into_iter().take(too_many).map(|one| (one, Over::Replaced)));
    leaving
}

/// How long a token that was used now lasts if it is never used again.
pub fn life(rules: Rules, ends_at: Moment, now: Moment) -> Duration {
    rules.idle.min(ends_at - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_seconds(1_000_000);
    const RULES: Rules = Rules { slots: 5, idle: Duration::days(30), longest: Duration::days(180) };

    #[test]
    fn a_session_is_over_unused_at_its_end_or_by_its_owners_will() {
        let good = Session { is_active: true, account_is_enabled: true, last_at: NOW, ends_at: NOW + RULES.longest };
        let later = |by: Duration| good.over(RULES, NOW + by);
        assert_eq!(later(RULES.idle - Duration::MILLISECOND), None);
        assert_eq!(later(RULES.idle), Some(Over::Idle));
        let used = Session { last_at: NOW + Duration::days(179), ..good };
        assert_eq!(used.over(RULES, NOW + RULES.longest), Some(Over::Longest));
        assert_eq!(Session { is_active: false, ..good }.over(RULES, NOW), Some(Over::Deactivated));
        assert_eq!(Session { account_is_enabled: false, ..good }.over(RULES, NOW), Some(Over::AccountDisabled));
        assert_eq!(end(RULES, NOW, NOW + RULES.longest), NOW + RULES.idle);
        assert_eq!(end(RULES, NOW, NOW + Duration::DAY), NOW + Duration::DAY);
        assert_eq!(life(RULES, NOW + RULES.longest, NOW), RULES.idle);
        assert_eq!(life(RULES, NOW + Duration::days(2), NOW), Duration::days(2));
    }

    #[test]
    fn what_ended_by_itself_leaves_first_and_then_the_least_recently_used_as_many_as_are_in_the_way() {
        let held = |name: &str, used: i64, ends_at: Moment| {
            let used_at = NOW - Duration::days(used);
            let (token_id, description) = (name.to_owned(), Description::parse(name).unwrap());
            Held { token_id, description, created_at: NOW - Duration::days(90), used_at, last_at: used_at, ends_at }
        };
        let later = NOW + Duration::DAY;
        let leave = |held: &[Held], slots: i64| {
            let leaving = leaving(held.to_vec(), Rules { slots, ..RULES }, NOW);
            leaving.into_iter().map(|(one, over)| (one.token_id, over)).collect::<Vec<_>>()
        };
        let live = [held("b", 2, later), held("c", 3, later), held("a", 1, later), held("z", 3, later)];
        assert_eq!(leave(&live, 5), []);
        assert_eq!(leave(&live, 4), [("c".into(), Over::Replaced)]);
        let several = [("c".into(), Over::Replaced), ("z".into(), Over::Replaced), ("b".into(), Over::Replaced)];
        assert_eq!(leave(&live, 2), several);
        assert_eq!(leave(&live, 0).len(), 4);
        let ended = [held("longest", 0, NOW), held("idle", 30, later)];
        let gone = [("longest".into(), Over::Longest), ("idle".into(), Over::Idle)];
        assert_eq!(leave(&[&ended[..], &live].concat(), 5), gone, "whatever was used least recently stays");
        assert_eq!(leave(&[&live[..], &ended].concat(), 4)[2], ("c".into(), Over::Replaced));
    }
}
