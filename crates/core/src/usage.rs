//! Uses of tokens and repositories: what was asked of the token endpoint, and what registries say was transferred.

use time::Duration;

use crate::activity::ClientInfo;
use crate::grants::GrantedScope;
use crate::named::named_enum;
use crate::scope::Scope;
use crate::timestamp::Timestamp;

/// A registry accepts a registry token for this long: five minutes, and a minute of leeway.
const REGISTRY_TOKEN_LIFE: Duration = Duration::minutes(6);
/// How far a registry's clock may lag ours when a transfer is matched to its request.
const CLOCK_SKEW: Duration = Duration::seconds(10);

named_enum! {
    /// What a token was used for.
    enum UseAction {
        Login = "login",
        Pull = "pull",
        Push = "push",
        Delete = "delete",
        Catalog = "catalog",
    }
}

/// The days in the chart of a token.
pub const CHART_DAYS: i64 = 90;

/// The requests of each kind that were made with a token on one day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCounts {
    pub pulls: i64,
    pub pushes: i64,
    pub deletes: i64,
    pub refusals: i64,
}

impl DayCounts {
    /// A day with `times` equal requests. Logins and lists of all repositories are not counted.
    pub const fn of(action: UseAction, times: i64) -> Self {
        let none = Self { pulls: 0, pushes: 0, deletes: 0, refusals: 0 };
        match action {
            UseAction::Pull => Self { pulls: times, ..none },
            UseAction::Push => Self { pushes: times, ..none },
            UseAction::Delete => Self { deletes: times, ..none },
            UseAction::Login | UseAction::Catalog => none,
        }
    }

    pub const fn and(&mut self, other: Self) {
        self.pulls += other.pulls;
        self.pushes += other.pushes;
        self.deletes += other.deletes;
        self.refusals += other.refusals;
    }

    pub const fn sum(self) -> i64 {
        self.pulls + self.pushes + self.deletes + self.refusals
    }
}

/// A granted request, or a transfer that a registry notified.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenUse {
    pub action: UseAction,
    /// On which repository; empty for a login and for the list of all repositories.
    pub repository: String,
    /// The tag or digest that was transferred; empty for a request.
    pub reference: String,
    /// The digest of what was transferred; empty for a request and for the deletion of a tag.
    pub digest: String,
    pub origin: ClientInfo,
}

impl TokenUse {
    pub fn is_transfer(&self) -> bool {
        !self.reference.is_empty()
    }

    /// Whether this request, granted at these times, allows a transfer at those.
    fn allows(&self, granted: Occurrences, transfer: &TokenUse, transferred: Occurrences) -> bool {
        let is_enough = match transfer.action {
            UseAction::Pull => matches!(self.action, UseAction::Pull | UseAction::Push | UseAction::Delete),
            UseAction::Push => matches!(self.action, UseAction::Push | UseAction::Delete),
            other => self.action == other,
        };
        is_enough && self.is_answered_by(granted, transfer, transferred)
    }

    fn is_answered_by(&self, granted: Occurrences, transfer: &TokenUse, transferred: Occurrences) -> bool {
        self.repository == transfer.repository
            && granted.first_at <= transferred.last_at + CLOCK_SKEW
            && transferred.first_at < granted.last_at + REGISTRY_TOKEN_LIFE
    }
}

/// The times between which a request must have been granted to allow a transfer at this time.
pub fn request_window(transferred_at: Timestamp) -> (Timestamp, Timestamp) {
    (transferred_at - REGISTRY_TOKEN_LIFE, transferred_at + CLOCK_SKEW)
}

/// The address of the latest request that allows a transfer, from a token's uses, newest first. A notification names an
/// address too, but clients can forge that one.
pub fn address_of_request<'u>(
    transfer: &TokenUse,
    transferred: Occurrences,
    uses: &'u [(TokenUse, Occurrences)],
) -> Option<&'u str> {
    let allows = |(request, granted): &&(TokenUse, Occurrences)| {
        !request.is_transfer() && request.allows(*granted, transfer, transferred)
    };
    let mut requests = uses.iter().filter(allows);
    // A request after the transfer is the right one only where the registry's clock lags.
    let before = requests.clone().find(|(_, granted)| granted.first_at <= transferred.last_at);
    before.or_else(|| requests.next()).map(|(request, _)| request.origin.address.as_str())
}

/// What a token's page shows of its uses, newest first: each transfer once, and the requests that no transfer of the same
/// action answered. A transfer that was written before its request gets the request's address here.
pub fn without_answered_requests(uses: &[(TokenUse, Occurrences)]) -> Vec<(TokenUse, Occurrences)> {
    let transfers: Vec<_> = uses.iter().filter(|(what, _)| what.is_transfer()).collect();
    let is_answered = |request: &TokenUse, granted: Occurrences| {
        let answers = |transfer: &TokenUse, at| {
            transfer.action == request.action && request.is_answered_by(granted, transfer, at)
        };
        transfers.iter().any(|(transfer, at)| answers(transfer, *at))
    };
    let mut shown = Vec::with_capacity(uses.len());
    for (what, span) in uses {
        let mut what = what.clone();
        if !what.is_transfer() && is_answered(&what, *span) {
            continue;
        }
        if what.is_transfer() && what.origin.address.is_empty() {
            what.origin.address = address_of_request(&what, *span, uses).unwrap_or_default().to_owned();
        }
        shown.push((what, *span));
    }
    shown
}

/// The direction of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageDirection {
    Push,
    Pull,
}

impl ImageDirection {
    /// The direction of an action; `None` for one that transfers no image.
    pub const fn of(action: UseAction) -> Option<Self> {
        match action {
            UseAction::Push => Some(ImageDirection::Push),
            UseAction::Pull => Some(ImageDirection::Pull),
            UseAction::Login | UseAction::Delete | UseAction::Catalog => None,
        }
    }
}

/// Who pushed or pulled a repository last, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    pub at: Timestamp,
    /// The account; `None` for an anonymous client.
    pub account_id: Option<String>,
    pub by: UsedWith,
}

impl LastUse {
    pub fn or_later(&mut self, other: Self) {
        if other.at >= self.at {
            *self = other;
        }
    }
}

/// The credentials that an account pushed or pulled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsedWith {
    Token {
        id: String,
        description: String,
    },
    Password,
    /// A token that is not known, or none.
    Unknown,
}

/// When something happened, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrences {
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub times: i64,
}

impl Occurrences {
    pub const fn once(at: Timestamp) -> Self {
        Self { first_at: at, last_at: at, times: 1 }
    }

    pub fn and(&mut self, other: Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.times += other.times;
    }
}

/// What a request for a registry token was for: one use for each resource that was granted. The strongest action that was
/// asked for counts: clients that push ask for pull too, and clients that delete ask for `*`. A request without a scope is
/// a login; a request that was granted nothing is no use.
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

    const AT: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn at(second: i64) -> Occurrences {
        Occurrences::once(AT + Duration::seconds(second))
    }

    fn one(action: UseAction, reference: &str, address: &str, second: i64) -> (TokenUse, Occurrences) {
        let origin = ClientInfo { address: address.to_owned(), client: String::new() };
        let (repository, reference) = ("alice/app".to_owned(), reference.to_owned());
        (TokenUse { action, repository, reference, digest: String::new(), origin }, at(second))
    }

    #[test]
    fn a_request_is_hidden_once_a_transfer_of_the_same_action_follows_within_six_minutes() {
        use UseAction::{Delete, Pull, Push};
        let request = one(Push, "", "10.0.0.1", 0);
        let is_hidden = |transfer: (TokenUse, Occurrences)| {
            !without_answered_requests(&[transfer, request.clone()]).contains(&request)
        };
        for (second, hidden) in [(-11, false), (-10, true), (0, true), (359, true), (360, false)] {
            assert_eq!(is_hidden(one(Push, "v1", "", second)), hidden, "{second}");
        }
        for other in [Pull, Delete] {
            assert!(!is_hidden(one(other, "v1", "", 1)), "{other:?}");
        }
        let (mut elsewhere, span) = one(Push, "v1", "", 1);
        elsewhere.repository = "alice/web".to_owned();
        assert!(!is_hidden((elsewhere, span)));
        assert!(!is_hidden(one(Push, "", "", 1)), "a request answers no request");
    }

    #[test]
    fn a_transfer_has_the_address_of_the_latest_request_that_allows_it() {
        use UseAction::{Catalog, Delete, Login, Pull, Push};
        for (granted, allows) in [
            (Pull, vec![Pull]),
            (Push, vec![Pull, Push]),
            (Delete, vec![Pull, Push, Delete]),
            (Login, vec![]),
            (Catalog, vec![]),
        ] {
            for action in [Pull, Push, Delete] {
                let uses = [one(granted, "", "10.0.0.1", 0)];
                let (transfer, span) = one(action, "v1", "", 1);
                let found = address_of_request(&transfer, span, &uses).is_some();
                assert_eq!(found, allows.contains(&action), "{granted:?} and {action:?}");
            }
        }
        let uses = [one(Push, "", "10.0.0.3", 90), one(Pull, "", "10.0.0.2", 5), one(Push, "", "10.0.0.1", 0)];
        let address = |action, second| {
            let (transfer, span) = one(action, "v1", "", second);
            address_of_request(&transfer, span, &uses).unwrap_or_default().to_owned()
        };
        assert_eq!((address(Push, 6).as_str(), address(Pull, 6).as_str()), ("10.0.0.1", "10.0.0.2"));
        assert_eq!((address(Push, 100).as_str(), address(Push, 450).as_str()), ("10.0.0.3", ""));
        let shown = without_answered_requests(&[one(Push, "v1", "", 6), one(Push, "", "10.0.0.1", 0)]);
        assert_eq!(shown, [one(Push, "v1", "10.0.0.1", 6)]);
    }
}
