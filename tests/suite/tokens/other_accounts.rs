//! Every route with a token's id, with the id of another account's token.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::harness::TestServer;

const ROUTES: [(&str, &str); 7] = [
    ("GET", ""),
    ("POST", ""),
    ("GET", "/edit"),
    ("POST", "/activate"),
    ("POST", "/deactivate"),
    ("GET", "/delete"),
    ("POST", "/delete"),
];

#[tokio::test]
async fn a_token_of_another_account_is_not_found_on_any_route() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("alices", "repo:read", "30").await;
    let bob = server.account_signed_in("bob").await;
    let before = server.rows("token").await;
    for (method, end) in ROUTES {
        let (method, form) =
            (Method::from_bytes(method.as_bytes()).unwrap(), [("description", "bobs"), ("permission", "repo:admin")]);
        let form = (method == Method::POST).then_some(form.as_slice());
        let ask = async |id: &str| {
            let path = format!("/settings/tokens/{id}{end}");
            bob.send(method.clone(), &path, form, HeaderMap::new()).await
        };
        let (foreign, absent) = (ask(&token.id).await, ask("00000000-0000-7000-8000-000000000000").await);
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {end}");
        assert!(!foreign.body.contains("alices"));
        let body = |text: &str, id: &str| text.replace(id, "ID");
        let absent_body = body(&absent.body, "00000000-0000-7000-8000-000000000000");
        assert_eq!((absent.status, absent_body), (foreign.status, body(&foreign.body, &token.id)), "no difference");
    }
    assert_eq!(server.rows("token").await, before);
}

#[tokio::test]
async fn wrong_input_does_not_tell_that_it_exists() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("alices", "repo:read", "30").await;
    let bob = server.account_signed_in("bob").await;
    let answer = bob.post(&format!("/settings/tokens/{}", token.id), &[("description", "")]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_administrator_is_another_account_too() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("root-of-all").await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("alices", "repo:read", "30").await;
    assert!(admin.get("/settings").await.body.contains("Administrator"));
    let answer = admin.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    assert_eq!((answer.status, server.count("token").await), (StatusCode::NOT_FOUND, 1));
}
