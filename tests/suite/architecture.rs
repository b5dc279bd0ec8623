//! Who may use whom: the table in `docs/architecture.md`, checked against the `use` lines.

use std::path::Path;

use crate::harness::files;

const FEATURES: [&str; 11] = [
    "activity",
    "accounts",
    "auth",
    "repositories",
    "setup_steps",
    "tokens",
    "settings",
    "admin",
    "devices",
    "registry",
    "doctor",
];
/// From here to the last but one, no feature uses another of these.
const FIRST_SIBLING: usize = 6;
const WEB_CRATES: [&str; 7] = ["axum", "axum_htmx", "askama", "askama_web", "tower", "tower_http", "tower_sessions"];
const LONGEST_FILE: usize = 400;

/// The paths of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let body = rest.rsplit_once('}').map_or(rest, |(body, _)| body);
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = body[start..at].trim();
                found.extend(paths(branch).into_iter().filter(|path| !path.is_empty()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.into_iter().map(|path| format!("{}{path}", head.trim())).collect()
}

/// What a file outside of its tests imports, `super` resolved to `crate`.
fn imports(file: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut module: Vec<&str> = file.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect();
    module.pop();
    let statements = code.split("\nuse ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(tree, _)| tree);
    let resolve = |path: String| match path.strip_prefix("super::") {
        Some(rest) => format!("crate::{}::{rest}", module.join("::")),
        None => path,
    };
    statements.flat_map(paths).map(resolve).collect()
}

fn feature(path: &str) -> Option<usize> {
    let first = path.strip_prefix("crate::")?.split("::").next();
    FEATURES.iter().position(|name| first == Some(name))
}

/// Whether the file may import the path.
fn is_allowed(file: &str, path: &str) -> bool {
    let parts: Vec<&str> = file.trim_start_matches("src/").split('/').collect();
    let (folder, name) = (parts[0], parts[parts.len() - 1]);
    let starts = |heads: &[&str]| heads.contains(&path.split("::").next().unwrap());
    let is_below = |head: &str| path.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    let own = FEATURES.iter().position(|name| *name == folder);
    let is_left = match (own, feature(path)) {
        (_, None) => true,
        (Some(own), Some(other)) if own == other => true,
        (Some(own), Some(other)) => other < own && (other < FIRST_SIBLING || own == FEATURES.len() - 1),
        (None, Some(_)) => !matches!(folder, "platform" | "web" | "app.rs" | "config.rs" | "error.rs"),
    };
    let is_foreign_store = path.contains("::store::") && feature(path).is_some_and(|other| Some(other) != own);
    if !is_left || is_foreign_store {
        return false;
    }
    match (own, name) {
        (Some(_), "store.rs") => {
            !starts(&WEB_CRATES)
                && !["crate::web", "crate::app", "crate::error", "crate::config"].iter().any(|p| is_below(p))
        }
        (Some(_), "actions.rs") => !starts(&WEB_CRATES) && !is_below("crate::web") && !is_below("crate::app"),
        (Some(_), "mod.rs") => true,
        (Some(_), _) => !starts(&["sqlx"]),
        (None, _) if folder == "platform" => !is_below("crate::web") && !is_below("crate::app"),
        (None, _) => true,
    }
}

#[test]
fn features_use_what_is_to_their_left() {
    let sources = files("src", ".rs");
    assert!(sources.len() > 60, "the sources were found");
    let mut wrong = Vec::new();
    for (file, text) in &sources {
        wrong.extend(
            imports(file, text)
                .into_iter()
                .filter(|path| !is_allowed(file, path))
                .map(|path| format!("{file}: {path}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        !is_allowed("src/tokens/store.rs", "axum::Json")
            && !is_allowed("src/auth/sign_in.rs", "crate::tokens::actions")
    );
}

#[test]
fn no_file_is_too_long() {
    let all = ["src", "crates", "tests", "benches"].iter().flat_map(|folder| files(folder, ".rs"));
    let long: Vec<String> = all.filter(|(_, text)| text.lines().count() > LONGEST_FILE).map(|(file, _)| file).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn the_files_that_the_docs_name_exist() {
    let (root, mut lost) = (Path::new(env!("CARGO_MANIFEST_DIR")), Vec::new());
    for (doc, text) in files("docs", ".md") {
        // `docs/security.md` shortens the two folders that it names most.
        let paths = text.split('`').filter(|word| !word.contains(char::is_whitespace) && !word.contains("example"));
        let full = |word: &str| match word.split_once('/')? {
            ("suite", rest) => Some(format!("tests/suite/{rest}")),
            ("core", rest) => Some(format!("crates/core/src/{rest}")),
            ("src" | "crates" | "tests" | "templates" | "static" | "docs" | "benches", _) => Some(word.to_owned()),
            _ => None,
        };
        let paths = paths.filter_map(full).filter(|path| path.ends_with(".rs") || path.ends_with(".html"));
        lost.extend(paths.filter(|path| !root.join(path).exists()).map(|path| format!("{doc}: {path}")));
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
