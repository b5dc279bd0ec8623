//! Devices that sign in through the browser.

use reqwest::StatusCode;
use time::Duration;

use super::{Answer, Browser, TestServer};

/// The client id of the credential helper.
pub const PROGRAM: &str = "docker-credential-dockpass";
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The codes of one sign-in.
#[derive(Debug, Clone)]
pub struct Codes {
    pub device_code: String,
    pub user_code: String,
}

/// The tokens of a device.
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

    /// Refreshes the token.
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
    /// A new device, approved by the account that is signed in to `browser`.
    pub async fn device(&self, browser: &Browser, name: &str) -> Got {
        let program = self.anonymous();
        let codes = program.begin(name).await;
        let approved = browser.decide(&codes, "approve").await;
        assert!(approved.status == StatusCode::OK && approved.body.contains("Approved"), "{}", approved.body);
        let got = Got::of(&program.poll(&codes).await);
        // Otherwise two devices would have the same creation time and so no order.
        self.clock.advance(Duration::MILLISECOND);
        got
    }
}
