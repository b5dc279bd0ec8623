//! The law of imports, kept: `src/lib.rs` has it in words. A law that a test keeps needs no reviewer.

pub mod source;
mod words;

use source::{Source, files, read};

const LONGEST_FILE: usize = 400;
const OUTSIDE: [&str; 9] =
    ["axum", "axum_htmx", "askama", "askama_web", "tower", "tower_http", "tower_sessions", "sqlx", "tokio"];
const PAGES: [&str; 6] = ["axum", "axum_htmx", "askama", "askama_web", "tower_http", "tower_sessions"];
const FEATURES: [&str; 7] = [
    "crate::activity",
    "crate::accounts",
    "crate::repositories",
    "crate::tokens",
    "crate::people",
    "crate::registry",
    "crate::device",
];
const ABOVE: [&str; 4] = ["crate::router", "crate::server", "crate::backup", "crate::state"];

/// What a file is in the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Core,
    Platform,
    Web,
    Store,
    Actions,
    Door,
    Roof,
    /// A program of its own beside the server.
    Helper,
}

fn room(file: &str) -> Room {
    let parts: Vec<&str> = file.trim_start_matches("src/").split('/').collect();
    match parts.as_slice() {
        ["core", ..] => Room::Core,
        ["platform", ..] | ["config.rs" | "error.rs"] => Room::Platform,
        ["web", ..] => Room::Web,
        ["bin", ..] => Room::Helper,
        ["activity" | "accounts" | "repositories" | "tokens" | "people" | "registry" | "device", .., name] => {
            match *name {
                "store.rs" => Room::Store,
                // `keys.rs` opens the signing keys: verbs, by another name.
                "actions.rs" | "keys.rs" => Room::Actions,
                _ => Room::Door,
            }
        }
        _ => Room::Roof,
    }
}

/// Paths that a room may not name, by their beginnings.
fn forbidden(room: Room) -> Vec<&'static str> {
    let join = |lists: &[&[&'static str]]| lists.concat();
    let clocks = ["std::env", "std::fs", "std::net", "std::time::SystemTime", "std::time::Instant", "std::process"];
    match room {
        Room::Core => {
            let own = ["crate::platform", "crate::web", "crate::config", "crate::error"];
            join(&[&OUTSIDE, &clocks, &FEATURES, &ABOVE, &own])
        }
        Room::Platform => join(&[&FEATURES, &ABOVE, &["crate::web"]]),
        Room::Web => join(&[&FEATURES, &ABOVE[..3]]),
        Room::Store => join(&[&PAGES, &FEATURES, &ABOVE, &["crate::web", "crate::config", "crate::error"]]),
        Room::Actions => {
            let calls = ["sqlx::query", "sqlx::query_as", "sqlx::query_scalar", "sqlx::raw_sql", "sqlx::QueryBuilder"];
            let macros = ["crate::platform::db::execute", "crate::platform::db::fetch", "crate::platform::db::record"];
            join(&[&PAGES, &ABOVE[..3], &calls, &macros, &["crate::web"]])
        }
        Room::Door => join(&[&ABOVE[..3], &["sqlx"]]),
        Room::Roof => Vec::new(),
        // It talks to the server by HTTP alone, as every other client does.
        Room::Helper => join(&[&["dockpass"], &PAGES, &["sqlx"]]),
    }
}

/// Features that stand to the right of a file's own.
fn to_the_right(file: &str) -> &'static [&'static str] {
    match file.split('/').nth(1) {
        Some("activity") => &FEATURES[1..],
        Some("accounts") => &FEATURES[2..],
        Some("repositories") => &FEATURES[3..],
        Some("tokens") => &FEATURES[4..],
        Some("people") => &["crate::registry", "crate::device"],
        Some("registry") => &["crate::people", "crate::device"],
        Some("device") => &["crate::people", "crate::registry"],
        _ => &[],
    }
}

/// The store of a part of a feature may read the feature's own rows: `tokens/overview/store.rs` those of
/// `tokens/store.rs`.
fn is_the_features_store(file: &str, path: &str) -> bool {
    let feature = file.split('/').nth(1).unwrap_or_default();
    room(file) == Room::Store && is_below(path, &format!("crate::{feature}::store"))
}

/// The own feature's rooms are open to a store's neighbours, not to the store.
fn is_below(path: &str, head: &str) -> bool {
    path.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn may_hold_sql(file: &str) -> bool {
    (file.ends_with("/store.rs") && room(file) != Room::Helper)
        || file.starts_with("src/platform/")
        || matches!(file, "src/backup.rs" | "src/web/health.rs")
}

fn is_sql(text: &str) -> bool {
    let verbs = [
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "DELETE ",
        "CREATE TABLE",
        "CREATE INDEX",
        "ALTER TABLE",
        "DROP TABLE",
        "PRAGMA ",
        "VACUUM",
        "BEGIN",
        "WITH ",
    ];
    verbs.iter().any(|verb| text.trim_start().starts_with(verb))
}

/// What a file does against the law.
fn offences(file: &str, text: &str) -> Vec<String> {
    let Source { paths, texts } = read(file, text);
    let mut offences: Vec<String> = Vec::new();
    let banned = forbidden(room(file));
    for path in &paths {
        let is_banned = banned.iter().chain(to_the_right(file)).any(|head| is_below(path, head));
        if is_banned && !is_the_features_store(file, path) {
            offences.push(format!("{file} ({:?}) uses {path}", room(file)));
        }
    }
    offences.sort();
    offences.dedup();
    if !may_hold_sql(file) {
        let sql = texts.iter().filter(|text| is_sql(text));
        offences.extend(sql.map(|text| format!("{file} holds SQL: {text}")));
    }
    offences
}

fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONGEST_FILE).then(|| format!("{file} has {lines} lines: more than {LONGEST_FILE}"))
}

#[test]
fn the_law_of_imports_is_kept() {
    let sources = files("src", ".rs");
    assert!(sources.len() > 40, "the source tree was found");
    let offences: Vec<String> = sources.iter().flat_map(|(file, text)| offences(file, text)).collect();
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let folders = ["src", "tests", "benches"];
    let long: Vec<String> = folders
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .filter_map(|(file, text)| too_long(&file, &text))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn forbidden_imports_are_found_however_they_are_written() {
    let bad = [
        ("src/core/token.rs", "use axum::Router;"),
        ("src/core/token.rs", "use std::{fmt, fs::File};"),
        ("src/core/token.rs", "fn f() { std::env::var(\"X\"); }"),
        ("src/core/token.rs", "use std::time::{Duration, Instant};"),
        ("src/core/token.rs", "use crate::{core::moment::Moment, platform::clock::Clock};"),
        ("src/core/token.rs", "use super::super::platform::db;"),
        ("src/core/token.rs", "pub(crate) use tokio::{sync::Mutex as Lock};"),
        ("src/platform/db.rs", "use crate::tokens::actions;"),
        ("src/config.rs", "use crate::state::App;"),
        ("src/web/page.rs", "use crate::{core::moment::Moment, accounts::session::SignedIn};"),
        ("src/tokens/store.rs", "use axum::Json;"),
        ("src/tokens/store.rs", "use super::actions;"),
        ("src/tokens/store.rs", "use crate::accounts::actions::find;"),
        ("src/tokens/actions.rs", "use askama::Template;"),
        ("src/tokens/actions.rs", "fn f() { sqlx::query(\"x\"); }"),
        ("src/tokens/actions.rs", "use crate::platform::db::{Tx, execute};"),
        ("src/tokens/actions.rs", "use crate::web::page::Page;"),
        ("src/tokens/pages.rs", "use sqlx::Row;"),
        ("src/tokens/pages.rs", "fn f(error: sqlx::Error) {}"),
        ("src/tokens/pages.rs", "use crate::registry::routes;"),
        ("src/accounts/login.rs", "use crate::tokens::actions;"),
        ("src/activity/actions.rs", "use crate::accounts::actions;"),
        ("src/activity/store.rs", "use axum::Json;"),
        ("src/accounts/factor/store.rs", "use crate::accounts::actions;"),
        ("src/accounts/factor/pages.rs", "const Q: &str = \"SELECT totp FROM account\";"),
        ("src/tokens/overview/store.rs", "use crate::tokens::actions;"),
        ("src/tokens/overview/store.rs", "use crate::accounts::store::AccountRecord;"),
        ("src/tokens/manage.rs", "use crate::people::shell;"),
        ("src/people/pages.rs", "use sqlx::Row;"),
        ("src/people/closing.rs", "use crate::registry::actions;"),
        ("src/registry/endpoint.rs", "use crate::server::Server;"),
        ("src/tokens/pages.rs", "const Q: &str = \"SELECT id FROM token\";"),
        ("src/tokens/actions.rs", "const Q: &str = r#\"\n  UPDATE token SET x = 1\"#;"),
        ("src/server.rs", "fn f() { \"DELETE FROM token\" }"),
        ("src/bin/docker-credential-dockpass/main.rs", "use dockpass::core::secret::Secret;"),
        ("src/bin/docker-credential-dockpass/verbs.rs", "fn f() { ::dockpass::server::open() }"),
        ("src/bin/docker-credential-dockpass/verbs.rs", "use axum::Router;"),
        ("src/bin/docker-credential-dockpass/store.rs", "const Q: &str = \"SELECT 1\";"),
    ];
    for (file, text) in bad {
        assert_eq!(offences(file, text).len(), 1, "{file}: {text}: {:?}", read(file, text));
    }
}

#[test]
fn what_is_allowed_is_no_offence() {
    let good = [
        ("src/core/token.rs", "use std::fmt;\nuse time::Duration;\nuse super::moment::Moment;"),
        ("src/core/token.rs", "//! Never axum::Router, nor std::fs.\n/* use sqlx::Row; */ fn f<'a>(x: &'a str) {}"),
        ("src/core/token.rs", "fn f() -> char { '\"' }\nconst T: &str = \"use axum::Router;\";"),
        ("src/core/token.rs", "#[cfg(test)]\nmod tests { use std::fs; }"),
        ("src/tokens/store.rs", "const Q: &str = \"SELECT 1\"; use crate::platform::db::{Tx, execute, fetch};"),
        ("src/tokens/actions.rs", "use super::store; use crate::accounts::actions; fn f(e: sqlx::Error) {}"),
        ("src/tokens/pages.rs", "use super::actions; use crate::accounts::session::SignedIn;"),
        ("src/registry/actions.rs", "use crate::{accounts, tokens};"),
        ("src/web/health.rs", "const Q: &str = \"SELECT 1\";"),
        ("src/tokens/manage.rs", "use crate::{accounts::fresh::Sensitive, activity::actions};"),
        ("src/tokens/overview/store.rs", "use crate::tokens::store::TokenRecord;"),
        ("src/people/actions.rs", "use crate::{accounts::actions, tokens::actions as tokens};"),
        ("src/bin/docker-credential-dockpass/verbs.rs", "use crate::secret::Secret; use tokio::time::Instant;"),
        ("src/router.rs", "use crate::{accounts, registry, tokens, web};"),
    ];
    for (file, text) in good {
        assert!(offences(file, text).is_empty(), "{file}: {:?}", offences(file, text));
    }
}

#[test]
fn a_long_file_is_found() {
    assert_eq!(too_long("src/x.rs", &"\n".repeat(LONGEST_FILE)), None);
    assert!(too_long("src/x.rs", &"\n".repeat(LONGEST_FILE + 1)).is_some());
}
