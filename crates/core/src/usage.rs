//! Uses of tokens: what was asked with one, as its owner reads it.

use crate::{activity::ClientInfo, grants::GrantedScope, scope::Scope, timestamp::Timestamp};

/// What a token was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UseAction {
    /// A login: nothing was asked but whether it works.
    Login,
    /// Access to pull.
    Pull,
    /// Access to push.
    Push,
    /// Access to delete.
    Delete,
    /// The list of all repositories.
    Catalog,
}

impl UseAction {
    const ALL: [UseAction; 5] =
        [UseAction::Login, UseAction::Pull, UseAction::Push, UseAction::Delete, UseAction::Catalog];

    /// The name in the database and in the locale files.
    pub const fn as_str(self) -> &'static str {
        match self {
            UseAction::Login => "login",
            UseAction::Pull => "pull",
            UseAction::Push => "push",
            UseAction::Delete => "delete",
            UseAction::Catalog => "catalog",
        }
    }

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// So many days the chart of a token shows.
pub const CHART_DAYS: i64 = 90;

/// What was asked with a token within a day, UTC's: requests of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// Pulls.
    pub pulls: i64,
    /// Pushes.
    pub pushes: i64,
    /// Deletes.
    pub deletes: i64,
    /// Refused requests.
    pub refusals: i64,
}

impl DayCounts {
    /// A day with so many equal requests; logins and lists move nothing and are not counted.
    pub const fn of(action: UseAction, times: i64) -> Self {
        let none = Self { pulls: 0, pushes: 0, deletes: 0, refusals: 0 };
        match action {
            UseAction::Pull => Self { pulls: times, ..none },
            UseAction::Push => Self { pushes: times, ..none },
            UseAction::Delete => Self { deletes: times, ..none },
            UseAction::Login | UseAction::Catalog => none,
        }
    }

    /// Both together.
    pub const fn and(&mut self, other: Self) {
        self.pulls += other.pulls;
        self.pushes += other.pushes;
        self.deletes += other.deletes;
        self.refusals += other.refusals;
    }

    /// All of them.
    pub const fn sum(self) -> i64 {
        self.pulls + self.pushes + self.deletes + self.refusals
    }
}

/// One use, or several equal ones within a minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenUse {
    /// What for.
    pub action: UseAction,
    /// On which repository; empty where there is none.
    pub repository: String,
    /// What was really moved, where the registry told: a tag, or a digest.
    pub moved: String,
    /// From where, and with which program.
    pub origin: ClientInfo,
}

/// When something happened that may have happened often: first, last, how many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrences {
    /// The first time.
    pub first_at: Timestamp,
    /// The last time.
    pub last_at: Timestamp,
    /// How often.
    pub times: i64,
}

impl Occurrences {
    /// Once.
    pub const fn once(at: Timestamp) -> Self {
        Self { first_at: at, last_at: at, times: 1 }
    }

    /// Both together.
    pub fn and(&mut self, other: Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.times += other.times;
    }
}

/// What a request for a registry token was for: one use for each resource that was granted. Of several actions the
/// strongest that was asked for counts: a push pulls too, and whoever deletes asks for `*`. A request that asked for
/// nothing is a login; one that asked and got nothing is no use.
pub fn of_request(asked: &[Scope], granted: &[GrantedScope]) -> Vec<(UseAction, String)> {
    if asked.is_empty() {
        return vec![(UseAction::Login, String::new())];
    }
    let scope_of =
        |grant: &GrantedScope| asked.iter().find(|scope| scope.kind == grant.kind && scope.name == grant.name);
    granted.iter().filter_map(|grant| Some(one_use(scope_of(grant)?, grant))).collect()
}

fn one_use(scope: &Scope, grant: &GrantedScope) -> (UseAction, String) {
    if grant.kind != "repository" {
        return (UseAction::Catalog, String::new());
    }
    let got = |action: &str| grant.actions.contains(&action);
    let action = if got("delete") && scope.asks("delete") {
        UseAction::Delete
    } else if got("push") && scope.actions.iter().any(|asked| asked == "push") {
        UseAction::Push
    } else {
        UseAction::Pull
    };
    (action, grant.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope;

    fn uses(asked: &str, granted: &[&'static str]) -> Vec<(UseAction, String)> {
        let asked = scope::parse([asked]);
        let grant = |scope: &Scope| GrantedScope {
            kind: scope.kind.clone(),
            name: scope.name.clone(),
            actions: granted.to_vec(),
        };
        let granted: Vec<GrantedScope> = asked.iter().map(grant).collect();
        of_request(&asked, &granted)
    }

    #[test]
    fn a_use_is_the_strongest_that_was_asked_and_granted() {
        let repository = "alice/app".to_owned();
        let cases: [(&str, &[&str], UseAction); 5] = [
            ("repository:alice/app:pull", &["pull"], UseAction::Pull),
            ("repository:alice/app:push,pull", &["pull", "push"], UseAction::Push),
            ("repository:alice/app:*", &["pull", "push", "delete"], UseAction::Delete),
            ("repository:alice/app:*", &["pull", "push"], UseAction::Pull),
            ("repository:alice/app:pull,push", &["pull"], UseAction::Pull),
        ];
        for (asked, granted, action) in cases {
            assert_eq!(uses(asked, granted), [(action, repository.clone())], "{asked}");
        }
        assert_eq!(uses("registry:catalog:*", &["*"]), [(UseAction::Catalog, String::new())]);
        assert_eq!(uses("", &[]), [(UseAction::Login, String::new())]);
        assert_eq!(of_request(&scope::parse(["repository:bob/app:pull"]), &[]), []);
    }
}
