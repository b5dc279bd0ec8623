//! When `/token` records a token's last use.

use std::time::Duration;

use dockpass::platform::database::{Db, Tx};
use sqlx::AssertSqlSafe;

use crate::harness::{
    PASSWORD, TestServer, database,
    program::{Program, run_with_input},
};

const LAST_USED: &str = "SELECT MAX(last_used_at) FROM token";

#[tokio::test]
async fn every_use_is_written() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    assert_eq!(server.number(LAST_USED).await, None);
    for _ in 0..2 {
        server.clock.advance(time::Duration::minutes(3));
        server.anonymous().token("alice", &token.secret, &["repository:alice/app:pull"]).await;
        server.flushed(LAST_USED, server.clock.now().millis()).await;
    }
    server.clock.advance(time::Duration::minutes(3));
    let page = alice.get("/settings/tokens").await;
    assert!(page.body.contains("data-label=\"Used\"><time"), "{}", page.body);
    assert!(page.body.contains(">3 minutes ago</time>"));
}

#[tokio::test]
async fn the_program_writes_by_itself_about_once_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let add = ["--data", folder.path().to_str().unwrap(), "account", "add", "alice", "--password-stdin"];
    assert!(run_with_input(&add, PASSWORD).status.success());
    let alice = program.browser();
    alice.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = alice.generate("ci", "repo:read", "30").await;
    program.browser().token("alice", &token.secret, &[]).await;
    for _ in 0..100 {
        if alice.get("/settings/tokens").await.body.contains("data-label=\"Used\"><time") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not written within five seconds");
}

#[tokio::test]
async fn a_use_just_before_the_end_is_written_at_shutdown() {
    let mut server = TestServer::start().await;
    let token = server.account_signed_in("alice").await.generate("ci", "repo:read", "30").await;
    server.clock.advance(time::Duration::minutes(1));
    server.anonymous().token("alice", &token.secret, &[]).await;
    server.stop().await;
    let db = Db::open(&server.app.config.database).await.unwrap();
    assert_eq!(database::number(&db, LAST_USED).await, Some(server.clock.now().millis()));
    db.close().await;
}

#[tokio::test]
async fn a_refusal_is_no_use() {
    let mut server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    server.account("bob").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    server.anonymous().token("bob", &token.secret, &[]).await;
    alice.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    server.anonymous().token("alice", &token.secret, &[]).await;
    server.anonymous().token("alice", PASSWORD, &[]).await;
    server.stop().await;
    let db = Db::open(&server.app.config.database).await.unwrap();
    assert_eq!(database::number(&db, LAST_USED).await, None);
    db.close().await;
}

/// A transaction that blocks all other writers. SQLite allows only one anyway. PostgreSQL needs a lock on all tables,
/// in EXCLUSIVE mode, which still allows reads.
async fn writing_alone(server: &TestServer) -> Tx {
    let mut tx = server.app.db.write().await.unwrap();
    if let Tx::Postgres(tx) = &mut tx {
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1";
        let tables = database::texts(&server.app.db, tables).await.join(", ");
        assert!(tables.contains("token_use") && tables.contains("registry_event"), "{tables}");
        let lock = AssertSqlSafe(format!("LOCK TABLE {tables} IN EXCLUSIVE MODE"));
        sqlx::query(lock).execute(&mut **tx).await.unwrap();
    }
    tx
}

#[tokio::test]
async fn the_request_itself_writes_nothing() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    let writing = writing_alone(&server).await;
    let within_seconds = |asked| tokio::time::timeout(Duration::from_secs(5), asked);
    let caller = server.anonymous();
    let scopes = ["repository:alice/app:pull"];
    let answer = within_seconds(Box::pin(caller.token("alice", &token.secret, &scopes))).await;
    assert_eq!(answer.unwrap().status, reqwest::StatusCode::OK, "while another holds the write lock");
    // A refusal writes nothing either.
    let answer = within_seconds(Box::pin(caller.token("bob", &token.secret, &scopes))).await;
    assert_eq!(answer.unwrap().status, reqwest::StatusCode::UNAUTHORIZED);
    let path = format!("/settings/tokens/{}/deactivate", token.id);
    let writes = tokio::time::timeout(Duration::from_millis(500), alice.post(&path, &[])).await;
    assert!(writes.is_err(), "what does write waits: the lock is held");
    drop(writing);
}
