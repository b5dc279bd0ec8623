//! Registry scopes: the grammar of what is asked.

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

impl Scope {
    /// Whether an action is asked for, by its name or by `*`, which means all that one may.
    pub fn asks(&self, action: &str) -> bool {
        self.actions.iter().any(|asked| asked == action || asked == "*")
    }
}

/// So many resources of one request are read. Clients ask for three at most, and each is compared with those before.
const MOST: usize = 300;

/// Reads every way of sending scopes: none, empty, one, several parameters, several in one separated by spaces.
/// Whatever is not a scope is passed over, as is right for an asked-for right that nobody holds. The same resource
/// named twice becomes one entry.
///
/// Distribution's grammar: `type[(class)]:name:action[,action…]`. The type ends at the first colon, the actions begin
/// after the last.
pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    for scope in values.into_iter().flat_map(str::split_whitespace).filter_map(parse_one) {
        let has_room = scopes.len() < MOST;
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
        fn nothing_panics(texts in prop::collection::vec("\\PC{0,40}", 0..5)) {
            for scope in parse(texts.iter().map(String::as_str)) {
                prop_assert!(!scope.kind.is_empty() && !scope.name.is_empty());
            }
        }
    }
}
