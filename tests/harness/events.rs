//! A registry that notifies.

use dockpass::config::Settings;
use dockpass_core::timestamp::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::Duration;
use time::format_description::well_known::Rfc3339;

use super::callers::headers;
use super::{Answer, Browser, MadeToken, TestServer};

/// The secret that the registry sends.
pub const SECRET: &str = "a-secret-between-two-programs";
/// The default program that pushes and pulls.
pub const SKOPEO: &str = "skopeo/1.9.3";
/// The digest of every manifest, where a test names no other.
pub const DIGEST: &str = "sha256:3c66";

/// Opens `/registry/events`.
pub fn open(settings: &mut Settings) {
    std::fs::create_dir_all(&settings.data).unwrap();
    let file = settings.data.join("events.secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    settings.events_secret_file = Some(file);
}

/// The same event, done with one of alice's tokens.
pub fn by(token: &MadeToken, mut event: Value) -> Value {
    event["actor"]["name"] = json!(format!("alice/{}", token.id));
    event
}

/// The same event, by digest.
pub fn by_digest(digest: &str, mut event: Value) -> Value {
    event["target"]["tag"] = json!("");
    event["target"]["digest"] = json!(digest);
    event
}

/// As registries write times.
pub fn timestamp(at: Timestamp) -> String {
    at.as_utc().format(&Rfc3339).unwrap()
}

impl TestServer {
    /// With `/registry/events` open.
    pub async fn with_registry() -> Self {
        Self::start_with(open).await
    }

    /// What a registry notifies of a manifest of `alice/app` that alice pushed, pulled or deleted just now with the
    /// password.
    pub fn event(&self, id: &str, action: &str, tag: &str) -> Value {
        let method = match action {
            "push" => "PUT",
            "delete" => "DELETE",
            _ => "GET",
        };
        json!({
            "id": id, "timestamp": timestamp(self.clock.now()), "action": action,
            "target": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 498, "digest": DIGEST,
                       "repository": "alice/app", "tag": tag},
            "request": {"id": "cf34", "addr": "192.0.2.1:56092", "method": method, "useragent": SKOPEO},
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
        let answer = self.notify(&format!("Bearer {SECRET}"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    /// All transfers, each with its token: "v1 push by ci".
    pub async fn transfers(&self) -> Vec<String> {
        let query = "SELECT reference || ' ' || action || ' by ' || token.description FROM token_use
                     JOIN token ON token.id = token_use.token_id WHERE reference <> '' ORDER BY 1";
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

    /// The lines of a token's page below "Recent uses", without times, tags and the digests beside tags:
    /// "Pushed alice/app v1 skopeo 1.9 127.0.0.1 1".
    pub async fn uses_of(&self, token: &MadeToken) -> Vec<String> {
        let page = self.get(&format!("/settings/tokens/{}", token.id)).await.body;
        let Some((_, table)) = page.split_once("id=\"uses-title\"").unwrap().1.split_once("<tbody") else {
            return Vec::new();
        };
        let rows = table.split("</tbody>").next().unwrap().split("<tr ").skip(1);
        let texts = |row: &str| {
            let cells = row.split_once("class=\"what\"").unwrap().1;
            let parts = cells.split('<').filter(|part| !part.contains("digest beneath"));
            let bare: Vec<&str> = parts.map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
            bare.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
        };
        rows.map(texts).collect()
    }
}
