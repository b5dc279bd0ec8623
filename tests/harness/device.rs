//! Programs on devices: they ask for codes, poll, refresh and revoke; their owners approve on the page.

use reqwest::StatusCode;
use time::Duration;

use super::{Answer, Browser, TestServer};

/// What the credential helper calls itself.
pub const PROGRAM: &str = "docker-credential-dockpass";
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The codes of one sign-in.
#[derive(Debug, Clone)]
pub struct Codes {
    pub device_code: String,
    pub user_code: String,
}

/// What a device got.
#[derive(Debug, Clone)]
pub struct Got {
    pub token: String,
    pub refresh: String,
}

impl Got {
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Self { token: text("access_token"), refresh: text("refresh_token") }
    }
}

impl Browser {
    /// Begins a sign-in.
    pub async fn begin(&self, device: &str) -> Codes {
        let answer = self.post("/oauth/device/code", &[("client_id", PROGRAM), ("device_name", device)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Codes { device_code: text("device_code"), user_code: text("user_code") }
    }

    /// Polls for the token.
    pub async fn poll(&self, codes: &Codes) -> Answer {
        let form = [("grant_type", DEVICE_GRANT), ("device_code", &codes.device_code), ("client_id", PROGRAM)];
        self.post("/oauth/token", &form).await
    }

    /// Renews the token.
    pub async fn refresh(&self, refresh: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", PROGRAM)];
        self.post("/oauth/token", &form).await
    }

    /// Approves or denies a sign-in on the page.
    pub async fn decide(&self, codes: &Codes, verb: &str) -> Answer {
        self.post(&format!("/device/{verb}"), &[("user_code", &codes.user_code)]).await
    }
}

impl TestServer {
    /// The whole way: a device of whoever `browser` is signed in as.
    pub async fn device(&self, browser: &Browser, name: &str) -> Got {
        let program = self.anonymous();
        let codes = program.begin(name).await;
        let approved = browser.decide(&codes, "approve").await;
        assert!(approved.status == StatusCode::OK && approved.body.contains("Approved"), "{}", approved.body);
        let got = Got::of(&program.poll(&codes).await);
        // Two sign-ins at the same moment would have no order.
        self.clock.advance(Duration::MILLISECOND);
        got
    }
}
