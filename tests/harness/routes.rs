//! The routes of the pages and endpoints, read from the sources.

use std::collections::BTreeSet;

use super::files;

/// All routes in the sources, by method and path.
pub fn routes() -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for (file, text) in files("src", ".rs") {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for part in code.split(".route(").skip(1) {
            let quoted = part.trim_start().strip_prefix('"').unwrap_or_else(|| panic!("{file}: a path in quotes"));
            let (path, rest) = quoted.split_once('"').unwrap();
            let mut depth = 1;
            let end = rest.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            let handlers = &rest[..end.unwrap()];
            let has = |verb: &str| {
                let call = format!("{verb}(");
                let mut calls = handlers.match_indices(&call).map(|(at, _)| &handlers[..at]);
                calls.any(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            let verbs = ["get", "post", "put", "patch", "delete"].into_iter().filter(|verb| has(verb) || has("any"));
            let found: Vec<_> = verbs.map(|verb| (verb.to_uppercase(), path.to_owned())).collect();
            assert!(!found.is_empty(), "{file}: no method for {path}");
            routes.extend(found);
        }
    }
    routes
}
