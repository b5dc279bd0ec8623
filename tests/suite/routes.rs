//! Every route of the pages, read from the sources: who may use it, and with whose ids.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use time::Duration;

use crate::harness::callers::headers;
use crate::harness::routes::routes;
use crate::harness::{Answer, Browser, TestServer};

/// Routes that are open to everyone, or need a secret code. Think twice before adding a new one here.
const OPEN: [&str; 25] = [
    "/",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/assets/{hash}/{name}",
    "/calendar/{file}",
    "/healthz",
    "/login",
    "/login/code",
    "/login/recovery",
    "/logout",
    // On a separate listener, which the operator opens.
    "/metrics",
    "/oauth/device/code",
    "/oauth/revoke",
    "/oauth/token",
    "/preferences",
    "/readyz",
    // Needs the shared secret.
    "/registry/events",
    "/set-password",
    "/setup",
    "/signup",
    "/token",
    "/v2",
    "/v2/",
    "/v2/{*rest}",
    "/robots.txt",
];
/// Routes that need a sign-in, and for `/admin` an administrator.
const CLOSED: [&str; 3] = ["/settings", "/admin", "/device"];
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";
/// Valid fields for every form.
const FORM: [(&str, &str); 14] = [
    ("form_key", "0123456789abcdefghijkl"),
    ("description", "foreign"),
    ("expiration", "30"),
    ("permission", "repo:admin"),
    ("username", "carol"),
    ("display_name", "Carol"),
    ("code", "123456"),
    ("password", crate::harness::PASSWORD),
    ("current_password", crate::harness::PASSWORD),
    ("new_password", "another harbour at dusk"),
    ("verb", "delete"),
    ("saved", "yes"),
    ("user_code", "WDJB-MJHT"),
    ("step", "https"),
];

fn closed() -> impl Iterator<Item = (Method, String)> {
    let is_closed = |(_, path): &(String, String)| CLOSED.iter().any(|head| path.starts_with(head));
    let method = |(method, path): (String, String)| (Method::from_bytes(method.as_bytes()).unwrap(), path);
    routes().into_iter().filter(is_closed).map(method)
}

async fn ask(browser: &Browser, method: &Method, path: &str) -> Answer {
    let form = (*method != Method::GET).then_some(FORM.as_slice());
    browser.send(method.clone(), path, form, HeaderMap::new()).await
}

#[test]
fn every_route_is_known() {
    let routes = routes();
    assert!(routes.len() > 60, "{}", routes.len());
    for (method, path) in &routes {
        let is_closed = CLOSED.iter().any(|head| path == head || path.starts_with(&format!("{head}/")));
        assert!(is_closed || OPEN.contains(&path.as_str()), "who may {method} {path}?");
    }
}

/// The content of the tables that no foreign request may change.
async fn state(server: &TestServer) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "account",
        "token",
        "deleted_token",
        "recovery_code",
        "password_link",
        "activity",
        "repository",
        "repository_share",
        "setup_step",
    ] {
        rows.extend(server.rows(table).await);
    }
    rows.push(server.count("session").await.to_string());
    rows
}

#[tokio::test]
async fn strangers_and_the_half_signed_in_are_led_to_sign_in_from_every_closed_route() {
    let server = TestServer::start().await;
    let enrolled = server.enrolled("root-of-all").await;
    let token = enrolled.browser.generate("ci", "repo:read", "30").await;
    let session = server.text("SELECT public_id FROM session").await;
    let (stranger, half) = (server.anonymous(), server.half_signed_in("root-of-all").await);
    let before = state(&server).await;
    for (method, path) in closed() {
        for id in [&token.id, &session] {
            let path = path.replace("{id}", id);
            for browser in [&stranger, &half] {
                let answer = ask(browser, &method, &path).await;
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{method} {path}");
                // GET of a route that only takes posts redirects to the page of its form, which needs a sign-in.
                if method == Method::GET && answer.header("location") == "/settings/security" {
                    continue;
                }
                assert!(answer.header("location").starts_with("/login"), "{method} {path}");
                assert!(answer.body.is_empty());
                let fragment = headers(&[("hx-request", "true")]);
                let form = (method != Method::GET).then_some(FORM.as_slice());
                let answer = browser.send(method.clone(), &path, form, fragment).await;
                assert_eq!((answer.status, answer.header("hx-redirect")), (StatusCode::UNAUTHORIZED, "/login"));
            }
        }
    }
    assert_eq!(state(&server).await, before);
}

/// The id of something that alice owns, for this path.
async fn foreign_id(server: &TestServer, path: &str) -> String {
    let query = match path.trim_start_matches("/settings/").split('/').next().unwrap() {
        "tokens" => "SELECT token.id FROM token JOIN account ON account.id = account_id WHERE username = 'alice'",
        "sessions" => "SELECT public_id FROM session JOIN account ON account.id = account_id WHERE username = 'alice'",
        "repositories" => "SELECT id FROM repository WHERE name = 'alice/own'",
        other => panic!("whose are the ids of {other}? Say here how a foreign one is found"),
    };
    server.text(query).await
}

#[tokio::test]
async fn an_id_of_another_account_is_not_found_on_any_route() {
    let server = TestServer::start().await;
    let bob = server.account_signed_in("bob").await;
    let alice = server.account_signed_in("alice").await;
    alice.generate("alices own", "repo:read", "30").await;
    alice.post("/settings/repositories/new", &[("name", "alice/own"), ("visibility", "public")]).await;
    let mut asked = 0;
    for minutes in [0, 31] {
        server.clock.advance(Duration::minutes(minutes));
        bob.get("/settings").await;
        let before = state(&server).await;
        for (method, path) in closed().filter(|(_, path)| path.starts_with("/settings") && path.contains('{')) {
            let id = foreign_id(&server, &path).await;
            let (foreign, absent) = (
                ask(&bob, &method, &path.replace("{id}", &id)).await,
                ask(&bob, &method, &path.replace("{id}", NOBODY)).await,
            );
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {path} after {minutes} minutes");
            let tells = foreign.body.contains("alices own") || foreign.body.contains("alice/own");
            assert!(!tells, "{method} {path}");
            assert_eq!(foreign.body.replace(&id, NOBODY), absent.body, "{method} {path}: as if it were not there");
            asked += 1;
        }
        let id = foreign_id(&server, "/settings/tokens/").await;
        for path in ["new?like=", "selected?verb=delete&id=", "selected?verb=deactivate&id="] {
            let answer = bob.get(&format!("/settings/tokens/{path}{id}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(!answer.body.contains("alices own"), "{path}");
        }
        assert_eq!(state(&server).await, before);
    }
    assert!(asked >= 16, "{asked}");
}

/// A page without the addresses to which its menus return.
fn without_back(answer: &Answer) -> String {
    let parts = answer.body.split("name=\"back\" value=\"");
    parts.map(|part| part.split_once("\">").map_or(part, |(_, rest)| rest)).collect()
}

#[tokio::test]
async fn to_an_ordinary_account_no_administrators_route_exists() {
    let server = TestServer::start().await;
    server.account("root-of-all").await;
    let bob = server.account_signed_in("bob").await;
    let nowhere = bob.get("/nowhere").await;
    bob.get("/settings").await;
    let before = state(&server).await;
    let mut asked = 0;
    for name in ["root-of-all", "bob"] {
        let id = server.text(&format!("SELECT id FROM account WHERE username = '{name}'")).await;
        for (method, path) in closed().filter(|(_, path)| path.starts_with("/admin")) {
            let path = path.replace("{id}", &id);
            let answer = ask(&bob, &method, &path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!(without_back(&answer), without_back(&nowhere), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked >= 16, "{asked}");
    assert_eq!(state(&server).await, before);
    assert!(!bob.get("/settings").await.body.contains("/admin"), "and nothing leads there");
}

#[tokio::test]
async fn a_post_from_another_site_is_refused_on_every_page() {
    let server = TestServer::start().await;
    let enrolled = server.enrolled("root-of-all").await;
    let before = state(&server).await;
    let machines = |path: &str| {
        ["/token", "/registry/events"].contains(&path) || path.starts_with("/v2/") || path.starts_with("/oauth/")
    };
    for (method, path) in routes().into_iter().filter(|(method, _)| method == "POST") {
        if machines(&path) {
            continue;
        }
        let path = path.replace("{id}", NOBODY);
        let foreign = headers(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = enrolled.browser.send(method, &path, Some(&FORM), foreign).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(answer.body.contains("or the request came from another site"), "{path}");
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test]
async fn nonsense_in_an_address_is_answered_with_a_page_and_never_a_fault() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let query = "page=x&like=x&id=x&verb=delete&kind=%27&sort=%27&text=%25%5C%27&status=x&code=x&next=%0d";
    let queries =
        [query.to_owned(), "page=-1&text=%ff%fe".into(), "text=a%00b".into(), format!("text={}", "x".repeat(9000))];
    for (method, path) in routes() {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        if method != Method::GET || path.starts_with("/v2") || path == "/token" {
            continue;
        }
        for id in ["nonsense", "%00", "..", "%27%3b--", "00000000-0000-7000-8000-00000000000g"] {
            for query in &queries {
                let name = path.replace("{id}", id).replace("{file}", id).replace("{hash}", id).replace("{name}", id);
                let address = format!("{name}?{query}");
                let answer = ask(&alice, &method, &address).await;
                assert!(answer.status.as_u16() < 500, "{address}: {}", answer.status);
                let is_readable = answer.status.as_u16() < 400 || answer.body.contains("<h1>");
                assert!(is_readable || path.starts_with("/assets"), "{address}: {} {}", answer.status, answer.body);
            }
            if !path.contains('{') {
                break;
            }
        }
    }
}
