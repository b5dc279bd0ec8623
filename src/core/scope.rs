//! Registry scopes: the grammar of what is asked, and what is granted of it.

use super::level::{Action, Level};

/// One resource with the actions asked on it: `repository:alice/app:pull,push`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// `repository` or `registry`, without a class.
    pub kind: String,
    /// The resource's name; it may hold colons (a host with its port).
    pub name: String,
    /// As asked, `*` included; unknown words stay and are granted nothing.
    pub actions: Vec<String>,
}

/// What is granted on one resource: an entry of the JWT's `access` claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// As in the scope.
    pub kind: String,
    /// As in the scope.
    pub name: String,
    /// At least one.
    pub actions: Vec<Action>,
}

/// Reads every way of sending scopes: none, empty, one, several parameters, several in one separated by spaces.
/// Whatever is not a scope is passed over, as is right for an asked-for right that nobody holds. The same resource
/// named twice becomes one entry.
///
/// Distribution's grammar: `type[(class)]:name:action[,action…]`. The type ends at the first colon, the actions begin
/// after the last.
pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in values.into_iter().flat_map(str::split_whitespace).filter_map(parse_one) {
        match scopes.iter_mut().find(|known| known.kind == scope.kind && known.name == scope.name) {
            Some(known) => known.actions.extend(scope.actions),
            None => scopes.push(scope),
        }
    }
    scopes
}

fn parse_one(text: &str) -> Option<Scope> {
    let (kind, rest) = text.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let kind = kind.split('(').next().unwrap_or_default();
    if kind.is_empty() || name.is_empty() {
        return None;
    }
    let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect();
    Some(Scope { kind: kind.to_owned(), name: name.to_owned(), actions })
}

/// Who asks, once authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The account's name; its repositories are `username/…`.
    pub username: &'a str,
    /// The token's level; a password holds the highest.
    pub level: Level,
}

/// The intersection of what is asked and what the holder may do. A resource on which nothing is left is left out:
/// lacking rights are no error (distribution's token specification), and one refused repository never fails the
/// others of the same request.
pub fn grant(asked: &[Scope], holder: Option<Holder<'_>>) -> Vec<Grant> {
    let Some(holder) = holder else { return Vec::new() };
    asked.iter().filter_map(|scope| grant_one(scope, holder)).collect()
}

fn grant_one(scope: &Scope, holder: Holder<'_>) -> Option<Grant> {
    if scope.kind != "repository" || !is_own(&scope.name, holder.username) {
        return None;
    }
    let asks = |word: &str| scope.actions.iter().any(|action| action == word || action == "*");
    let wanted = |action: &Action| match action {
        // An upload needs both, so push is never granted alone.
        Action::Pull => asks("pull") || asks("push"),
        other => asks(other.as_str()),
    };
    let actions: Vec<Action> = holder.level.on_own().iter().copied().filter(wanted).collect();
    (!actions.is_empty()).then(|| Grant { kind: scope.kind.clone(), name: scope.name.clone(), actions })
}

/// `alice/app` and `alice/team/app` are alice's; `alice` and `alicetoo/app` are not. Nor is `alice/../bob/app`, which
/// no registry has but something on the way to one might resolve: path components begin and end with a letter or digit
/// (distribution's reference grammar).
fn is_own(repository: &str, username: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_component = |part: &str| {
        part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || "._-".contains(c))
    };
    let rest = repository.strip_prefix(username).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| rest.split('/').all(is_component))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn granted(scope: &str, level: Level) -> Vec<String> {
        grant(&parse([scope]), Some(Holder { username: "alice", level }))
            .into_iter()
            .map(|grant| {
                let actions: Vec<&str> = grant.actions.iter().map(|action| action.as_str()).collect();
                format!("{}:{}:{}", grant.kind, grant.name, actions.join(","))
            })
            .collect()
    }

    #[test]
    fn levels_decide_on_the_accounts_own_repositories() {
        use Level::*;
        let asked = "repository:alice/app:pull,push,delete";
        assert_eq!(granted(asked, PublicRead), [""; 0]);
        assert_eq!(granted(asked, Read), ["repository:alice/app:pull"]);
        assert_eq!(granted(asked, Write), ["repository:alice/app:pull,push"]);
        assert_eq!(granted(asked, Admin), ["repository:alice/app:pull,push,delete"]);
    }

    #[test]
    fn a_star_means_all_that_the_holder_may() {
        assert_eq!(granted("repository:alice/app:*", Level::Read), ["repository:alice/app:pull"]);
        assert_eq!(granted("repository:alice/app:*", Level::Admin), ["repository:alice/app:pull,push,delete"]);
    }

    #[test]
    fn push_comes_with_pull() {
        assert_eq!(granted("repository:alice/app:push", Level::Write), ["repository:alice/app:pull,push"]);
        assert_eq!(granted("repository:alice/app:push", Level::Read), ["repository:alice/app:pull"]);
    }

    #[test]
    fn other_namespaces_and_resources_are_closed() {
        for scope in [
            "repository:bob/app:pull",
            "repository:alicetoo/app:pull",
            "repository:alice:pull",
            "repository:alice/:pull",
            "repository:alice//app:pull",
            "repository:alice/../bob/app:pull",
            "repository:alice/app/..:pull",
            "repository:alice/%2e%2e/bob/app:pull",
            "repository:alice/APP:pull",
            "repository:127.0.0.1:5000/alice/app:pull",
            "registry:catalog:*",
            "repository:alice/app:",
            "repository:alice/app:PULL",
        ] {
            assert_eq!(granted(scope, Level::Admin), [""; 0], "{scope}");
        }
    }

    #[test]
    fn every_way_of_sending_scopes_is_read() {
        let merged = parse(["repository:a/b:pull repository:a/b:pull,push", "", "repository(plugin):c/d:pull"]);
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].actions, ["pull", "pull", "push"]);
        assert_eq!((merged[1].kind.as_str(), merged[1].name.as_str()), ("repository", "c/d"));
        let with_port = parse(["repository:host:5000/a/b:push,pull"]);
        assert_eq!(with_port[0].name, "host:5000/a/b");
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_is_granted_that_is_not_held(
            texts in prop::collection::vec("(repository|registry)?:?[a-z/:()*, ]{0,24}:?(pull|push|delete|\\*|,){0,4}", 0..5),
            level in prop::sample::select(&Level::ALL[..]),
        ) {
            let asked = parse(texts.iter().map(String::as_str));
            for entry in grant(&asked, Some(Holder { username: "alice", level })) {
                prop_assert!(entry.name.starts_with("alice/"));
                prop_assert!(entry.actions.iter().all(|action| level.on_own().contains(action)));
            }
            prop_assert!(grant(&asked, None).is_empty());
        }
    }
}
