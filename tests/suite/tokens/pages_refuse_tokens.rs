//! Tokens cannot be used on the pages. The tests send them to every settings route in every way.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::harness::callers::headers;
use crate::harness::{MadeToken, PASSWORD, TestServer, basic};

const FORM: [(&str, &str); 6] = [
    ("form_key", "0123456789abcdefghijkl"),
    ("description", "taken over"),
    ("expiration", "never"),
    ("permission", "repo:admin"),
    ("language", "zh-CN"),
    ("theme", "dark"),
];

fn routes(token: &MadeToken) -> Vec<(Method, String)> {
    let id = format!("/settings/tokens/{}", token.id);
    let mut routes: Vec<(Method, String)> =
        ["/settings", "/settings/tokens", "/settings/tokens/new", &id, &format!("{id}/edit"), &format!("{id}/delete")]
            .map(|path| (Method::GET, path.to_owned()))
            .into();
    let posts = ["/settings/tokens".to_owned(), id.clone()];
    let verbs = ["activate", "deactivate", "delete"].map(|verb| format!("{id}/{verb}"));
    routes.extend(posts.into_iter().chain(verbs).map(|path| (Method::POST, path)));
    routes
}

/// Every way of sending a secret: as a header or as a cookie.
fn ways(secret: &str) -> Vec<(HeaderMap, Option<(&'static str, String)>)> {
    let authorization = |value: &str| headers(&[("authorization", value)]);
    vec![
        (authorization(basic("alice", secret).to_str().unwrap()), None),
        (authorization(&format!("Bearer {secret}")), None),
        (authorization(&format!("token {secret}")), None),
        (headers(&[("x-api-key", secret), ("private-token", secret)]), None),
        (HeaderMap::new(), Some(("dockpass", secret.to_owned()))),
        (HeaderMap::new(), Some(("__Host-dockpass", secret.to_owned()))),
    ]
}

async fn assert_powerless(server: &TestServer, token: &MadeToken, secret: &str) {
    let tables = async || (server.rows("token").await, server.rows("account").await, server.rows("session").await);
    // Else it would be written in the middle.
    server.flush().await;
    let before = tables().await;
    for (method, path) in routes(token) {
        for (headers, cookie) in ways(secret) {
            let mut caller = server.anonymous();
            if let Some((name, value)) = &cookie {
                caller = caller.with_cookie(name, value);
            }
            let form = (method == Method::POST).then_some(FORM.as_slice());
            let answer = caller.send(method.clone(), &path, form, headers).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{method} {path} {cookie:?}");
            assert!(answer.header("location").starts_with("/login"), "{method} {path} {cookie:?}");
            assert!(!answer.body.contains("ci push"));
        }
    }
    assert_eq!(tables().await, before, "nothing changed");
}

#[tokio::test]
async fn a_personal_access_token_opens_no_settings() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:admin", "never").await;
    assert_powerless(&server, &token, &token.secret).await;
}

#[tokio::test]
async fn a_registry_token_opens_no_settings() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:admin", "never").await;
    let answer = server.anonymous().token("alice", &token.secret, &["repository:alice/app:*"]).await;
    let jwt = answer.json()["token"].as_str().unwrap().to_owned();
    assert_powerless(&server, &token, &jwt).await;
}

#[tokio::test]
async fn neither_does_the_password_outside_of_the_sign_in_form() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:admin", "never").await;
    assert_powerless(&server, &token, PASSWORD).await;
}

#[tokio::test]
async fn a_token_is_no_password_at_the_sign_in_form() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:admin", "never").await;
    let form = [("username", "alice"), ("password", token.secret.as_str())];
    let answer = server.anonymous().post("/login", &form).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers.get("set-cookie").is_none() && !answer.body.contains(&token.secret));
}

#[tokio::test]
async fn a_token_chooses_nothing_for_its_account() {
    let server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci push", "repo:admin", "never").await;
    let before = server.rows("account").await;
    for (headers, cookie) in ways(&token.secret) {
        let mut caller = server.anonymous();
        if let Some((name, value)) = &cookie {
            caller = caller.with_cookie(name, value);
        }
        caller.send(Method::POST, "/preferences", Some(&FORM), headers).await;
    }
    assert_eq!(server.rows("account").await, before);
}
