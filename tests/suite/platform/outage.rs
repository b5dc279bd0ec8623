//! What one failure must not do to the rest: a log that nobody takes, a full disk, a database that goes away.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dockpass::platform::database::DatabaseLocation;
use reqwest::StatusCode;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::harness::disk::Disk;
use crate::harness::program::{Program, command, run_with_input};
use crate::harness::{Browser, PASSWORD, TestServer};

/// A program with an account `alice`, logging to `stderr`.
fn start(data: &Path, stderr: Stdio) -> Program {
    let data = data.to_str().unwrap();
    assert!(
        run_with_input(&["--data", data, "account", "add", "alice", "--password-stdin"], PASSWORD).status.success()
    );
    let arguments = ["--listen", "127.0.0.1:0", "--data", data, "--metrics-listen", "127.0.0.1:0"];
    Program::spawn(command(&arguments).stderr(stderr))
}

async fn sign_in(program: &Program) -> Browser {
    let browser = program.browser();
    let answer = browser.post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    browser
}

#[tokio::test]
async fn a_log_that_nobody_takes_stops_no_request() {
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for stderr in [full(), closed()] {
        let folder = tempfile::tempdir().unwrap();
        let program = start(&folder.path().join("data"), stderr);
        let browser = sign_in(&program).await;
        for _ in 0..20 {
            assert_eq!(browser.get("/settings/tokens").await.status, StatusCode::OK);
        }
        let metrics = browser.get(program.metrics.as_ref().unwrap()).await.body;
        let lost = metrics.lines().find_map(|line| line.strip_prefix("dockpass_log_lines_lost_total ")).unwrap();
        assert!(lost.parse::<u64>().unwrap() > 0, "{metrics}");
        assert_eq!(program.stop().code, Some(0));
    }
}

#[tokio::test]
async fn after_a_full_disk_the_next_write_works() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(disk) = Disk::mount(&data) else {
        println!("NOT RUN: the test with a full disk: this user may not mount one");
        return;
    };
    let program = start(&data, Stdio::piped());
    let browser = sign_in(&program).await;
    let token = browser.generate("ci", "repo:read", "30").await;
    let browser = &browser;
    let rename = async |name: &str| browser.post("/settings", &[("display_name", name)]).await;

    disk.fill();
    // The write-ahead log has room for a few more, the last of them for one page only.
    let mut failed = None;
    for _ in 0..1000 {
        let theme = browser.post("/preferences", &[("theme", "dark"), ("back", "/")]).await;
        if theme.status != StatusCode::SEE_OTHER {
            failed = Some(theme);
            break;
        }
    }
    let failed = failed.expect("the disk is full");
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", failed.body);
    assert_eq!(failed.header("retry-after"), "2");
    assert!(failed.body.contains("Not available right now"), "{}", failed.body);
    // What only reads goes on: token requests, pages, and the place in the load balancer.
    assert_eq!(browser.token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    assert_eq!(browser.get("/settings/tokens").await.status, StatusCode::OK);
    let noticed = timeout(Duration::from_secs(30), async {
        loop {
            let ready = browser.get("/readyz").await;
            assert_eq!(ready.status, StatusCode::OK);
            if ready.body.contains("do not commit") {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    noticed.await.expect("the next flush notices it");
    let metrics = browser.get(program.metrics.as_ref().unwrap()).await.body;
    assert!(metrics.contains("\ndockpass_database_writes_commit 0\n"), "{metrics}");

    disk.clear();
    assert_eq!(rename("Alice B").await.status, StatusCode::SEE_OTHER);
    let off = browser.post(&format!("/settings/tokens/{}/deactivate", token.id), &[]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER, "{}", off.body);
    assert_eq!(browser.token("alice", &token.secret, &[]).await.status, StatusCode::UNAUTHORIZED);
    timeout(Duration::from_secs(30), async {
        // The use from the time without a disk was kept and is written now.
        while browser.get(&format!("/settings/tokens/{}", token.id)).await.body.contains("not used yet")
            || browser.get("/readyz").await.body != "ready\n"
        {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("everything works again");
    let ended = program.stop();
    assert!(ended.log.contains("do not commit") && ended.log.contains("commit again"), "{}", ended.log);
}

#[tokio::test]
async fn while_another_process_writes_the_journal_waits_and_requests_are_503_in_words() {
    let mut server = TestServer::start().await;
    let DatabaseLocation::Sqlite(path) = server.app.config.database.clone() else { return };
    let browser = server.account_signed_in("alice").await;
    let token = browser.generate("ci", "repo:read", "30").await;
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    let hold = async |other: &mut SqliteConnection| {
        sqlx::query("BEGIN IMMEDIATE").execute(other).await.unwrap();
    };
    let use_token = async || {
        server.clock.advance(time::Duration::MINUTE);
        browser.token("alice", &token.secret, &[]).await.status
    };

    hold(&mut other).await;
    assert_eq!(use_token().await, StatusCode::OK, "it only reads");
    let (flushed, renamed) =
        tokio::join!(dockpass::server::flush(&server.app), browser.post("/settings", &[("display_name", "Alice B")]));
    assert!(flushed.is_err());
    assert_eq!(renamed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", renamed.body);
    assert_eq!(renamed.header("retry-after"), "2");
    assert!(renamed.body.contains("Not available right now"), "{}", renamed.body);

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    server.flushed("SELECT MAX(last_used_at) FROM token", server.clock.now().millis()).await;
    assert_eq!(browser.post("/settings", &[("display_name", "Alice B")]).await.status, StatusCode::SEE_OTHER);

    hold(&mut other).await;
    assert_eq!(use_token().await, StatusCode::OK);
    server.stop().await;
    let said = sqlx::query("ROLLBACK").execute(&mut other).await;
    assert!(said.is_ok(), "the server stopped while the other process still held the lock");
}

/// A way to a database that can be cut.
struct Link {
    target: String,
    port: u16,
    open: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Link {
    async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link =
            Self { target: target.to_owned(), port: listener.local_addr().unwrap().port(), open: Arc::default() };
        link.serve(listener);
        link
    }

    fn serve(&self, listener: TcpListener) {
        let (target, open) = (self.target.clone(), Arc::clone(&self.open));
        let accepting = tokio::spawn(async move {
            while let Ok((mut inner, _)) = listener.accept().await {
                let target = target.clone();
                let copying = tokio::spawn(async move {
                    let mut outer = TcpStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
                });
                open.lock().unwrap().push(copying.abort_handle());
            }
        });
        self.open.lock().unwrap().push(accepting.abort_handle());
    }

    fn cut(&self) {
        self.open.lock().unwrap().drain(..).for_each(|task| task.abort());
    }

    async fn mend(&self) {
        self.serve(TcpListener::bind(("127.0.0.1", self.port)).await.unwrap());
    }
}

#[tokio::test]
async fn a_database_that_goes_away_is_503_in_words_and_comes_back_by_itself() {
    let Ok(url) = std::env::var("DOCKPASS_TEST_POSTGRES") else { return };
    let target = url.split('@').next_back().unwrap().split('/').next().unwrap().to_owned();
    let link = Link::to(&target).await;
    let through = format!("127.0.0.1:{}", link.port);
    let server = TestServer::start_with(|settings| {
        settings.database_url = settings.database_url.as_ref().map(|url| url.replace(&target, &through));
    })
    .await;
    let browser = server.account_signed_in("alice").await;
    let token = browser.generate("ci", "repo:read", "30").await;

    link.cut();
    let limit = Duration::from_secs(10);
    for path in ["/settings/tokens", "/login", "/settings/security", "/readyz"] {
        let answer = timeout(limit, browser.get(path)).await.unwrap();
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.body);
        if path != "/readyz" {
            assert_eq!(answer.header("retry-after"), "2", "{path}");
            assert!(answer.body.contains("Not available right now"), "{path}: {}", answer.body);
        }
    }
    let refused = timeout(limit, browser.token("alice", &token.secret, &[])).await.unwrap();
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "2");
    assert!(refused.body.contains("UNAVAILABLE"), "{}", refused.body);

    link.mend().await;
    timeout(limit, async {
        while browser.get("/settings/tokens").await.status != StatusCode::OK {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it comes back");
    assert_eq!(browser.token("alice", &token.secret, &[]).await.status, StatusCode::OK);
}

#[test]
fn a_refused_connection_at_the_start_is_said() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://dockpass:secret@127.0.0.1:{port}/dockpass");
    let data = folder.path().join("data");
    let output = crate::harness::program::run(&["--data", data.to_str().unwrap(), "--database-url", &url]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("dockpass: the database cannot be opened: connection refused at 127.0.0.1:{port}\n");
    assert_eq!(said, expected);
}
