//! A registry and token server that follows a script. It runs on a thread of its own, because the tests block on
//! programs.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::{Request, State as AxumState};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Value, json};
use tokio::sync::oneshot;

type Fields = BTreeMap<String, String>;

/// A request that the server received.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    pub path: String,
    pub fields: Fields,
    pub at: Instant,
}

/// What the server answers.
#[derive(Debug, Default)]
pub struct Script {
    /// The realm in the challenge, if it is not the server's own.
    pub realm: Option<String>,
    /// Changes of the metadata.
    pub metadata: Value,
    /// Changes of the response that begins a sign-in.
    pub code: Value,
    /// Responses to the polls, then a token.
    pub polls: VecDeque<(u16, Value)>,
    /// Responses to the refreshes, then a token.
    pub refreshes: VecDeque<(u16, Value)>,
    /// How long every poll takes.
    pub poll_delay: Duration,
    /// How long every refresh takes.
    pub refresh_delay: Duration,
    pub revoke_status: Option<u16>,
    /// The only token whose revocation succeeds anyway.
    pub revokes: Option<&'static str>,
    tokens: usize,
    received: Vec<ReceivedRequest>,
}

#[derive(Default)]
struct State {
    script: Mutex<Script>,
    /// Notified at each request.
    request_received: Condvar,
}

type Shared = Arc<State>;

pub struct FakeServer {
    pub address: SocketAddr,
    state: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl FakeServer {
    /// Listens on a free port; its poll interval is one second instead of five.
    pub fn start() -> Self {
        let state = Shared::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (address_sender, address) = std::sync::mpsc::channel();
        let router = router(state.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                address_sender.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    served = axum::serve(listener, router) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), state, stop: Some(stop), thread: Some(thread) }
    }

    /// The registry's host and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Changes the script.
    pub fn configure(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.state.script.lock().unwrap());
    }

    /// The requests for a path.
    pub fn requests(&self, path: &str) -> Vec<ReceivedRequest> {
        let script = self.state.script.lock().unwrap();
        script.received.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Counts a token that a test gives to a workstation without a request; returns its number.
    pub fn issue_token(&self) -> usize {
        let mut script = self.state.script.lock().unwrap();
        script.tokens += 1;
        script.tokens
    }

    /// Waits for a request for a path.
    pub fn wait_for(&self, path: &str) {
        let is_missing = |script: &mut Script| script.received.iter().all(|request| request.path != path);
        let (script, limit) = (self.state.script.lock().unwrap(), Duration::from_secs(30));
        let waited = self.state.request_received.wait_timeout_while(script, limit, is_missing).unwrap();
        assert!(!waited.1.timed_out(), "nobody asked for {path}");
    }

    /// The tokens of the revocation requests.
    pub fn revoked(&self) -> Vec<String> {
        self.requests("/oauth/revoke").iter().map(|request| request.fields["token"].clone()).collect()
    }

    /// The number of refresh requests.
    pub fn refreshes(&self) -> usize {
        let requests = self.requests("/oauth/token");
        requests.iter().filter(|request| request.fields["grant_type"] == "refresh_token").count()
    }

    /// Stops listening.
    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        if self.stop.is_some() {
            self.stop();
        }
    }
}

fn router(state: Shared) -> Router {
    Router::new()
        .route("/v2/", get(challenge))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/oauth/device/code", post(code))
        .route("/oauth/token", post(token))
        .route("/oauth/revoke", post(revoke))
        .layer(from_fn_with_state(state.clone(), record))
        .with_state(state)
}

/// Records every request with its form.
async fn record(AxumState(state): AxumState<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.uri.query(), None, "no query: it would end up in logs");
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let fields = form_urlencoded::parse(&body).into_owned().collect();
    let received = ReceivedRequest { path: parts.uri.path().to_owned(), fields, at: Instant::now() };
    state.script.lock().unwrap().received.push(received);
    state.request_received.notify_all();
    next.run(Request::from_parts(parts, body.into())).await
}

fn origin(request: &Request) -> String {
    format!("http://{}", request.headers()["host"].to_str().unwrap())
}

fn with(mut value: Value, changes: &Value) -> Value {
    for (key, change) in changes.as_object().into_iter().flatten() {
        value[key] = change.clone();
    }
    value
}

async fn challenge(AxumState(state): AxumState<Shared>, request: Request) -> Response {
    let realm = state.script.lock().unwrap().realm.clone().unwrap_or(format!("{}/token", origin(&request)));
    let challenge = format!("Bearer realm=\"{realm}\",service=\"dockpass\"");
    (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
}

async fn metadata(AxumState(state): AxumState<Shared>, request: Request) -> Json<Value> {
    let origin = origin(&request);
    let metadata = json!({
        "issuer": origin,
        "device_authorization_endpoint": format!("{origin}/oauth/device/code"),
        "token_endpoint": format!("{origin}/oauth/token"),
        "revocation_endpoint": format!("{origin}/oauth/revoke"),
    });
    Json(with(metadata, &state.script.lock().unwrap().metadata))
}

async fn code(AxumState(state): AxumState<Shared>, request: Request) -> Json<Value> {
    let origin = origin(&request);
    let code = json!({
        "device_code": "a-secret-device-code",
        "user_code": "WDJB-MJHT",
        "verification_uri": format!("{origin}/device"),
        "verification_uri_complete": format!("{origin}/device?user_code=WDJB-MJHT"),
        "expires_in": 600,
        "interval": 1,
    });
    Json(with(code, &state.script.lock().unwrap().code))
}

async fn token(AxumState(state): AxumState<Shared>, Form(fields): Form<Fields>) -> Response {
    let is_refresh = fields["grant_type"] == "refresh_token";
    let delay = |script: &Script| if is_refresh { script.refresh_delay } else { script.poll_delay };
    let delay = delay(&state.script.lock().unwrap());
    tokio::time::sleep(delay).await;
    let mut script = state.script.lock().unwrap();
    let responses = if is_refresh { &mut script.refreshes } else { &mut script.polls };
    if let Some((status, body)) = responses.pop_front() {
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    script.tokens += 1;
    Json(json!({
        "access_token": format!("dp_dev_{}", script.tokens),
        "token_type": "Bearer",
        "expires_in": 2_592_000,
        "refresh_token": format!("dp_ref_{}", script.tokens),
        "username": "alice",
        "scope": "repo:admin",
    }))
    .into_response()
}

async fn revoke(AxumState(state): AxumState<Shared>, Form(fields): Form<Fields>) -> StatusCode {
    let script = state.script.lock().unwrap();
    let is_revoked = script.revokes.is_some_and(|token| fields["token"] == token);
    let status = script.revoke_status.filter(|_| !is_revoked);
    StatusCode::from_u16(status.unwrap_or(200)).unwrap()
}

/// An error response (RFC 6749 section 5.2).
pub fn refusal(code: &str) -> (u16, Value) {
    refusal_with(code, &format!("the words for {code}"))
}

/// An error response with these words.
pub fn refusal_with(code: &str, description: &str) -> (u16, Value) {
    (400, json!({ "error": code, "error_description": description }))
}
