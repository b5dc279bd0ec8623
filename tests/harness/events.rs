//! Notifications as a registry sends them.

use dockpass::config::Settings;
use dockpass_core::timestamp::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::{Duration, format_description::well_known::Rfc3339};

use super::{Answer, Browser, MadeToken, TestServer, callers::headers};

/// The secret that the registry sends.
pub const SECRET: &str = "a-secret-between-two-programs";
/// The default program that pushes and pulls.
pub const SKOPEO: &str = "skopeo/1.9.3";

/// Opens `/registry/events`.
pub fn open(settings: &mut Settings) {
    std::fs::create_dir_all(&settings.data).unwrap();
    let file = settings.data.join("events.secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    settings.events_secret_file = Some(file);
}

/// The format of times in notifications.
pub fn timestamp(at: Timestamp) -> String {
    at.as_utc().format(&Rfc3339).unwrap()
}

impl TestServer {
    /// A server with `/registry/events` open.
    pub async fn told_of_events() -> Self {
        Self::start_with(open).await
    }

    /// The notification of a manifest of `alice/app` that alice pushed, pulled or deleted now.
    pub fn event(&self, id: &str, action: &str, tag: &str) -> Value {
        let method = match action {
            "push" => "PUT",
            "delete" => "DELETE",
            _ => "GET",
        };
        json!({
            "id": id, "timestamp": timestamp(self.clock.now()), "action": action,
            "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 498, "digest": "sha256:3c66",
                       "repository": "alice/app", "tag": tag},
            "request": {"id": "cf34", "addr": "127.0.0.1:56092", "method": method, "useragent": SKOPEO},
            "actor": {"name": "alice"}, "source": {"addr": "vm:5101"},
        })
    }

    /// Sends a body to `/registry/events`.
    pub async fn notify(&self, authorization: &str, body: impl Into<reqwest::Body>) -> Answer {
        let client = reqwest::Client::new();
        let request = client.request(Method::POST, self.url("/registry/events")).body(body);
        let response = request.headers(headers(&[("authorization", authorization)])).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    /// Sends notifications as the registry does.
    pub async fn tell(&self, events: Value) {
        let body = json!({"events": events}).to_string();
        assert_eq!(self.notify(&format!("Bearer {SECRET}"), body).await.status, StatusCode::OK);
    }

    /// Notifications that were taken in a moment ago, put there by hand: each of a tag of `alice/app` that is called after
    /// its id, and due at once.
    pub async fn unsettled(&self, ids: &[String], action: &str, actor: &str) {
        let (now, due) = (self.clock.now().millis(), (self.clock.now() - Duration::seconds(5)).millis());
        let of = |row: &dyn Fn(&String) -> String| ids.iter().map(row).collect::<Vec<_>>().join(", ");
        let known = of(&|id| format!("('{id}', {now})"));
        self.sql(&format!("INSERT INTO registry_event (id, received_at) VALUES {known}")).await;
        let kept = of(&|id| format!("('{id}', {due}, {now}, '{action}', 'alice/app', '{id}', '{actor}', '{SKOPEO}')"));
        let columns = "id, received_at, happened_at, action, repository, moved, actor, client";
        self.sql(&format!("INSERT INTO unsettled_event ({columns}) VALUES {kept}")).await;
    }

    /// Waits until what was told is settled, as the server does it by itself.
    pub async fn fields(&self) {
        self.clock.advance(Duration::seconds(5));
        for _ in 0..200 {
            if self.count("unsettled_event").await == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("not settled: {:?}", self.rows("unsettled_event").await);
    }

    /// Of each thing that was moved, whose token it stands with: "v1 push by ci".
    pub async fn moved(&self) -> Vec<String> {
        let query = "SELECT moved || ' ' || action || ' by ' || token.description FROM token_use
                     JOIN token ON token.id = token_use.token_id WHERE moved <> '' ORDER BY 1";
        super::database::texts(&self.app.db, query).await
    }

    /// Asks for a token with a program.
    pub async fn ask(&self, program: &str, secret: &str, actions: &str) {
        let client = self.anonymous().with_header("user-agent", program);
        let answer = client.token("alice", secret, &[&format!("repository:alice/app:{actions}")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
}

impl Browser {
    /// A token, never two at one moment.
    pub async fn next_token(&self, server: &TestServer, description: &str, level: &str) -> MadeToken {
        server.clock.advance(Duration::SECOND);
        self.generate(description, level, "30").await
    }
}
