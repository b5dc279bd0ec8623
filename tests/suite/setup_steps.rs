//! What is left to set up, above the tokens of administrators.

use dockpass::platform::database::DatabaseLocation;
use reqwest::StatusCode;
use serde_json::json;
use time::Duration;

use crate::harness::{Browser, TestServer, events};

/// The names of the steps on the page of tokens.
async fn steps_left(browser: &Browser) -> Vec<String> {
    let page = browser.get("/settings/tokens").await.body;
    let names = page.split("name=\"step\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    names.collect()
}

async fn dismiss(browser: &Browser, step: &str) {
    let answer = browser.post("/admin/setup-steps/dismiss", &[("step", step)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

const ALL: [&str; 6] = ["public_url", "https", "registry", "notifications", "backup", "secret_key"];

#[tokio::test]
async fn administrators_see_each_step_with_commands_for_this_server_and_others_see_none() {
    let server = TestServer::start().await;
    let admin = server.account_signed_in("alice").await;
    assert_eq!(steps_left(&admin).await, ALL);
    let page = admin.get("/settings/tokens").await.body;
    let data = server.data().display().to_string();
    assert!(page.contains("6 setup steps left"), "{page}");
    let commands = page.replace("<span>", "").replace("</span>", "");
    assert!(commands.contains(&format!("<code>cat {data}/secret.key</code>")), "{page}");
    assert!(commands.contains(&format!("<code>dockpass --data {data} registry-config ")), "{page}");
    let caddy = "hub.example.com {\n    reverse_proxy /v2/* 127.0.0.1:5000\n    reverse_proxy 127.0.0.1:0\n}\nEND\n";
    assert!(commands.contains(caddy), "{page}");
    let chinese = server.anonymous().with_header("accept-language", "zh-CN");
    chinese.post("/login", &[("username", "alice"), ("password", crate::harness::PASSWORD)]).await;
    assert!(chinese.get("/settings/tokens").await.body.contains("还有 6 项设置待完成"));
    let bob = server.account_signed_in("bob").await;
    let page = bob.get("/settings/tokens").await.body;
    assert!(!page.contains("setup-steps") && !page.contains("secret.key"), "{page}");
    assert_eq!(bob.post("/admin/setup-steps/dismiss", &[("step", "https")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(steps_left(&admin).await, ALL);
}

#[tokio::test]
async fn a_dismissed_step_is_gone_for_all_administrators_and_after_a_restart() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let bob = server.account_signed_in("bob").await;
    server.sql("UPDATE account SET is_admin = TRUE").await;
    dismiss(&alice, "https").await;
    let page = alice.get("/settings/tokens").await.body;
    assert!(page.contains("“Set up HTTPS” is dismissed.") && page.contains("5 setup steps left"), "{page}");
    dismiss(&alice, "secret_key").await;
    assert!(alice.get("/settings/tokens").await.body.contains("“Keep a copy of the secret key” is marked as done."));
    // A second click, in another tab.
    dismiss(&bob, "https").await;
    let rest = ["public_url", "registry", "notifications", "backup"];
    assert_eq!(steps_left(&bob).await, rest);
    assert_eq!(steps_left(&server.beside().await.signed_in("alice").await).await, rest);
    for step in rest {
        dismiss(&bob, step).await;
    }
    assert!(!alice.get("/settings/tokens").await.body.contains("setup-steps"));
    assert_eq!(alice.post("/admin/setup-steps/dismiss", &[("step", "lunch")]).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn with_a_public_url_of_https_those_two_steps_are_done() {
    let with = async |url: &str| {
        let server = TestServer::start_with(|settings| settings.public_url = Some(url.to_owned())).await;
        steps_left(&server.account_signed_in("alice").await).await
    };
    assert_eq!(with("http://hub.example.com").await, ALL[1..]);
    assert_eq!(with("https://hub.example.com").await, ALL[2..]);
    let local = with("https://hub.localhost").await;
    assert!(local.contains(&"public_url".to_owned()) && !local.contains(&"https".to_owned()), "{local:?}");
}

#[tokio::test]
async fn a_client_of_a_registry_and_a_notification_finish_their_steps() {
    let server = TestServer::with_registry().await;
    let alice = server.account_signed_in("alice").await;
    let token = alice.generate("ci", "repo:write", "30").await;
    // docker login asks for no repository: it works without a registry.
    server.anonymous().token("alice", &token.secret, &[]).await;
    server.tell(json!([])).await;
    server.flush().await;
    assert_eq!(steps_left(&alice).await, ALL);
    server.ask(events::SKOPEO, &token.secret, "pull,push").await;
    server.flush().await;
    assert_eq!(steps_left(&alice).await, [ALL[0], ALL[1], ALL[3], ALL[4], ALL[5]]);
    server.tell(json!([server.event("1", "push", "v1")])).await;
    assert_eq!(steps_left(&alice).await, [ALL[0], ALL[1], ALL[4], ALL[5]]);
    let noted_at = server.number("SELECT done_at FROM setup_step WHERE name = 'notifications'").await;
    // Noted about once an hour, and not with each one.
    server.clock.advance(Duration::minutes(59));
    server.tell(json!([server.event("2", "push", "v2")])).await;
    assert_eq!(server.number("SELECT done_at FROM setup_step WHERE name = 'notifications'").await, noted_at);
    server.clock.advance(Duration::minutes(2));
    server.tell(json!([server.event("3", "push", "v3")])).await;
    assert!(server.number("SELECT done_at FROM setup_step WHERE name = 'notifications'").await > noted_at);
}

#[tokio::test]
async fn a_backup_finishes_its_step_for_a_week() {
    let server = TestServer::start().await;
    let alice = server.account_signed_in("alice").await;
    let has_step = async || steps_left(&alice).await.contains(&"backup".to_owned());
    assert!(has_step().await);
    let now = server.clock.now();
    if let DatabaseLocation::Postgres(_) = &server.app.config.database {
        let page = alice.get("/settings/tokens").await.body;
        assert!(
            page.contains("<span>pg_dump</span> <span>--host=")
                && page.contains("Mark as done: “Back up the database”"),
            "{page}"
        );
        // As `migrate-to` copies it: that was a backup of another database.
        server.sql(&format!("INSERT INTO setup_step (name, done_at) VALUES ('backup', {})", now.millis())).await;
        assert!(has_step().await);
        dismiss(&alice, "backup").await;
        assert!(!has_step().await);
        return;
    }
    dismiss(&alice, "backup").await;
    let file = server.folder.path().join("copy.db");
    let said = dockpass::platform::backup::back_up(&server.app.config, &file, now).await.unwrap();
    assert!(said.contains("and verified: 1 account"), "{said}");
    assert!(!has_step().await);
    // Although it was dismissed before the backup.
    server.clock.advance(Duration::days(7) - Duration::SECOND);
    let alice = server.signed_in("alice").await;
    assert!(!steps_left(&alice).await.contains(&"backup".to_owned()));
    server.clock.advance(Duration::SECOND);
    assert!(steps_left(&alice).await.contains(&"backup".to_owned()));
}
