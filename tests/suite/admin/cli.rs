//! `dockpass account …` at the operator's shell, whether the server runs or not.

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::harness::factor::Authenticator;
use crate::harness::program::{Program, command, run_with_input};
use crate::harness::{Browser, PASSWORD, database};

const NEW: &str = "another harbour at dusk";

/// A data folder and a database that the server and the shell share.
struct RegistryHost {
    folder: TempDir,
    url: Option<String>,
}

impl RegistryHost {
    async fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: database::url().await }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["--data", self.folder.path().to_str().unwrap()];
        all.extend(self.url.as_deref().map(|url| ["--database-url", url]).into_iter().flatten());
        all.extend(more);
        all
    }

    fn serve(&self) -> Program {
        Program::spawn(&mut command(&self.arguments(&["--listen", "127.0.0.1:0"])))
    }

    /// Runs `dockpass account …`; returns the exit code, standard output and standard error.
    fn account(&self, words: &[&str], input: &str) -> (Option<i32>, String, String) {
        let output = run_with_input(&self.arguments(&[&["account"], words].concat()), input);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn done(&self, words: &[&str], input: &str) -> String {
        let (code, said, error) = self.account(words, input);
        assert_eq!((code, error.as_str()), (Some(0), ""), "{words:?}");
        said
    }

    fn refused(&self, words: &[&str], input: &str, sentence: &str) {
        let (code, said, error) = self.account(words, input);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{words:?}");
        assert!(error.contains(sentence) && error.lines().count() == 1, "{words:?}: {error}");
    }
}

async fn sign_in(program: &Program, name: &str, password: &str) -> (Browser, StatusCode) {
    let browser = program.browser();
    let status = browser.post("/login", &[("username", name), ("password", password)]).await.status;
    (browser, status)
}

#[tokio::test]
async fn the_list_says_who_there_is() {
    let registry_host = RegistryHost::new().await;
    registry_host.done(&["add", "root-of-all", "--password-stdin"], PASSWORD);
    registry_host.done(&["add", "alice", "--password-stdin"], PASSWORD);
    registry_host.done(&["disable", "alice"], "");
    let said = registry_host.done(&["list"], "");
    let lines: Vec<Vec<&str>> = said.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(lines[0][..3], ["alice", "member", "disabled"]);
    assert_eq!(lines[1][..3], ["root-of-all", "administrator", "enabled"]);
    assert!(lines.iter().all(|line| line.contains(&"0 active tokens") && line.contains(&"2FA off")), "{said}");
    assert!(said.contains("created 20") && !said.contains("argon2"));
    let json: serde_json::Value = serde_json::from_str(&registry_host.done(&["list", "--json"], "")).unwrap();
    let alice = &json[0];
    assert_eq!(lines[0].last().copied(), alice["id"].as_str(), "the id of each");
    assert_eq!((alice["username"].as_str(), alice["state"].as_str()), (Some("alice"), Some("disabled")));
    assert_eq!((alice["two_factor"].as_bool(), alice["active_tokens"].as_i64()), (Some(false), Some(0)));
    assert!(alice["last_seen_at"].is_null() && alice["created_at"].as_str().unwrap().starts_with("20"), "{json}");
}

#[tokio::test]
async fn a_link_sets_a_password_and_the_activity_names_the_operator() {
    let registry_host = RegistryHost::new().await;
    registry_host.done(&["add", "root-of-all", "--password-stdin"], PASSWORD);
    registry_host.done(&["add", "alice", "--password-stdin"], PASSWORD);
    registry_host.refused(&["link", "alice", "--listen", "127.0.0.1:9"], "", "give its --public-url");
    let link = ["link", "alice", "--public-url", "https://hub.example.com/"];
    let (code, said, note) = registry_host.account(&link, "");
    assert_eq!(code, Some(0), "{note}");
    assert!(note.contains("expires in 72 hours; earlier links no longer work"), "{note}");
    assert!(said.starts_with("https://hub.example.com/set-password?code=") && said.lines().count() == 1, "{said}");
    let program = registry_host.serve();
    let link = said.trim().replace("https://hub.example.com", &program.base);
    let browser = program.browser();
    browser.get(&link).await;
    assert_eq!(browser.post("/set-password", &[("password", NEW)]).await.status, StatusCode::SEE_OTHER);
    let (alice, _) = sign_in(&program, "alice", NEW).await;
    let log = alice.get("/settings/activity?kind=password_link_created").await.body;
    assert!(log.contains("by the operator, with dockpass account"), "{log}");
    let (admin, _) = sign_in(&program, "root-of-all", PASSWORD).await;
    let log = admin.get("/admin/log").await.body;
    assert!(log.contains("<strong>Password link created</strong> alice"), "{log}");
    registry_host.done(&["disable", "alice"], "");
    registry_host.refused(
        &["link", "alice", "--public-url", "https://hub.example.com"],
        "",
        "account alice is disabled or closed",
    );
    registry_host.refused(
        &["link", "nobody-here", "--public-url", "https://hub.example.com"],
        "",
        "there is no account \"nobody-here\"",
    );
}

#[tokio::test]
async fn disabling_and_enabling_hold_for_the_running_server_at_once() {
    let registry_host = RegistryHost::new().await;
    registry_host.done(&["add", "root-of-all", "--password-stdin"], PASSWORD);
    registry_host.done(&["add", "alice", "--password-stdin"], PASSWORD);
    let program = registry_host.serve();
    let (alice, _) = sign_in(&program, "alice", PASSWORD).await;
    let token = alice.generate("ci", "repo:read", "30").await;
    assert_eq!(registry_host.done(&["disable", "alice"], ""), "account alice disabled\n");
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER);
    let refused = program.browser().token("alice", &token.secret, &[]).await;
    assert!(refused.body.contains("(ACCOUNT-DISABLED)"), "{}", refused.body);
    assert_eq!(sign_in(&program, "alice", PASSWORD).await.1, StatusCode::UNAUTHORIZED);
    registry_host.refused(&["disable", "alice"], "", "alice is disabled or closed already");
    assert_eq!(registry_host.done(&["enable", "alice"], ""), "account alice enabled\n");
    assert_eq!(program.browser().token("alice", &token.secret, &[]).await.status, StatusCode::OK);
    registry_host.refused(&["enable", "alice"], "", "alice was not disabled");
    registry_host.refused(&["disable", "root-of-all"], "", "root-of-all is the last administrator");
    registry_host.refused(&["disable", "nobody-here"], "", "there is no account \"nobody-here\"");
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let registry_host = RegistryHost::new().await;
    registry_host.done(&["add", "alice", "--password-stdin"], PASSWORD);
    let program = registry_host.serve();
    let (alice, _) = sign_in(&program, "alice", PASSWORD).await;
    registry_host.refused(&["reset-password", "alice", "--password-stdin"], "too short", "at least 15 characters");
    registry_host.refused(&["reset-password", "nobody-here", "--password-stdin"], NEW, "there is no account");
    assert_eq!(alice.get("/settings").await.status, StatusCode::OK);
    let said = registry_host.done(&["reset-password", "alice", "--password-stdin"], &format!("{NEW}\n"));
    assert!(said.contains("alice") && !said.contains(NEW));
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&program, "alice", PASSWORD).await.1, StatusCode::UNAUTHORIZED);
    let (alice, status) = sign_in(&program, "alice", NEW).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let log = alice.get("/settings/activity?kind=password_changed").await.body;
    assert!(log.contains("<strong>Password changed</strong>"), "its owner reads of it");
}

#[tokio::test]
async fn a_lost_authenticator_is_reset() {
    let registry_host = RegistryHost::new().await;
    registry_host.done(&["add", "alice", "--password-stdin"], PASSWORD);
    registry_host.refused(&["reset-2fa", "alice"], "", "two-factor authentication of alice was not on");
    let program = registry_host.serve();
    let (alice, _) = sign_in(&program, "alice", PASSWORD).await;
    let page = alice.post("/settings/security/two-factor", &[]).await;
    let code = Authenticator::reading(&page).code(dockpass::platform::clock::Clock::System.now());
    let shown = alice.post("/settings/security/two-factor/confirm", &[("code", &code)]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    let half = program.browser().post("/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(half.header("location"), "/login/code");
    assert_eq!(registry_host.done(&["reset-2fa", "alice"], ""), "two-factor authentication of alice is off\n");
    assert_eq!(alice.get("/settings").await.status, StatusCode::SEE_OTHER, "what began before does not work");
    let (alice, _) = sign_in(&program, "alice", PASSWORD).await;
    let log = alice.get("/settings/activity?kind=two_factor_off").await.body;
    assert!(log.contains("<strong>Two-factor turned off</strong>"));
    assert!(log.contains("by the operator, with dockpass account"), "{log}");
}
