//! A client that generates, changes, uses and deletes tokens, and remembers only what the server told it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use tokio::time::{sleep, timeout};

use crate::Dice;
use crate::harness::device::{DEVICE_GRANT, PROGRAM};
use crate::harness::program::{Program, run_with_input};
use crate::harness::{Answer, Browser, MadeToken, PASSWORD, token_id};

/// With more tokens than this it rather deletes.
const ENOUGH: usize = 15;
const SCOPE: &[&str] = &["repository:app:pull"];

/// What the server has answered to clients, so that a test can wait for load.
#[derive(Default)]
pub struct Answers {
    all: AtomicUsize,
    unavailable: AtomicUsize,
}

impl Answers {
    /// How many were 503.
    pub fn unavailable(&self) -> usize {
        self.unavailable.load(Ordering::Relaxed)
    }

    /// Waits for so many more answers.
    pub async fn wait_for(&self, more: usize) {
        self.until(&self.all, more).await;
    }

    /// Waits for so many more answers of 503.
    pub async fn wait_for_unavailable(&self, more: usize) {
        self.until(&self.unavailable, more).await;
    }

    async fn until(&self, count: &AtomicUsize, more: usize) {
        let end = count.load(Ordering::Relaxed) + more;
        let reached = async {
            while count.load(Ordering::Relaxed) < end {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(Duration::from_secs(120), reached).await.expect("the clients get answers");
    }
}

/// One account with a browser, a CI job and a device.
pub struct Client {
    name: String,
    session: Option<String>,
    dice: Dice,
    generated: usize,
    /// Tokens that were shown, and whether they are active.
    shown: Vec<(MadeToken, bool)>,
    /// Tokens whose deletion was confirmed.
    deleted: Vec<String>,
    device: Option<Device>,
    answers: Arc<Answers>,
}

struct Device {
    secret: String,
    refresh: String,
    /// A refresh was sent and not answered, so the secret may be replaced by now.
    is_refreshing: bool,
}

impl Client {
    /// An account of its own in the database of these settings.
    pub fn new(name: &str, settings: &[&str], answers: &Arc<Answers>) -> Self {
        let add = [settings, &["account", "add", name, "--password-stdin"]].concat();
        let output = run_with_input(&add, PASSWORD);
        assert!(output.status.success(), "{output:?}");
        let (dice, name) = (Dice::new(), name.to_owned());
        Self {
            name,
            session: None,
            dice,
            generated: 0,
            shown: Vec::new(),
            deleted: Vec::new(),
            device: None,
            answers: Arc::clone(answers),
        }
    }

    /// How many tokens were shown and how many deletions confirmed.
    pub fn counts(&self) -> (usize, usize) {
        (self.shown.len() + self.deleted.len(), self.deleted.len())
    }

    /// Works until the server is gone, or `until` says so. A 503 is an answer of its own: what it was for may have happened.
    pub async fn work(&mut self, base: &str, until: impl Fn() -> bool) {
        let browser = self.browser(base);
        while !until() {
            if self.step(&browser).await.is_err() {
                return;
            }
        }
    }

    /// The browser with its session; a new sign-in is needed by then only where none was confirmed.
    fn browser(&self, base: &str) -> Browser {
        let browser = Browser::at(base);
        match &self.session {
            Some(session) => browser.with_cookie("dockpass", session),
            None => browser,
        }
    }

    async fn step(&mut self, browser: &Browser) -> reqwest::Result<()> {
        if self.session.is_none() {
            return self.sign_in(browser).await;
        }
        match self.dice.below(8) {
            0..=2 if self.shown.len() < ENOUGH => self.generate(browser).await,
            0..=3 => self.delete(browser).await,
            4 => self.switch(browser).await,
            5 => self.use_device(browser).await,
            _ => self.use_token(browser).await,
        }
    }

    async fn sign_in(&mut self, browser: &Browser) -> reqwest::Result<()> {
        let form = [("username", self.name.as_str()), ("password", PASSWORD)];
        let answer = self.post(browser, "/login", &form).await?;
        if let Some(answer) = answer {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
            self.session = browser.cookie("dockpass");
        }
        Ok(())
    }

    async fn generate(&mut self, browser: &Browser) -> reqwest::Result<()> {
        let Some(page) = self.get(browser, "/settings/tokens/new").await? else { return Ok(()) };
        let key = page.after("name=\"form_key\" value=\"");
        self.generated += 1;
        let description = format!("{}-{}", self.name, self.generated);
        let form = [
            ("form_key", key.as_str()),
            ("description", &description),
            ("expiration", "30"),
            ("permission", "repo:read"),
        ];
        let Some(answer) = self.post(browser, "/settings/tokens", &form).await? else { return Ok(()) };
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let secret = format!("dp_pat_{}", &answer.body.split("dp_pat_").nth(1).unwrap()[..36]);
        // Without its id it cannot be deleted, but it must work.
        self.shown.push((MadeToken { id: String::new(), secret: secret.clone() }, true));
        let Some(list) = self.get(browser, "/settings/tokens").await? else { return Ok(()) };
        self.shown.last_mut().unwrap().0.id = token_id(&list.body, &secret);
        Ok(())
    }

    /// One of the tokens whose id is known, out of the list: what happens to it is unknown until the answer.
    fn take_token(&mut self) -> Option<(MadeToken, bool)> {
        let known: Vec<usize> = (0..self.shown.len()).filter(|at| !self.shown[*at].0.id.is_empty()).collect();
        if known.is_empty() {
            return None;
        }
        Some(self.shown.swap_remove(known[self.dice.below(known.len())]))
    }

    async fn delete(&mut self, browser: &Browser) -> reqwest::Result<()> {
        let Some((token, _)) = self.take_token() else { return Ok(()) };
        let answer = self.post(browser, &format!("/settings/tokens/{}/delete", token.id), &[]).await?;
        if let Some(answer) = answer {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
            self.deleted.push(token.secret);
        }
        Ok(())
    }

    async fn switch(&mut self, browser: &Browser) -> reqwest::Result<()> {
        let Some((token, is_active)) = self.take_token() else { return Ok(()) };
        let verb = if is_active { "deactivate" } else { "activate" };
        let answer = self.post(browser, &format!("/settings/tokens/{}/{verb}", token.id), &[]).await?;
        if let Some(answer) = answer {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
            self.shown.push((token, !is_active));
        }
        Ok(())
    }

    async fn use_token(&mut self, browser: &Browser) -> reqwest::Result<()> {
        if self.shown.is_empty() {
            return Ok(());
        }
        let at = self.dice.below(self.shown.len());
        self.answers_at(browser, &self.shown[at].0.secret, self.shown[at].1).await
    }

    /// Signs in a device, or renews its token.
    async fn use_device(&mut self, browser: &Browser) -> reqwest::Result<()> {
        let client = [("client_id", PROGRAM)];
        if let Some(device) = &mut self.device {
            device.is_refreshing = true;
            let refresh = device.refresh.clone();
            let form = [client[0], ("grant_type", "refresh_token"), ("refresh_token", &refresh)];
            if let Some(answer) = self.post(browser, "/oauth/token", &form).await? {
                self.device = Some(Device::of(&answer));
            }
            return Ok(());
        }
        let form = [client[0], ("device_name", "laptop")];
        let Some(begun) = self.post(browser, "/oauth/device/code", &form).await? else { return Ok(()) };
        if begun.status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(());
        }
        let code = |name: &str| begun.json()[name].as_str().unwrap().to_owned();
        let (device_code, user_code) = (code("device_code"), code("user_code"));
        let approved = self.post(browser, "/device/approve", &[("user_code", &user_code)]).await?;
        if approved.is_none() {
            return Ok(());
        }
        let form = [client[0], ("grant_type", DEVICE_GRANT), ("device_code", &device_code)];
        if let Some(answer) = self.post(browser, "/oauth/token", &form).await? {
            self.device = Some(Device::of(&answer));
        }
        Ok(())
    }

    async fn get(&self, browser: &Browser, path: &str) -> reqwest::Result<Option<Answer>> {
        let answer = browser.try_send(Method::GET, path, None, HeaderMap::new()).await?;
        Ok(self.unless_unavailable(answer))
    }

    async fn post(&self, browser: &Browser, path: &str, form: &[(&str, &str)]) -> reqwest::Result<Option<Answer>> {
        let answer = browser.try_send(Method::POST, path, Some(form), HeaderMap::new()).await?;
        Ok(self.unless_unavailable(answer))
    }

    fn note(&self, is_unavailable: bool) {
        self.answers.all.fetch_add(1, Ordering::Relaxed);
        self.answers.unavailable.fetch_add(usize::from(is_unavailable), Ordering::Relaxed);
    }

    fn unless_unavailable(&self, answer: Answer) -> Option<Answer> {
        let is_unavailable = answer.status == StatusCode::SERVICE_UNAVAILABLE;
        self.note(is_unavailable);
        (!is_unavailable).then_some(answer)
    }

    /// A token that works must work, and another must not, as long as the database can be read.
    async fn answers_at(&self, browser: &Browser, secret: &str, works: bool) -> reqwest::Result<()> {
        let answer = browser.try_token(&self.name, secret, SCOPE).await?;
        let expected = if works { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        self.note(answer.status == StatusCode::SERVICE_UNAVAILABLE);
        let is_answer = answer.status == expected || answer.status == StatusCode::SERVICE_UNAVAILABLE;
        assert!(is_answer, "{}: a token that works: {works}; the answer: {answer:?}", self.name);
        Ok(())
    }

    /// After a failure: every token that was shown works, no deleted one does, the session and the device go on. Of the
    /// deleted ones only the latest, unless `all` are asked for.
    pub async fn check(&mut self, program: &Program, all: bool) {
        let browser = self.browser(&program.base);
        if self.session.is_some() {
            let page = browser.get("/settings/tokens").await;
            assert_eq!(page.status, StatusCode::OK, "{}: the session is lost", self.name);
        }
        let status = async |secret: &str| browser.token(&self.name, secret, SCOPE).await.status;
        for (token, is_active) in &self.shown {
            let expected = if *is_active { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            assert_eq!(status(&token.secret).await, expected, "{}: a token that was shown", self.name);
        }
        let latest = if all { 0 } else { self.deleted.len().saturating_sub(10) };
        for secret in &self.deleted[latest..] {
            assert_eq!(status(secret).await, StatusCode::UNAUTHORIZED, "{}: a deleted token", self.name);
        }
        if let Some(device) = &self.device {
            if !device.is_refreshing {
                assert_eq!(status(&device.secret).await, StatusCode::OK, "{}: the device's token", self.name);
            }
            // Where the answer was lost, the same refresh token gets it again.
            let form =
                [("client_id", PROGRAM), ("grant_type", "refresh_token"), ("refresh_token", device.refresh.as_str())];
            let device = Device::of(&browser.post("/oauth/token", &form).await);
            assert_eq!(status(&device.secret).await, StatusCode::OK, "{}: the device's new token", self.name);
            self.device = Some(device);
        }
    }

    /// Signs in where no session is known, or `again`: generating a token needs a sign-in within half an hour.
    pub async fn be_signed_in(&mut self, program: &Program, again: bool) {
        if self.session.is_none() || again {
            self.sign_in(&program.browser()).await.unwrap();
            assert!(self.session.is_some(), "{}: the server is there", self.name);
        }
    }
}

impl Device {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        Self { secret: text("access_token"), refresh: text("refresh_token"), is_refreshing: false }
    }
}
