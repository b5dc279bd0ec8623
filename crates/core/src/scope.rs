//! The scopes that registry clients ask for.

use crate::access_level::RepositoryAction;

/// A resource and the actions that are asked for on it, such as `repository:alice/app:pull,push`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The type without its class: `repository` or `registry`.
    pub kind: String,
    /// The resource's name. It may contain colons (a host with a port).
    pub name: String,
    pub actions: Vec<String>,
}

impl Scope {
    /// Whether the action is asked for by its name.
    pub fn names(&self, action: RepositoryAction) -> bool {
        self.actions.iter().any(|asked| asked == action.as_str())
    }

    /// Whether the action is asked for, by its name or by `*`.
    pub fn asks(&self, action: &str) -> bool {
        self.actions.iter().any(|asked| asked == action || asked == "*")
    }
}

/// How many resources of one request are read. Clients ask for at most three, and each is compared with all before it.
const MAX_SCOPES: usize = 300;

/// Reads the values of all `scope` parameters, each with any number of scopes separated by spaces.
///
/// Invalid scopes are ignored: nothing is granted for them. Scopes for the same resource become one entry.
///
/// Distribution's grammar is `type[(class)]:name:action[,action…]`. The type ends at the first colon, and the actions
/// begin after the last.
pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in values.into_iter().flat_map(str::split_whitespace).filter_map(parse_one) {
        let has_room = scopes.len() < MAX_SCOPES;
        match scopes.iter_mut().find(|known| known.kind == scope.kind && known.name == scope.name) {
            Some(known) => known.actions.extend(scope.actions),
            None if has_room => scopes.push(scope),
            None => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scopes_are_read_and_merged() {
        let merged = parse(["repository:a/b:pull repository:a/b:pull,push", "", "repository(plugin):c/d:pull"]);
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].actions, ["pull", "pull", "push"]);
        assert_eq!((merged[1].kind.as_str(), merged[1].name.as_str()), ("repository", "c/d"));
        let with_port = parse(["repository:host:5000/a/b:push,pull"]);
        assert_eq!(with_port[0].name, "host:5000/a/b");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(texts in prop::collection::vec("\\PC{0,40}", 0..5)) {
            for scope in parse(texts.iter().map(String::as_str)) {
                prop_assert!(!scope.kind.is_empty() && !scope.name.is_empty());
            }
        }
    }
}
