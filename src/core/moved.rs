//! What a registry tells it moved, and what the account had been granted for it.
//!
//! A notification names the account and not the token: distribution forwards of a registry token its `sub` alone. Which
//! token it was follows from the token requests. Where that is not certain enough, the token stays unknown, for a wrong
//! one would be read as the truth.

use time::Duration;

use super::{moment::Moment, usage::UseAction};

/// So far a registry's clock may be behind the server's. Of a registry that is further behind the tokens stay unknown.
const SKEW: Duration = Duration::seconds(10);

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which way.
    pub action: UseAction,
    /// When, by the registry's clock.
    pub at: Moment,
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
    pub first_at: Moment,
    /// The last time.
    pub last_at: Moment,
    /// By whom.
    pub to: Holder,
}

/// Whom something was granted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A token, asking with this program.
    Token {
        /// As a `User-Agent` is kept.
        client: String,
    },
    /// The account's password. With which program is not kept.
    Password,
}

impl Moved {
    /// From when to when it must have been granted. A registry takes a token for `life`.
    pub fn window(&self, life: Duration) -> (Moment, Moment) {
        (self.at - life, self.at + SKEW)
    }

    /// Which of these grants to one account on one repository it was moved with, where that is a token's.
    pub fn granted_by(&self, grants: &[Granted], life: Duration) -> Option<usize> {
        let all = grants.iter().enumerate().filter(|(_, granted)| self.can_be(granted, life));
        let (passwords, tokens): (Vec<_>, Vec<_>) = all.partition(|(_, granted)| granted.to == Holder::Password);
        let likeness = |granted: &Granted| (self.is_same_program(granted), self.at_the_latest(granted, false));
        let (at, token) = tokens.into_iter().max_by_key(|(_, granted)| likeness(granted))?;
        let is_later_than = |password: &Granted| {
            self.at_the_latest(token, false) > self.at_the_latest(password, true) && self.is_same_program(token)
        };
        passwords.into_iter().all(|(_, password)| is_later_than(password)).then_some(at)
    }

    fn can_be(&self, granted: &Granted, life: Duration) -> bool {
        let (since, until) = self.window(life);
        allows(granted.action, self.action) && granted.first_at <= until && granted.last_at > since
    }

    fn is_same_program(&self, granted: &Granted) -> bool {
        matches!(&granted.to, Holder::Token { client } if *client == self.client)
    }

    /// When it was granted last before this was moved, as far as that is known, or as late as it can have been. What had
    /// begun by then comes after all that only a slow clock explains.
    fn at_the_latest(&self, granted: &Granted, as_can_be: bool) -> (bool, Moment) {
        let has_begun = granted.first_at <= self.at;
        let last = if granted.last_at <= self.at { granted.last_at } else { granted.first_at };
        (has_begun, if has_begun && as_can_be { granted.last_at.min(self.at) } else { last })
    }
}

/// Push is granted with pull, and whoever deletes asks for everything.
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

    const AT: Moment = Moment::from_seconds(1_795_435_200);
    const LIFE: Duration = Duration::seconds(360);

    fn moved(action: UseAction) -> Moved {
        Moved { action, at: AT, client: "skopeo/1.9.3".to_owned() }
    }

    /// Granted from so many seconds before to so many after.
    fn between(action: UseAction, client: &str, from: i64, to: i64) -> Granted {
        let at = |seconds| AT + Duration::seconds(seconds);
        Granted { action, first_at: at(from), last_at: at(to), to: Holder::Token { client: client.to_owned() } }
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
        moved(action).granted_by(grants, LIFE)
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
