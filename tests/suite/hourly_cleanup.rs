//! The hourly work of the server.

use std::time::Duration as StdDuration;

use time::Duration;

use crate::harness::{Browser, PASSWORD, TestServer, database};

/// Tables whose rows are deleted after some time.
const KEPT_FOR_A_WHILE: [&str; 16] = [
    "session",
    "deleted_token",
    "spent_form_key",
    "token_creation",
    "token_day",
    "registry_event",
    "recent_head",
    "repository_change",
    "refusal",
    "device_code",
    "device_session",
    "previous_refresh",
    "previous_secret",
    "sign_in_failure",
    "password_link",
    "activity",
];

/// Creates a row in each of these tables, and no row that is kept for longer.
async fn leave_traces(server: &TestServer, alice: &Browser) {
    let (kept, deleted) =
        (alice.generate("kept", "repo:read", "never").await, alice.generate("deleted", "repo:read", "30").await);
    alice.post(&format!("/settings/tokens/{}/delete", deleted.id), &[]).await;
    for secret in [&kept.secret, &deleted.secret] {
        server.anonymous().token("alice", secret, &["repository:alice/app:pull"]).await;
    }
    let signed_out = server.device(alice, "signed out").await;
    server.anonymous().refresh(&signed_out.refresh).await;
    server.anonymous().post("/oauth/revoke", &[("token", signed_out.token.as_str())]).await;
    server.device(alice, "deleted").await;
    let id = server.text("SELECT id FROM token WHERE source = 'auto-generated'").await;
    alice.post(&format!("/settings/tokens/{id}/delete"), &[]).await;
    server.anonymous().post("/login", &[("username", "nobody"), ("password", PASSWORD)]).await;
    let now = server.clock.now().millis();
    server.sql(&format!("INSERT INTO registry_event (id, received_at) VALUES ('1', {now})")).await;
    let account = server.text("SELECT id FROM account").await;
    server.sql(&format!("INSERT INTO recent_head VALUES ('{}', 'alice/app', 'sha256:1', 'v1', {now})", kept.id)).await;
    alice.post("/settings/repositories/new", &[("name", "alice/app")]).await;
    let change = format!("'1', id, 'push', 'v1', 'sha256:1', NULL, NULL, NULL, '', {now}");
    server.sql(&format!("INSERT INTO repository_change SELECT {change} FROM repository")).await;
    let secret = format!("({}, '{}', {})", server.bytes("cd"), kept.id, now + 60_000);
    server.sql(&format!("INSERT INTO previous_secret (secret_hash, token_id, works_until) VALUES {secret}")).await;
    let link = format!("({}, '{account}', {})", server.bytes("ab"), now + 60_000);
    server.sql(&format!("INSERT INTO password_link (code_hash, account_id, expires_at) VALUES {link}")).await;
    server.flush().await;
}

#[tokio::test]
async fn whatever_is_kept_for_a_while_is_kept_so_long_and_cleared_away_then() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    leave_traces(&server, &alice).await;
    assert_eq!(server.tidy().await, 0);
    for table in KEPT_FOR_A_WHILE {
        assert!(server.count(table).await > 0, "{table} is kept");
    }
    server.clock.advance(Duration::days(401));
    server.tidy().await;
    for table in KEPT_FOR_A_WHILE {
        assert_eq!(server.rows(table).await, Vec::<String>::new(), "{table} is cleared away");
    }
    assert_eq!((server.count("account").await, server.count("token").await), (1, 1));
}

#[tokio::test]
async fn a_use_of_a_moment_ago_keeps_a_device() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let got = server.device(&alice, "laptop").await;
    server.clock.advance(Duration::days(29));
    server.anonymous().token("alice", &got.token, &[]).await;
    // The use is journalled, but not written yet.
    server.clock.advance(Duration::days(2));
    assert_eq!(server.tidy().await, 0);
    server.clock.advance(Duration::days(28));
    assert_eq!(server.tidy().await, 1);
}

#[tokio::test]
async fn whoever_uses_a_device_while_it_is_being_ended_keeps_it() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.device(&alice, "laptop").await;
    server.clock.advance(Duration::days(31));
    let now = server.clock.now().millis();
    let writing = server.writing(&format!("UPDATE token SET last_used_at = {now}")).await;
    let app = server.app.clone();
    let tidying = tokio::spawn(async move { dockpass::server::tidy(&app).await });
    tokio::time::sleep(StdDuration::from_millis(300)).await;
    writing.commit().await.unwrap();
    tidying.await.unwrap().unwrap();
    assert_eq!(server.count("token").await, 1);
    assert_eq!(server.number("SELECT COUNT(*) FROM device_session WHERE ended_at IS NULL").await, Some(1));
}

#[tokio::test]
async fn many_devices_end_in_transactions_of_a_hundred() {
    let server = TestServer::start().await;
    server.account("alice").await;
    let account = server.text("SELECT id FROM account").await;
    let (mut tokens, mut sessions) = (Vec::new(), Vec::new());
    for number in 0..250 {
        let hash = server.bytes(&format!("{number:064x}"));
        let id = format!("{number:03}");
        tokens.push(format!("('{id}', '{account}', {hash}, 'laptop', '', 'repo:admin', TRUE, 'auto-generated', 1)"));
        sessions.push(format!("({hash}, '{id}', '{account}', 'helper', 1)"));
    }
    let columns = "id, account_id, secret_hash, description, hint, level, is_active, source, created_at";
    server.sql(&format!("INSERT INTO token ({columns}) VALUES {}", tokens.join(", "))).await;
    let columns = "refresh_hash, token_id, account_id, program, refreshed_at";
    server.sql(&format!("INSERT INTO device_session ({columns}) VALUES {}", sessions.join(", "))).await;

    let (rules, now) = (server.app.config.devices, server.clock.now());
    let mut tx = server.app.db.write().await.unwrap();
    let last = dockpass::devices::tokens::actions::end_unused(&mut tx, "", rules, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((last.as_deref(), server.count("token").await), (Some("099"), 150));
    assert_eq!(server.tidy().await, 150);
    assert_eq!(server.count("activity").await, 250);
    let ended = database::texts(&server.app.db, "SELECT DISTINCT ended FROM device_session").await;
    assert_eq!(ended, ["idle"]);
}
