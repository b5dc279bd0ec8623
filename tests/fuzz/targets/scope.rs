//! The `scope` parameters of a token request.

#![no_main]

use dockpass_core::scope::{self, Scope};
use libfuzzer_sys::fuzz_target;

fn text(scope: &Scope) -> String {
    format!("{}:{}:{}", scope.kind, scope.name, scope.actions.join(","))
}

fuzz_target!(|data: &[u8]| {
    let input = String::from_utf8_lossy(data);
    let scopes = scope::parse(input.split('&'));
    assert!(scopes.iter().all(|scope| !scope.kind.is_empty() && !scope.name.is_empty()));
    let resources = scopes.iter().map(|scope| (&scope.kind, &scope.name)).collect::<std::collections::HashSet<_>>();
    assert_eq!(resources.len(), scopes.len(), "each resource once");
    let written: Vec<String> = scopes.iter().map(text).collect();
    assert_eq!(scope::parse(written.iter().map(String::as_str)), scopes, "what is read can be written and read again");
});
