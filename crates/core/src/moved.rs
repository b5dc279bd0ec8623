//! What a registry tells it moved, and what the account had been granted for it.
//!
//! A notification names the account and not the token: distribution forwards of a registry token its `sub` alone. Which
//! token most likely moved it follows from the token requests: of those that were granted it the one that asked with the
//! same program, and last. Where another is as likely, or it may have been the password, the token stays unknown. A
//! client that keeps a registry token while another token asks is taken for the other.

use time::Duration;

use crate::{timestamp::Timestamp, usage::UseAction};

/// So far a registry's clock may be behind the server's. Of a registry that is further behind the tokens stay unknown.
const SKEW: Duration = Duration::seconds(10);

/// Of two tokens that were granted the same within this time either may have been used.
const AT_ONCE: Duration = Duration::SECOND;

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which way.
    pub action: UseAction,
    /// When, by the registry's clock.
    pub at: Timestamp,
    /// With which program, as a `User-Agent` is kept.
    pub client: String,
}

/// A registry's notification of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The registry's own id, the same however often it is sent.
    pub id: String,
    /// What was done, and when, which is not after it was received.
    pub moved: Moved,
    /// With which repository.
    pub repository: String,
    /// The tag, or the digest.
    pub what: String,
    /// The account's name; empty for nobody.
    pub actor: String,
}

/// What a token or a password was granted on the repository, once or several times within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The strongest that was asked for and granted.
    pub action: UseAction,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
    /// By whom.
    pub to: Holder,
}

/// Whom something was granted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A token, asking with this program.
    Token {
        /// The token's id.
        id: String,
        /// As a `User-Agent` is kept.
        client: String,
    },
    /// The account's password. With which program is not kept.
    Password,
}

/// With what something was most likely moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likely {
    /// The token of this grant, by its place among them.
    Token(usize),
    /// The password: no token was granted it.
    Password,
    /// Nobody can tell.
    Unknown,
}

impl Moved {
    /// From when to when it must have been granted. A registry takes a token for `life`.
    pub fn window(&self, life: Duration) -> (Timestamp, Timestamp) {
        (self.at - life, self.at + SKEW)
    }

    /// Which of these grants to one account on one repository it was most likely moved with.
    pub fn granted_by(&self, grants: &[Granted], life: Duration) -> Likely {
        let all = grants.iter().enumerate().filter(|(_, granted)| self.can_be(granted, life));
        let (passwords, tokens): (Vec<_>, Vec<_>) = all.partition(|(_, granted)| granted.to == Holder::Password);
        let likeness = |granted: &Granted| (self.is_same_program(granted), self.at_the_latest(granted, false));
        let Some((at, token)) = tokens.iter().copied().max_by_key(|(_, granted)| likeness(granted)) else {
            return if passwords.is_empty() { Likely::Unknown } else { Likely::Password };
        };
        let is_another_as_likely =
            tokens.iter().any(|(_, other)| other.is_anothers(token) && self.is_as_likely(other, token));
        let is_later_than = |password: &Granted| {
            self.at_the_latest(token, false) > self.at_the_latest(password, true) && self.is_same_program(token)
        };
        let is_sure = !is_another_as_likely && passwords.into_iter().all(|(_, password)| is_later_than(password));
        if is_sure { Likely::Token(at) } else { Likely::Unknown }
    }

    /// Whether a token may have moved it as well as the likeliest.
    fn is_as_likely(&self, other: &Granted, likeliest: &Granted) -> bool {
        let (has_begun, last) = self.at_the_latest(likeliest, false);
        let (other_has_begun, others_last) = self.at_the_latest(other, false);
        self.is_same_program(other) == self.is_same_program(likeliest)
            && other_has_begun == has_begun
            && others_last + AT_ONCE >= last
    }

    fn can_be(&self, granted: &Granted, life: Duration) -> bool {
        let (since, until) = self.window(life);
        allows(granted.action, self.action) && granted.first_at <= until && granted.last_at > since
    }

    fn is_same_program(&self, granted: &Granted) -> bool {
        matches!(&granted.to, Holder::Token { client, .. } if *client == self.client)
    }

    /// When it was granted last before this was moved, as far as that is known, or as late as it can have been. What had
    /// begun by then comes after all that only a slow clock explains.
    fn at_the_latest(&self, granted: &Granted, as_can_be: bool) -> (bool, Timestamp) {
        let has_begun = granted.first_at <= self.at;
        let last = if granted.last_at <= self.at { granted.last_at } else { granted.first_at };
        (has_begun, if has_begun && as_can_be { granted.last_at.min(self.at) } else { last })
    }
}

impl Granted {
    fn is_anothers(&self, token: &Self) -> bool {
        matches!((&self.to, &token.to), (Holder::Token { id, .. }, Holder::Token { id: other, .. }) if id != other)
    }
}

/// Push is granted with pull, and whoever is granted delete asked for everything. Who asked for everything with a token
/// that may not delete only reads with it, as far as clients are known: `usage::of_request` counts a pull, and a push
/// with that is nobody's.
const fn allows(granted: UseAction, moved: UseAction) -> bool {
    match moved {
        UseAction::Pull => matches!(granted, UseAction::Pull | UseAction::Push | UseAction::Delete),
        UseAction::Push => matches!(granted, UseAction::Push | UseAction::Delete),
        UseAction::Delete => matches!(granted, UseAction::Delete),
        UseAction::Login | UseAction::Catalog => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_795_435_200);
    const LIFE: Duration = Duration::seconds(360);

    fn moved(action: UseAction) -> Moved {
        Moved { action, at: AT, client: "skopeo/1.9.3".to_owned() }
    }

    /// Granted to a token of its own, from so many seconds before to so many after.
    fn between(action: UseAction, client: &str, from: i64, to_seconds: i64) -> Granted {
        let at = |seconds| AT + Duration::seconds(seconds);
        let to = Holder::Token { id: format!("{client} {from}"), client: client.to_owned() };
        Granted { action, first_at: at(from), last_at: at(to_seconds), to }
    }

    fn skopeo(action: UseAction, seconds: i64) -> Granted {
        between(action, "skopeo/1.9.3", seconds, seconds)
    }

    fn docker(action: UseAction, seconds: i64) -> Granted {
        between(action, "Docker-Client/28.2.2 (linux)", seconds, seconds)
    }

    fn password(action: UseAction, seconds: i64) -> Granted {
        Granted { to: Holder::Password, ..skopeo(action, seconds) }
    }

    fn found(action: UseAction, grants: &[Granted]) -> Option<usize> {
        match moved(action).granted_by(grants, LIFE) {
            Likely::Token(at) => Some(at),
            Likely::Password | Likely::Unknown => None,
        }
    }

    #[test]
    fn what_was_granted_less_moved_nothing() {
        use UseAction::{Catalog, Delete, Login, Pull, Push};
        for (granted, moves) in [
            (Pull, vec![Pull]),
            (Push, vec![Pull, Push]),
            (Delete, vec![Pull, Push, Delete]),
            (Login, vec![]),
            (Catalog, vec![]),
        ] {
            for action in [Pull, Push, Delete, Login, Catalog] {
                let is_found = found(action, &[skopeo(granted, -1)]).is_some();
                assert_eq!(is_found, moves.contains(&action), "{granted:?} and {action:?}");
            }
        }
        let reader_came_last = [skopeo(Push, -60), skopeo(Pull, -1)];
        assert_eq!(found(Push, &reader_came_last), Some(0));
        assert_eq!(found(Pull, &reader_came_last), Some(1));
    }

    #[test]
    fn it_was_granted_before_and_while_a_registry_token_lives() {
        use UseAction::Push;
        for (seconds, is_found) in [(-360, false), (-359, true), (0, true), (10, true), (11, false)] {
            assert_eq!(found(Push, &[skopeo(Push, seconds)]).is_some(), is_found, "{seconds}");
        }
        assert_eq!(found(Push, &[skopeo(Push, -300), skopeo(Push, 1)]), Some(0), "what came later is no cause");
        let a_minute_of_one = between(Push, "skopeo/1.9.3", -30, 25);
        assert_eq!(found(Push, &[a_minute_of_one.clone(), skopeo(Push, -90)]), Some(0));
        assert_eq!(found(Push, &[skopeo(Push, -3), a_minute_of_one.clone()]), Some(0), "of the other that is not sure");
        assert_eq!(found(Push, &[a_minute_of_one, between(Push, "skopeo/1.9.3", -3, 5)]), Some(1));
    }

    #[test]
    fn the_same_program_goes_before_the_latest() {
        use UseAction::Push;
        assert_eq!(found(Push, &[skopeo(Push, -200), docker(Push, -1)]), Some(0));
        assert_eq!(found(Push, &[docker(Push, -200), docker(Push, -1)]), Some(1), "none is the same");
        assert_eq!(found(Push, &[]), None);
    }

    #[test]
    fn of_two_tokens_that_are_as_likely_it_was_neither() {
        use UseAction::{Pull, Push};
        let of_one = |seconds| Granted { to: skopeo(Push, -5).to, ..skopeo(Push, seconds) };
        let cases: [(&[Granted], Option<usize>); 8] = [
            (&[skopeo(Push, -6), skopeo(Push, -5)], None),
            (&[skopeo(Push, -5), skopeo(Push, -6)], None),
            (&[skopeo(Push, -7), skopeo(Push, -5)], Some(1)),
            (&[of_one(-6), of_one(-5)], Some(1)),
            (&[skopeo(Push, -6), of_one(-8), of_one(-5)], None),
            (&[skopeo(Push, -5), docker(Push, -5)], Some(0)),
            (&[docker(Push, -6), docker(Push, -5)], None),
            (&[skopeo(Push, -5), skopeo(Pull, -5)], Some(0)),
        ];
        for (grants, expected) in cases {
            assert_eq!(found(Push, grants), expected, "{grants:?}");
        }
    }

    #[test]
    fn what_no_token_was_granted_was_the_passwords() {
        use UseAction::{Pull, Push};
        let likely = |grants: &[Granted]| moved(Push).granted_by(grants, LIFE);
        assert_eq!(likely(&[]), Likely::Unknown);
        assert_eq!(likely(&[skopeo(Pull, -5), password(Push, -5)]), Likely::Password);
        assert_eq!(likely(&[skopeo(Push, -5), password(Push, -5)]), Likely::Unknown);
        assert_eq!(likely(&[password(Push, 11)]), Likely::Unknown);
    }

    #[test]
    fn what_may_have_been_the_password_is_no_tokens() {
        use UseAction::{Pull, Push};
        let over = |from, to| Granted { to: Holder::Password, ..between(Push, "", from, to) };
        let cases: [(&[Granted], Option<usize>); 10] = [
            (&[skopeo(Push, -20), password(Push, -10)], None),
            (&[skopeo(Push, -10), password(Push, -20)], Some(0)),
            (&[docker(Push, -10), password(Push, -20)], None),
            (&[skopeo(Push, -10), password(Push, 5)], Some(0)),
            (&[skopeo(Push, 5), password(Push, -10)], None),
            (&[docker(Push, -10), password(Pull, -5)], Some(0)),
            (&[password(Push, -5)], None),
            (&[skopeo(Push, -10), password(Push, -20), password(Push, -5)], None),
            (&[skopeo(Push, -10), over(-20, 5)], None),
            (&[between(Push, "skopeo/1.9.3", -20, 5), password(Push, -10)], None),
        ];
        for (grants, expected) in cases {
            assert_eq!(found(Push, grants), expected, "{grants:?}");
        }
    }
}
