//! Which journey shows which page, so that no page is forgotten.

use std::collections::BTreeSet;

use crate::harness::files;
use crate::harness::routes::routes;
use crate::window::Window;

/// Every page and dialog by its route, with a screenshot of it.
const PAGES: &[(&str, &str)] = &[
    ("/admin/accounts", "accounts"),
    ("/admin/accounts/new", "account-add"),
    ("/admin/accounts/{id}/disable", "account-disable"),
    ("/admin/accounts/{id}/end-sessions", "account-sign-out"),
    ("/admin/accounts/{id}/reset-2fa", "account-reset-2fa"),
    ("/admin/log", "admin-log"),
    ("/device", "device-enter"),
    ("/login", "login"),
    ("/login/code", "login-code"),
    ("/login/recovery", "login-recovery"),
    ("/set-password", "set-password"),
    ("/settings", "general"),
    ("/settings/activity", "activity"),
    ("/settings/close", "close-account"),
    ("/settings/repositories", "repositories"),
    ("/settings/repositories/new", "repository-new"),
    ("/settings/repositories/{id}", "repository"),
    ("/settings/repositories/{id}/public", "repository-public"),
    ("/settings/repositories/{id}/remove", "repository-remove"),
    ("/settings/repositories/{id}/share", "repository-share"),
    ("/settings/security", "security"),
    ("/settings/security/recovery-codes", "recovery-codes-question"),
    ("/settings/security/two-factor/off", "two-factor-off"),
    ("/settings/sessions", "sessions"),
    ("/settings/sessions/others/end", "sessions-end-others"),
    ("/settings/sessions/{id}/end", "sessions-end-one"),
    ("/settings/tokens", "tokens"),
    ("/settings/tokens/calendar", "calendar-renew"),
    ("/settings/tokens/calendar/remove", "calendar-remove"),
    ("/settings/tokens/new", "new"),
    ("/settings/tokens/selected", "selection-delete"),
    ("/settings/tokens/{id}", "token"),
    ("/settings/tokens/{id}/delete", "delete"),
    ("/settings/tokens/{id}/edit", "edit"),
    ("/setup", "setup"),
    ("/signup", "signup"),
];

/// Routes that answer machines, or only lead to another page.
const NO_PAGES: &[&str] = &[
    "/",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/assets/{hash}/{name}",
    "/calendar/{file}",
    "/healthz",
    "/metrics",
    "/readyz",
    "/settings/session",
    // To Security, where the form is: these are where forms are posted.
    "/settings/security/two-factor",
    "/settings/security/two-factor/confirm",
    // Parts of the dialog of a new token.
    "/settings/tokens/repositories",
    "/settings/tokens/{id}/first-use",
    "/token",
    "/v2",
    "/v2/",
    "/v2/{*rest}",
];

#[test]
fn a_journey_shows_every_page() {
    let all: BTreeSet<String> =
        routes().into_iter().filter(|(method, _)| method == "GET").map(|(_, path)| path).collect();
    let listed: BTreeSet<String> =
        PAGES.iter().map(|(route, _)| *route).chain(NO_PAGES.iter().copied()).map(ToOwned::to_owned).collect();
    let missing: Vec<_> = all.difference(&listed).collect();
    assert!(missing.is_empty(), "show() these in a journey, and name the screenshots in PAGES: {missing:?}");
    let gone: Vec<_> = listed.difference(&all).collect();
    assert!(gone.is_empty(), "no routes: {gone:?}");
    let journeys: String = files("tests/browser", ".rs").into_iter().map(|(_, text)| text).collect();
    for (route, name) in PAGES {
        assert!(journeys.contains(&format!("show(\"{name}\")")), "no journey calls show(\"{name}\") for {route}");
    }
}

/// Checks that a screenshot in the list is of the page that the list says.
pub async fn note(window: &Window, name: &str) {
    let Some((route, _)) = PAGES.iter().find(|(_, of)| *of == name) else { return };
    // The script loads a dialog from its own address, while the page keeps its address.
    let paths = window
        .script(
            "const loaded = performance.getEntriesByType('resource').filter(e => e.initiatorType === 'xmlhttprequest'); \
             const dialogs = document.querySelector('dialog:modal') ? loaded.map(entry => entry.name) : []; \
             return [location.href, ...dialogs].map(address => new URL(address).pathname);",
        )
        .await;
    let paths: Vec<String> = serde_json::from_value(paths).unwrap();
    assert!(paths.iter().any(|path| is_of(route, path)), "{name} is to be a picture of {route}, and is of {paths:?}");
}

/// Whether a path is one of this route.
fn is_of(route: &str, path: &str) -> bool {
    let (expected, actual): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    expected.len() == actual.len() && expected.iter().zip(&actual).all(|(e, a)| e.starts_with('{') || e == a)
}
