//! What another process changes in the database counts from the next request on, also where the server reads in place.

use std::time::Duration;

use dockpass::platform::database::{DatabaseLocation, Db};
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::harness::program::{Program, command};
use crate::harness::{PASSWORD, TestServer, claims, database};

#[tokio::test]
async fn changes_of_another_process_count_at_once() {
    let folder = TempDir::new().unwrap();
    let file = format!("sqlite:{}", folder.path().join("dockpass.db").display());
    let url = database::url().await.unwrap_or(file);
    let mut start = command(&["--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    let program = Program::spawn(start.env("DOCKPASS_DATABASE_URL", &url));
    let other = Db::open_as_it_is(&url.parse::<DatabaseLocation>().unwrap()).await.unwrap();
    let change = async |statement: &'static str| {
        let rows = match &other {
            Db::Sqlite { writer, .. } => {
                let mut connection = writer.acquire().await.unwrap();
                sqlx::query("PRAGMA query_only = OFF").execute(&mut *connection).await.unwrap();
                sqlx::query(statement).execute(&mut *connection).await.unwrap().rows_affected()
            }
            Db::Postgres(pool) => sqlx::query(statement).execute(pool).await.unwrap().rows_affected(),
        };
        assert_eq!(rows, 1, "{statement}");
    };
    let browser = program.browser();
    browser.get(&program.setup_link.clone().unwrap()).await;
    browser.post("/setup", &[("username", "alice"), ("password", PASSWORD)]).await;
    let token = browser.generate("ci", "repo:read", "30").await;
    let granted = async |secret: &str| {
        let answer = program.browser().token("alice", secret, &["repository:team/app:pull"]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        claims(answer.json()["token"].as_str().unwrap())["access"].clone()
    };
    for _ in 0..5 {
        change(
            "INSERT INTO repository (id, name, namespace, is_public, created_at)
             VALUES ('1', 'team/app', 'team', TRUE, 0)",
        )
        .await;
        assert_eq!(granted(&token.secret).await[0]["actions"], serde_json::json!(["pull"]));
        change("UPDATE repository SET is_public = FALSE").await;
        change("UPDATE account SET is_admin = FALSE").await;
        assert_eq!(granted(&token.secret).await, serde_json::json!([]));
        change("UPDATE account SET is_admin = TRUE").await;
        change("DELETE FROM repository").await;
        let gone = browser.generate("gone", "repo:read", "30").await;
        granted(&gone.secret).await;
        change("DELETE FROM token WHERE description = 'gone'").await;
        let answer = program.browser().token("alice", &gone.secret, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
}

/// A slow read of a busy machine sends the next ones elsewhere for a second, so the test asks more than once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_request_needs_no_connection_of_sqlx() {
    let server = TestServer::start().await;
    let Db::Sqlite { readers, writer, .. } = &server.app.db else { return };
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:read", "30").await;
    readers.close().await;
    writer.close().await;
    let answered = async {
        let ask = || alice.token("alice", &token.secret, &["repository:team/app:pull"]);
        while ask().await.status != StatusCode::OK {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(20), answered).await.expect("both reads of a token request happen in place");
}
