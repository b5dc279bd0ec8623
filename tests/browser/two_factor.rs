//! Two-factor authentication: turning it on, recovery codes, and signing in with either.

use data_encoding::BASE32_NOPAD;
use dockpass_core::totp::TotpSecret;
use time::Duration;

use crate::driver::journey;
use crate::harness::{PASSWORD, TestServer};
use crate::window::Window;
use crate::words::{CHINESE, ENGLISH, Words};

const STEP: Duration = Duration::seconds(30);
const ESCAPE: char = '\u{e00c}';

/// An authenticator app with the secret from the page.
pub struct App(TotpSecret);

impl App {
    pub fn knowing(text: &str) -> Self {
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        Self(TotpSecret::from_bytes(BASE32_NOPAD.decode(bare.as_bytes()).unwrap().into()))
    }

    pub fn code(&self, server: &TestServer) -> String {
        self.0.code_at(server.clock.now()).unwrap()
    }

    /// The next code, because each one is accepted only once.
    pub fn next(&self, server: &TestServer) -> String {
        server.clock.advance(STEP);
        self.code(server)
    }

    fn wrong(&self, server: &TestServer) -> String {
        let now = server.clock.now();
        (0..).map(|number| format!("{number:06}")).find(|code| self.0.step_of(code, now).is_none()).unwrap()
    }
}

impl Window {
    /// Turns it on from the Security page. Returns the app and the recovery codes, and leaves their dialog or page
    /// open.
    pub async fn turn_on(&self, server: &TestServer) -> (App, Vec<String>) {
        self.goto("/settings/security").await;
        self.click("button", self.words.turn_on).await;
        let app = App::knowing(&self.text("#totp-secret").await);
        self.fill(self.words.code, &app.code(server)).await;
        self.click("button", self.words.confirm).await;
        (app, self.recovery_codes().await)
    }

    async fn recovery_codes(&self) -> Vec<String> {
        self.element("#recovery-codes").await;
        let codes =
            self.script("return [...document.querySelectorAll('#recovery-codes li')].map(li => li.innerText)").await;
        serde_json::from_value(codes).unwrap()
    }

    async fn keep_codes(&self) {
        self.click("checkbox", self.words.saved_them).await;
        self.click("button", self.words.close).await;
        self.holds("!document.querySelector('dialog')").await;
        self.arrive("/settings/security").await;
    }

    async fn sign_out(&self) {
        self.click("button", self.words.account_menu).await;
        let role = if self.has_scripts.get() { "menuitem" } else { "button" };
        self.click(role, self.words.sign_out).await;
        self.arrive("/login").await;
    }
}

#[tokio::test]
async fn two_factor_authentication_is_turned_on_and_asked_for_at_sign_in() {
    main_journey(&ENGLISH).await;
}

#[tokio::test]
async fn two_factor_authentication_speaks_chinese() {
    main_journey(&CHINESE).await;
}

async fn main_journey(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, words, &[401, 422], async |window| {
        window.allow_clipboard().await;
        window.sign_in("alice").await;
        window.click("link", words.security).await;
        window.arrive("/settings/security").await;
        window.show("security").await;
        let (app, codes) = set_up(window, &server).await;
        window.goto("/settings/tokens").await;
        window.show("tokens-two-factor").await;
        sign_in_with_code(window, &server, &app).await;
        sign_in_with_recovery_code(window, &codes).await;
    })
    .await;
}

async fn set_up(window: &Window, server: &TestServer) -> (App, Vec<String>) {
    let words = window.words;
    window.click("button", words.turn_on).await;
    window.find("dialog", words.turn_on).await;
    window.holds("document.activeElement.id === 'code'").await;
    window.holds("document.querySelector('.qr svg').getBoundingClientRect().width >= 200").await;
    assert_eq!(window.find("textbox", words.code).await.attr("autocomplete").await.unwrap().unwrap(), "one-time-code");
    window.show("two-factor").await;
    let app = App::knowing(&window.text("#totp-secret").await);
    window.fill(words.code, &app.wrong(server)).await;
    window.click("button", words.confirm).await;
    window.element("#code-error").await;
    let shown = App::knowing(&window.text("#totp-secret").await);
    assert_eq!(shown.code(server), app.code(server), "a wrong code does not change the secret");
    window.show("two-factor-wrong").await;
    window.fill(words.code, &app.code(server)).await;
    window.click("button", words.confirm).await;
    let codes = window.recovery_codes().await;
    assert_eq!(codes.len(), 10);
    window.find("dialog", words.recovery_codes).await;
    window.show("recovery-codes").await;

    // It stays open until the box is ticked.
    window.press(ESCAPE).await;
    window.press(ESCAPE).await;
    window.click("button", words.close).await;
    assert_eq!(window.recovery_codes().await, codes);
    window.holds("document.querySelector('dialog').matches(':modal')").await;
    window.find("button", words.download).await;
    window.find("button", words.print).await;
    window.click("button", words.copy).await;
    let copied = window
        .until("the codes are copied", async || Some(window.clipboard().await).filter(|text| text.contains(&codes[9])))
        .await;
    assert!(codes.iter().all(|code| copied.contains(code)) && copied.contains("alice"), "{copied}");
    window.keep_codes().await;
    window.reads("#notice", words.two_factor).await;
    window.assert_nowhere(&codes[0]).await;
    window.show("security-on").await;
    (app, codes)
}

async fn sign_in_with_code(window: &Window, server: &TestServer, app: &App) {
    let words = window.words;
    window.sign_out().await;
    window.sign_in_with("alice", PASSWORD).await;
    window.arrive("/login/code").await;
    window.holds("document.activeElement.id === 'code'").await;
    window.show("login-code").await;
    let field = window.find("textbox", words.code).await;
    assert_eq!(field.attr("autocomplete").await.unwrap().unwrap(), "one-time-code");
    assert_eq!(field.attr("inputmode").await.unwrap().unwrap(), "numeric");
    window.fill(words.code, &app.wrong(server)).await;
    window.click("button", words.sign_in).await;
    window.element("[role=alert]").await;
    window.show("login-code-wrong").await;
    // Between password and code no other page opens.
    window.goto("/settings/tokens").await;
    window.arrive("/login?next=%2Fsettings%2Ftokens").await;
    window.goto("/login/code").await;
    // Pasted in two groups, as authenticators copy it.
    let code = app.next(server);
    let copy = format!("navigator.clipboard.writeText('{} {}')", &code[..3], &code[3..]);
    window.script(&format!("return {copy}.then(() => true)")).await;
    window.find("textbox", words.code).await.click().await.unwrap();
    window.press_control('v').await;
    window.click("button", words.sign_in).await;
    window.arrive("/settings/tokens").await;
}

async fn sign_in_with_recovery_code(window: &Window, codes: &[String]) {
    let words = window.words;
    window.sign_out().await;
    window.sign_in_with("alice", PASSWORD).await;
    window.arrive("/login/code").await;
    window.click("link", words.use_recovery_code).await;
    window.arrive("/login/recovery").await;
    window.show("login-recovery").await;
    window.fill(words.recovery_code, "abcd-efgh-ijkl-mnop").await;
    window.click("button", words.sign_in).await;
    window.element("[role=alert]").await;
    window.show("login-recovery-wrong").await;
    window.fill(words.recovery_code, &codes[4].to_uppercase()).await;
    window.click("button", words.sign_in).await;
    window.arrive("/settings/security").await;
    window.reads("#notice", "9").await;
    window.show("security-recovered").await;
    window.reads(".part", "9").await;
}

#[tokio::test]
async fn the_authenticator_is_replaced_the_codes_renewed_and_all_turned_off() {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[401, 403, 422], async |window| {
        window.sign_in("alice").await;
        let (old, first_codes) = window.turn_on(&server).await;
        window.keep_codes().await;

        window.click("button", "Replace authenticator").await;
        window.find("dialog", "Replace authenticator").await;
        window.show("two-factor-replace").await;
        let app = App::knowing(&window.text("#totp-secret").await);
        server.clock.advance(STEP);
        assert_ne!(app.code(&server), old.code(&server));
        window.fill("Authentication code", &app.code(&server)).await;
        window.click("button", "Replace").await;
        window.element("#current_code-error").await;
        window.fill("Authentication code", &app.code(&server)).await;
        window.fill("Code from the current authenticator, or a recovery code", &old.code(&server)).await;
        window.click("button", "Replace").await;
        window.reads("#notice", "replaced").await;
        window.reads(".part", "10 recovery codes").await;

        // Long after the sign-in, new codes need the password and a code first.
        server.clock.advance(Duration::minutes(31));
        window.click("link", "Generate new recovery codes").await;
        window.find("dialog", "Generate new recovery codes").await;
        window.show("recovery-codes-question").await;
        window.fill("Authentication code or recovery code", &first_codes[0]).await;
        window.click("button", "Generate new recovery codes").await;
        window.find("dialog", "Confirm it’s you").await;
        window.show("fresh-two-factor").await;
        window.fill("Password", PASSWORD).await;
        window.fill("Authentication code", &old.code(&server)).await;
        window.click("button", "Continue").await;
        window.element("#confirm_code-error").await;
        window.show("fresh-two-factor-wrong").await;
        window.fill("Password", PASSWORD).await;
        window.fill("Authentication code", &app.code(&server)).await;
        window.click("button", "Continue").await;
        let codes = window.recovery_codes().await;
        assert!(codes.iter().all(|code| !first_codes.contains(code)));
        window.keep_codes().await;

        window.click("link", "Turn off two-factor authentication").await;
        window.find("dialog", "Turn off two-factor authentication").await;
        window.show("two-factor-off").await;
        window.fill("Authentication code or recovery code", &first_codes[0]).await;
        window.click("button", "Turn off two-factor authentication").await;
        window.element("#code-error").await;
        window.show("two-factor-off-wrong").await;
        window.fill("Authentication code or recovery code", &codes[0]).await;
        window.click("button", "Turn off two-factor authentication").await;
        window.reads("#notice", "is off").await;
        window.find("button", "Turn on two-factor authentication").await;
        window.sign_out().await;
        window.sign_in("alice").await;
    })
    .await;
}

#[tokio::test]
async fn two_factor_authentication_works_without_javascript() {
    plain(&ENGLISH).await;
}

#[tokio::test]
async fn two_factor_authentication_works_without_javascript_in_chinese() {
    plain(&CHINESE).await;
}

async fn plain(words: &'static Words) {
    let server = TestServer::start().await;
    server.account("alice").await;
    journey(&server, words, &[401, 422], async |window| {
        window.without_scripts().await;
        window.sign_in("alice").await;
        window.goto("/settings/security").await;
        window.click("button", words.turn_on).await;
        window.show("plain-two-factor").await;
        window.fill(words.code, "12345").await;
        window.click("button", words.confirm).await;
        window.element("#code-error").await;
        let app = App::knowing(&window.text("#totp-secret").await);
        window.fill(words.code, &app.code(&server)).await;
        window.click("button", words.confirm).await;
        let codes = window.recovery_codes().await;
        for name in [words.copy, words.download, words.print] {
            assert!(window.all("button", name).await.is_empty(), "no button that could do nothing");
        }
        window.show("plain-recovery-codes").await;
        window.click("button", words.close).await;
        assert_eq!(window.recovery_codes().await, codes, "the box must be ticked");
        window.keep_codes().await;
        window.sign_out().await;
        window.sign_in_with("alice", PASSWORD).await;
        window.arrive("/login/code").await;
        window.fill(words.code, &app.next(&server)).await;
        window.click("button", words.sign_in).await;
        window.arrive("/settings/tokens").await;
        window.goto("/settings/security").await;
        window.click("link", words.turn_off).await;
        window.element("#code").await.send_keys(app.next(&server)).await.unwrap();
        window.show("plain-two-factor-off").await;
        window.click("button", words.turn_off).await;
        window.find("button", words.turn_on).await;
    })
    .await;
}

#[tokio::test]
async fn where_it_is_required_nothing_else_opens_until_it_is_on() {
    let server = TestServer::start_with(|settings| settings.require_2fa = "true".into()).await;
    server.account("alice").await;
    journey(&server, &ENGLISH, &[], async |window| {
        window.sign_in_with("alice", PASSWORD).await;
        window.arrive("/settings/security").await;
        window.reads("main .notice.warning", "requires two-factor authentication").await;
        window.show("security-required").await;
        for path in ["/settings", "/settings/tokens", "/settings/sessions", "/admin/accounts"] {
            window.goto(path).await;
            window.arrive("/settings/security").await;
        }
        let (_, codes) = window.turn_on(&server).await;
        assert_eq!(codes.len(), 10);
        window.keep_codes().await;
        window.click("link", "Personal access tokens").await;
        window.arrive("/settings/tokens").await;
    })
    .await;
}
