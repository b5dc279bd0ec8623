//! Posts from other sites: every route of a page, asked as a browser asks for a foreign page.

use reqwest::StatusCode;

use crate::harness::{Browser, PASSWORD, TestServer};

const FORM: [(&str, &str); 7] = [
    ("form_key", "0123456789abcdefghijkl"),
    ("description", "forged"),
    ("expiration", "7"),
    ("permission", "repo:admin"),
    ("username", "alice"),
    ("password", PASSWORD),
    ("language", "zh-CN"),
];

struct Victim {
    server: TestServer,
    browser: Browser,
    routes: Vec<String>,
}

async fn victim() -> Victim {
    let server = TestServer::start().await;
    let browser = server.account_signed_in("alice").await;
    let id = browser.generate("ci", "repo:read", "30").await.id;
    let mut routes = ["/login", "/logout", "/preferences", "/settings/tokens", "/setup"].map(str::to_owned).to_vec();
    routes.extend(["", "/activate", "/deactivate", "/delete"].map(|end| format!("/settings/tokens/{id}{end}")));
    Victim { server, browser, routes }
}

#[tokio::test]
async fn posts_from_other_sites_are_refused_on_every_page() {
    let Victim { server, browser, routes } = victim().await;
    let before = server.dump().await;
    let own = server.url("");
    let foreign: [&[(&'static str, &str)]; 7] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("sec-fetch-site", "cross-site"), ("hx-request", "true")],
    ];
    for route in &routes {
        for headers in foreign {
            let answer = browser.post_with(route, &FORM, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{route} {headers:?} {own}");
            assert!(answer.body.contains("This request came from another site"), "{route} {headers:?} {}", answer.body);
            assert!(answer.headers.get("set-cookie").is_none());
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(!answer.header("content-security-policy").is_empty());
        }
    }
    assert_eq!(server.dump().await, before, "nothing changed");
    assert_eq!(browser.get("/settings").await.status, StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn posts_from_the_own_pages_pass() {
    let Victim { server, browser, routes } = victim().await;
    let own = server.url("");
    let same: [&[(&'static str, &str)]; 4] = [
        &[("sec-fetch-site", "same-origin"), ("origin", &own)],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("origin", &own)],
    ];
    let harmless = |route: &&String| !route.ends_with("/logout") && !route.ends_with("/delete");
    for route in routes.iter().filter(harmless) {
        for headers in same {
            let answer = browser.post_with(route, &FORM, headers).await;
            assert_ne!(answer.status, StatusCode::FORBIDDEN, "{route} {headers:?}");
        }
    }
}

#[tokio::test]
async fn the_public_url_is_the_own_site_behind_a_proxy_that_changes_the_host() {
    let server = TestServer::start_with(|settings| settings.public_url = Some("https://hub.example.com".into())).await;
    server.account("alice").await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    let post = async |origin: &str| server.anonymous().post_with("/login", &form, &[("origin", origin)]).await.status;
    assert_eq!(post("https://hub.example.com").await, StatusCode::SEE_OTHER);
    assert_eq!(post("https://hub.example.com.evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(post("http://hub.example.com").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_token_endpoint_is_for_machines_and_takes_no_notice() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    let headers = [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example")];
    let answer = server.anonymous().post_with("/token", &form, &headers).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.headers.get("access-control-allow-origin").is_none(), "and no page may read the answer");
}
