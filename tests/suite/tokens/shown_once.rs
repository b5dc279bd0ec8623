//! A secret is shown only once, in the response that generated it.

use reqwest::StatusCode;

use crate::harness::callers::all_at_once;
use crate::harness::{TestServer, database};

/// The part of a secret that its hint does not show.
fn heart(secret: &str) -> &str {
    &secret[10..40]
}

#[tokio::test]
async fn no_later_page_has_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:admin", "30").await;
    server.anonymous().token("alice", &token.secret, &[]).await;
    let id = &token.id;
    let mut pages = vec!["/".to_owned(), "/settings".into(), "/settings/tokens".into(), "/settings/tokens/new".into()];
    pages.extend(["", "/edit", "/delete"].map(|end| format!("/settings/tokens/{id}{end}")));
    for path in pages {
        for answer in [alice.get(&path).await, alice.htmx_get(&path).await] {
            assert!(!answer.body.contains(heart(&token.secret)), "{path}");
            assert!(!format!("{:?}", answer.headers).contains(heart(&token.secret)), "{path}");
        }
    }
    let form = [("description", "ci 2"), ("permission", "repo:read")];
    for (path, form) in [("", form.as_slice()), ("/deactivate", &[]), ("/activate", &[]), ("/delete", &[])] {
        let answer = alice.htmx_post(&format!("/settings/tokens/{id}{path}"), form).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.body.contains(heart(&token.secret)), "{path}");
    }
}

#[tokio::test]
async fn the_database_never_has_it_and_neither_has_the_session() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:admin", "30").await;
    alice.get("/settings/tokens").await;
    server.anonymous().token("alice", &token.secret, &[]).await;
    let before = server.dump().await;
    assert!(before.contains("session: ") && before.contains("token: "), "{before}");
    alice.post(&format!("/settings/tokens/{}/delete", token.id), &[]).await;
    for dump in [before, server.dump().await] {
        assert!(!database::holds(&dump, heart(&token.secret)));
    }
}

#[tokio::test]
async fn a_repeated_post_says_that_it_was_already_created() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    let form = [("form_key", key.as_str()), ("description", "ci"), ("expiration", "7"), ("permission", "repo:read")];
    let first = alice.post("/settings/tokens", &form).await;
    assert_eq!(first.status, StatusCode::OK);
    for again in [alice.post("/settings/tokens", &form).await, alice.htmx_post("/settings/tokens", &form).await] {
        assert_eq!((again.status, again.header("cache-control")), (StatusCode::CONFLICT, "no-store"));
        assert!(again.body.contains("Token already created"));
        assert!(again.body.contains("already created, and it can’t be shown again"));
        assert!(!again.body.contains("dp_pat_"));
    }
    assert_eq!(server.count("token").await, 1);
}

#[tokio::test]
async fn forty_posts_of_one_form_make_one_token() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    let caller = server.same_session(&alice);
    let answers = all_at_once(|_| {
        let (caller, key) = (caller.clone(), key.clone());
        async move {
            let form =
                [("form_key", key.as_str()), ("description", "ci"), ("expiration", "7"), ("permission", "repo:read")];
            caller.post("/settings/tokens", &form).await
        }
    })
    .await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let told = answers.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count();
    assert_eq!((made, told, server.count("token").await), (1, 39, 1));
    assert_eq!(answers.iter().filter(|answer| answer.body.contains("dp_pat_")).count(), 1);
}

#[tokio::test]
async fn the_form_key_is_stored_as_its_hash() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let key = alice.form_key().await;
    let form = [("form_key", key.as_str()), ("description", "ci"), ("expiration", "7"), ("permission", "repo:read")];
    alice.post("/settings/tokens", &form).await;
    assert!(!database::holds(&server.dump().await, &key));
}
