//! What all tests share: a server in this process, and clients for it.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part; a test may panic")]

pub mod callers;
pub mod commands;
pub mod database;
pub mod device;
pub mod disk;
pub mod events;
pub mod factor;
pub mod filled_tables;
pub mod program;
pub mod routes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use dockpass::accounts::actions::{self, NewAccount};
use dockpass::app::App;
use dockpass::config::{Config, Settings};
use dockpass::platform::clock::Clock;
use dockpass::platform::rng::SystemRng;
use dockpass::server::{Server, StopRequest};
use dockpass_core::password::{HashMemory, Password, PasswordDigest};
use dockpass_core::username::Username;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The password of every account in these tests.
pub const PASSWORD: &str = "a quiet harbour at dawn";

/// Hashed only once to save time.
static DIGEST: LazyLock<PasswordDigest> =
    LazyLock::new(|| Password::typed(PASSWORD).hash([9; 16], &mut HashMemory::default()));

/// A server in this process with its own database: an SQLite file, or a schema of the PostgreSQL server in
/// `DOCKPASS_TEST_POSTGRES`.
pub struct TestServer {
    pub app: App,
    pub clock: Clock,
    pub address: SocketAddr,
    pub setup_link: Option<String>,
    pub folder: TempDir,
    stop: mpsc::UnboundedSender<StopRequest>,
    running: Option<JoinHandle<()>>,
}

/// All files with this ending below a folder, with their contents, by their path from the repository's root.
pub fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![root.join(folder)]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The default settings for tests.
pub fn settings(data: &Path) -> Settings {
    Settings {
        listen: "127.0.0.1:0".into(),
        data: data.to_owned(),
        database_url: postgres_schema(),
        registry_service: "dockpass".into(),
        issuer: "dockpass".into(),
        session_idle_hours: "24".into(),
        session_max_days: "30".into(),
        log_format: "text".into(),
        ..Settings::default()
    }
}

/// The URL of a PostgreSQL schema that no other test uses. `None` if the suite runs on SQLite.
fn postgres_schema() -> Option<String> {
    let url = std::env::var("DOCKPASS_TEST_POSTGRES").ok()?;
    let schema = format!("test_{}", SystemRng.id(Clock::System.now()).replace('-', ""));
    let joint = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{joint}options=-csearch_path%3D{schema}"))
}

async fn make_schema(url: &str) {
    use sqlx::Connection as _;
    let schema = url.rsplit("%3D").next().unwrap();
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let statement = format!("CREATE SCHEMA {schema}");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

impl TestServer {
    /// A server with the default settings and a manual clock.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A server with changed settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder.path().join("data"));
        change(&mut settings);
        if let Some(url) = settings.database_url.as_deref().filter(|url| url.contains("search_path")) {
            make_schema(url).await;
        }
        Self::serve(Config::check(&settings).unwrap(), Clock::manual(), folder).await
    }

    /// Another server on the same database and clock.
    pub async fn beside(&self) -> Self {
        self.beside_with(|_| {}).await
    }

    /// Another server with changed settings on the same database and clock.
    pub async fn beside_with(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.app.config.as_ref().clone();
        change(&mut config);
        Self::serve(config, self.clock.clone(), tempfile::tempdir().unwrap()).await
    }

    /// Writes what requests noted, as the server does once a second.
    pub async fn flush(&self) {
        dockpass::server::flush(&self.app).await.unwrap();
    }

    /// Does what the server does every hour; how many auto-generated tokens that ended.
    pub async fn tidy(&self) -> i64 {
        let count = "SELECT COUNT(*) FROM token WHERE source = 'auto-generated'";
        let before = self.number(count).await.unwrap();
        dockpass::server::tidy(&self.app).await.unwrap();
        before - self.number(count).await.unwrap()
    }

    async fn serve(config: Config, clock: Clock, folder: TempDir) -> Self {
        let server = Server::bind(config, clock.clone()).await.unwrap();
        let (stop, requests) = mpsc::unbounded_channel();
        let (app, address) = (server.app().clone(), server.address());
        let setup_link = server.setup_link().map(str::to_owned);
        let running = tokio::spawn(server.run(requests));
        Self { app, clock, address, setup_link, folder, stop, running: Some(running) }
    }

    /// Stops the server as SIGINT does, and waits until it has written everything.
    pub async fn stop(&mut self) {
        self.stop.send(StopRequest::Stop).unwrap();
        self.running.take().unwrap().await.unwrap();
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.app.config.data.clone()
    }

    /// Creates an account with [`PASSWORD`], without the slow hash.
    pub async fn account(&self, name: &str) {
        let new = NewAccount { username: Username::parse(name).unwrap(), digest: DIGEST.clone(), is_admin: false };
        let mut tx = self.app.db.write().await.unwrap();
        actions::create(&mut tx, new, self.clock.now(), SystemRng).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A client without cookies.
    pub fn anonymous(&self) -> Browser {
        Browser::new(&self.url(""))
    }

    /// A client that signed in through the form.
    pub async fn signed_in(&self, name: &str) -> Browser {
        let browser = self.anonymous();
        let answer = browser.post("/login", &[("username", name), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }

    /// Creates an account and signs in.
    pub async fn account_signed_in(&self, name: &str) -> Browser {
        self.account(name).await;
        self.signed_in(name).await
    }
}

/// An HTTP client with a cookie jar that follows no redirects.
pub struct Browser {
    client: reqwest::Client,
    base: String,
    cookies: Mutex<BTreeMap<String, String>>,
    headers: HeaderMap,
}

/// A response with its body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// A header's value, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `Set-Cookie` header for this cookie, or an empty text. The port in its name does not matter.
    pub fn set_cookie(&self, name: &str) -> &str {
        let mut lines = self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        let is_name = |found: &str| found == name || found.rsplit_once('-').is_some_and(|(bare, _)| bare == name);
        lines.find(|line| line.split_once('=').is_some_and(|(found, _)| is_name(found))).unwrap_or_default()
    }

    /// The secret that a page shows only once: a token, a link or a calendar address.
    pub fn shown_once(&self) -> String {
        let (_, rest) = self.body.split_once("aria-describedby=\"secret-once\">").unwrap_or_else(|| panic!("{self:?}"));
        rest.split('<').next().unwrap().to_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// The text between the first occurrence of `before` and the next double quote.
    pub fn after(&self, before: &str) -> String {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A generated token.
#[derive(Debug, Clone)]
pub struct MadeToken {
    pub id: String,
    pub secret: String,
}

impl Browser {
    fn new(base: &str) -> Self {
        // Reading the machine's certificates took a quarter of the suite's time.
        let client = reqwest::Client::builder().redirect(Policy::none()).tls_certs_only([]).build().unwrap();
        Self { client, base: base.to_owned(), cookies: Mutex::default(), headers: HeaderMap::new() }
    }

    /// Adds a header to every request.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// Adds a cookie. Over plain http its name carries the port of the server.
    pub fn with_cookie(self, name: &str, value: &str) -> Self {
        self.cookies.lock().unwrap().insert(self.cookie_name(name), value.to_owned());
        self
    }

    /// A cookie that the server set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(&self.cookie_name(name)).cloned()
    }

    fn cookie_name(&self, name: &str) -> String {
        let port = self.base.rsplit(':').next().unwrap();
        if name.starts_with("__Host-") { name.to_owned() } else { format!("{name}-{port}") }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, HeaderMap::new()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, Some(form), HeaderMap::new()).await
    }

    /// Sends a GET as htmx does.
    pub async fn htmx_get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, htmx()).await
    }

    /// Posts a form as htmx does.
    pub async fn htmx_post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, Some(form), htmx()).await
    }

    /// Sends a request with the cookies, and stores the cookies of the response.
    pub async fn send(&self, method: Method, path: &str, form: Option<&[(&str, &str)]>, more: HeaderMap) -> Answer {
        self.try_send(method, path, form, more).await.unwrap()
    }

    /// The same for a server that may be gone.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        form: Option<&[(&str, &str)]>,
        more: HeaderMap,
    ) -> reqwest::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, url).headers(self.headers.clone()).headers(more);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        let response = request.send().await?;
        for cookie in response.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.lock().unwrap().remove(name);
            } else {
                self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body: response.text().await? })
    }

    /// Generates a token through the form. `expiration` is a value of the select.
    pub async fn generate(&self, description: &str, level: &str, expiration: &str) -> MadeToken {
        let key = self.get("/settings/tokens/new").await.after("name=\"form_key\" value=\"");
        let form = [
            ("form_key", key.as_str()),
            ("description", description),
            ("expiration", expiration),
            ("permission", level),
        ];
        let answer = self.post("/settings/tokens", &form).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let secret = format!("dp_pat_{}", &answer.body.split("dp_pat_").nth(1).unwrap()[..36]);
        let id = token_id(&self.get("/settings/tokens").await.body, &secret);
        MadeToken { id, secret }
    }

    /// Sends a token request with Basic credentials.
    pub async fn token(&self, name: &str, secret: &str, scopes: &[&str]) -> Answer {
        self.try_token(name, secret, scopes).await.unwrap()
    }

    /// The same for a server that may be gone.
    pub async fn try_token(&self, name: &str, secret: &str, scopes: &[&str]) -> reqwest::Result<Answer> {
        let path = {
            let mut query = form_urlencoded::Serializer::for_suffix(String::from("/token?"), "/token?".len());
            query.append_pair("service", "dockpass").append_pair("account", name);
            scopes.iter().for_each(|scope| {
                query.append_pair("scope", scope);
            });
            query.finish()
        };
        let mut headers = HeaderMap::new();
        headers.insert("authorization", basic(name, secret));
        self.try_send(Method::GET, &path, None, headers).await
    }
}

/// The id of a token on the page of all tokens. It is found by its hint, because tokens with the same creation time have no
/// order.
pub fn token_id(page: &str, secret: &str) -> String {
    let hint = format!("{}…{}", &secret[..10], &secret[40..]);
    let row = page.split_once(&hint).unwrap().0.rsplit("href=\"/settings/tokens/").next().unwrap();
    row.split('"').next().unwrap().to_owned()
}

fn htmx() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("hx-request", HeaderValue::from_static("true"));
    headers
}

/// The value of an `Authorization` header with Basic credentials.
pub fn basic(name: &str, secret: &str) -> HeaderValue {
    let encoded = data_encoding::BASE64.encode(format!("{name}:{secret}").as_bytes());
    HeaderValue::from_str(&format!("Basic {encoded}")).unwrap()
}

/// The claims of a JWT, without verification.
pub fn claims(token: &str) -> serde_json::Value {
    let body = data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}
