//! `/registry/events`: what may have been moved with the account's password.

use dockpass::{platform::journal::PasswordGrants, repositories::passwords::actions as passwords};
use dockpass_core::usage::{Occurrences, UseAction};
use serde_json::json;
use time::Duration;

use crate::harness::{PASSWORD, TestServer, events::SKOPEO};

async fn tell_of(server: &TestServer, action: &str) {
    server.clock.advance(Duration::SECOND);
    server.tell(json!([server.event("1", action, "v1")])).await;
    server.fields().await;
}

#[tokio::test]
async fn a_delete_that_may_have_been_the_passwords_is_no_tokens() {
    let server = TestServer::told_of_events().await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:admin", "30").await;
    server.ask(SKOPEO, &token.secret, "*").await;
    server.clock.advance(Duration::seconds(3));
    server.ask(SKOPEO, PASSWORD, "*").await;
    tell_of(&server, "delete").await;
    assert!(server.moved().await.is_empty(), "{:?}", server.moved().await);
    assert_eq!(server.text("SELECT action FROM password_use").await, "delete");
}

#[tokio::test]
async fn whoever_pulls_at_the_same_moment_does_not_hide_the_passwords_pull() {
    let server = TestServer::told_of_events().await;
    let alice = server.account_signed_in("alice").await;
    alice.post("/settings/repositories/new", &[("name", "alice/app"), ("visibility", "public")]).await;
    let token = alice.generate("ci", "repo:read", "30").await;
    server.ask(SKOPEO, &token.secret, "pull").await;
    server.clock.advance(Duration::seconds(3));
    server.ask(SKOPEO, PASSWORD, "pull").await;
    let nobody = server.anonymous().get("/token?service=dockpass&scope=repository:alice/app:pull").await;
    assert_eq!(nobody.status, reqwest::StatusCode::OK, "{}", nobody.body);
    tell_of(&server, "pull").await;
    assert!(server.moved().await.is_empty(), "{:?}", server.moved().await);
}

#[tokio::test]
async fn it_is_noted_only_where_a_registry_tells() {
    for (server, expected) in [(TestServer::start().await, 0), (TestServer::told_of_events().await, 1)] {
        server.account("alice").await;
        server.ask(SKOPEO, PASSWORD, "pull,push").await;
        server.times("SELECT COUNT(*) FROM repository", 1).await;
        passwords::write(&server.app.db, &server.app.password_grants).await.unwrap();
        server.times("SELECT COUNT(*) FROM password_use", expected).await;
    }
}

#[tokio::test]
async fn of_an_account_the_newest_five_hundred_are_kept() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let account = server.text("SELECT id FROM account").await;
    let grants = PasswordGrants::default();
    for hour in 0..2 {
        for number in 0..300 {
            let key = (account.clone(), format!("alice/{hour}-{number}"), UseAction::Pull);
            grants.note(key, Occurrences::once(server.clock.now()), Occurrences::and);
        }
        // Of an account that is gone nothing is kept, and it is in nobody's way.
        let gone = ("0".to_owned(), "alice/app".to_owned(), UseAction::Pull);
        grants.note(gone, Occurrences::once(server.clock.now()), Occurrences::and);
        passwords::write(&server.app.db, &grants).await.unwrap();
        server.clock.advance(Duration::HOUR);
    }
    let of = |hour| format!("SELECT COUNT(*) FROM password_use WHERE repository LIKE 'alice/{hour}-%'");
    assert_eq!((server.number(&of(0)).await, server.number(&of(1)).await), (Some(200), Some(300)));
}

#[tokio::test]
async fn those_within_a_minute_are_one_row_whoever_writes_first() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let account = server.text("SELECT id FROM account").await;
    let began = server.clock.now();
    for seconds in [10, 0, 30, 5, 75] {
        let grants = PasswordGrants::default();
        let key = (account.clone(), "alice/app".to_owned(), UseAction::Pull);
        grants.note(key, Occurrences::once(began + Duration::seconds(seconds)), Occurrences::and);
        passwords::write(&server.app.db, &grants).await.unwrap();
    }
    let rows = format!(
        "SELECT (first_at - {0}) || ' ' || (last_at - {0}) FROM password_use ORDER BY first_at",
        began.millis()
    );
    let rows = crate::harness::database::texts(&server.app.db, &rows).await;
    assert_eq!(rows, ["0 30000", "10000 30000", "75000 75000"]);
}
