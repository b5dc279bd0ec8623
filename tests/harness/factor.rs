//! Accounts with two-factor authentication, and their authenticators.

use dockpass_core::timestamp::Timestamp;
use dockpass_core::totp::TotpSecret;
use reqwest::StatusCode;
use time::Duration;

use super::{Answer, Browser, PASSWORD, TestServer};

/// How long a code is shown.
pub const STEP: Duration = Duration::seconds(30);

/// An authenticator app with one secret.
pub struct Authenticator(TotpSecret);

/// A signed-in account with two-factor authentication.
pub struct Enrolled {
    pub browser: Browser,
    pub authenticator: Authenticator,
    pub recovery_codes: Vec<String>,
}

impl Authenticator {
    /// An authenticator with the secret of the set-up page.
    pub fn reading(page: &Answer) -> Self {
        let text = Self::text(page).replace(' ', "");
        Self(TotpSecret::from_bytes(data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap().into()))
    }

    /// The secret as the page shows it.
    pub fn text(page: &Answer) -> String {
        let (_, rest) = page.body.split_once("id=\"totp-secret\">").unwrap_or_else(|| panic!("{}", page.body));
        rest.split('<').next().unwrap().to_owned()
    }

    pub fn code(&self, at: Timestamp) -> String {
        self.0.code_at(at).unwrap()
    }

    /// A code that is not valid at `at`.
    pub fn wrong_code(&self, at: Timestamp) -> String {
        let right = [self.code(at - STEP), self.code(at), self.code(at + STEP)];
        (0..).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
    }

    /// The secret's bytes.
    pub fn secret(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The recovery codes on a page.
pub fn recovery_codes(page: &Answer) -> Vec<String> {
    let items = page.body.split("<li class=\"mono\">").skip(1);
    items.map(|item| item.split('<').next().unwrap().to_owned()).collect()
}

impl TestServer {
    /// Turns two-factor authentication on.
    pub async fn enroll(&self, browser: &Browser) -> (Authenticator, Vec<String>) {
        let page = browser.post("/settings/security/two-factor", &[]).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let authenticator = Authenticator::reading(&page);
        let code = authenticator.code(self.clock.now());
        let shown = browser.post("/settings/security/two-factor/confirm", &[("code", &code)]).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
        (authenticator, recovery_codes(&shown))
    }

    /// Creates an account, signs in and turns two-factor authentication on.
    pub async fn enrolled(&self, name: &str) -> Enrolled {
        let browser = self.account_signed_in(name).await;
        let (authenticator, recovery_codes) = self.enroll(&browser).await;
        Enrolled { browser, authenticator, recovery_codes }
    }

    /// A browser that has sent the password of an account with two-factor authentication, but no code yet.
    pub async fn half_signed_in(&self, name: &str) -> Browser {
        let browser = self.anonymous();
        let answer = browser.post("/login", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/login/code"));
        browser
    }

    /// Waits for the next code, because each one is accepted only once.
    pub fn next_code(&self, authenticator: &Authenticator) -> String {
        self.clock.advance(STEP);
        authenticator.code(self.clock.now())
    }
}
