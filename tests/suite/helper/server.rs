//! A server that speaks the device grant and follows a script. It runs on a thread of its own: the tests wait for
//! programs, not for futures.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Form, Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

type Fields = BTreeMap<String, String>;

/// What the server was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub fields: Fields,
    pub at: Instant,
}

/// What it says.
#[derive(Debug, Default)]
pub struct Script {
    /// Where it is not the server's own, the challenge of `/v2/`.
    pub realm: Option<String>,
    /// Changes of the metadata.
    pub metadata: Value,
    /// Changes of the answer to a beginning sign-in.
    pub code: Value,
    /// Answers to the polls in turn; when they run out, a token.
    pub polls: VecDeque<(u16, Value)>,
    /// Answers to refreshes in turn; when they run out, a token.
    pub refreshes: VecDeque<(u16, Value)>,
    /// How long every poll takes.
    pub poll_takes: Duration,
    /// How long every refresh takes.
    pub refresh_takes: Duration,
    pub revoke_status: Option<u16>,
    /// The only revocation that succeeds all the same.
    pub revokes: Option<&'static str>,
    given: usize,
    asked: Vec<Asked>,
}

type Shared = Arc<Mutex<Script>>;

pub struct Server {
    pub address: SocketAddr,
    script: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Runs it on a free port; it answers after a second instead of five.
    pub fn start() -> Self {
        let script = Shared::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let router = router(script.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    served = axum::serve(listener, router) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), script, stop: Some(stop), thread: Some(thread) }
    }

    /// Host and port, as a registry is named.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Changes what it says.
    pub fn say(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// What it was asked for at a path.
    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let script = self.script.lock().unwrap();
        script.asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// The tokens that were to be ended.
    pub fn revoked(&self) -> Vec<String> {
        self.asked("/oauth/revoke").iter().map(|asked| asked.fields["token"].clone()).collect()
    }

    /// How often a token was renewed.
    pub fn refreshes(&self) -> usize {
        let asked = self.asked("/oauth/token");
        asked.iter().filter(|asked| asked.fields["grant_type"] == "refresh_token").count()
    }

    /// From now on nobody listens at its address.
    pub fn goes_away(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stop.is_some() {
            self.goes_away();
        }
    }
}

fn router(script: Shared) -> Router {
    Router::new()
        .route("/v2/", get(challenge))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/oauth/device/code", post(code))
        .route("/oauth/token", post(token))
        .route("/oauth/revoke", post(revoke))
        .layer(from_fn_with_state(script.clone(), write_down))
        .with_state(script)
}

/// Keeps every request, with its form.
async fn write_down(State(script): State<Shared>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.uri.query(), None, "nothing stands in an address");
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let fields = form_urlencoded::parse(&body).into_owned().collect();
    let asked = Asked { path: parts.uri.path().to_owned(), fields, at: Instant::now() };
    script.lock().unwrap().asked.push(asked);
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

async fn challenge(State(script): State<Shared>, request: Request) -> Response {
    let realm = script.lock().unwrap().realm.clone().unwrap_or(format!("{}/token", origin(&request)));
    let challenge = format!("Bearer realm=\"{realm}\",service=\"dockpass\"");
    (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
}

async fn metadata(State(script): State<Shared>, request: Request) -> Json<Value> {
    let origin = origin(&request);
    let metadata = json!({
        "issuer": origin,
        "device_authorization_endpoint": format!("{origin}/oauth/device/code"),
        "token_endpoint": format!("{origin}/oauth/token"),
        "revocation_endpoint": format!("{origin}/oauth/revoke"),
    });
    Json(with(metadata, &script.lock().unwrap().metadata))
}

async fn code(State(script): State<Shared>, request: Request) -> Json<Value> {
    let origin = origin(&request);
    let code = json!({
        "device_code": "a-secret-device-code",
        "user_code": "WDJB-MJHT",
        "verification_uri": format!("{origin}/device"),
        "verification_uri_complete": format!("{origin}/device?user_code=WDJB-MJHT"),
        "expires_in": 600,
        "interval": 1,
    });
    Json(with(code, &script.lock().unwrap().code))
}

async fn token(State(script): State<Shared>, Form(fields): Form<Fields>) -> Response {
    let is_refresh = fields["grant_type"] == "refresh_token";
    let takes = |script: &Script| if is_refresh { script.refresh_takes } else { script.poll_takes };
    let takes = takes(&script.lock().unwrap());
    tokio::time::sleep(takes).await;
    let mut script = script.lock().unwrap();
    let answers = if is_refresh { &mut script.refreshes } else { &mut script.polls };
    if let Some((status, answer)) = answers.pop_front() {
        return (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response();
    }
    script.given += 1;
    Json(json!({
        "access_token": format!("dp_dev_{}", script.given),
        "token_type": "Bearer",
        "expires_in": 2_592_000,
        "refresh_token": fields.get("refresh_token").cloned().unwrap_or(format!("dp_ref_{}", script.given)),
        "username": "alice",
        "scope": "repo:admin",
    }))
    .into_response()
}

async fn revoke(State(script): State<Shared>, Form(fields): Form<Fields>) -> StatusCode {
    let script = script.lock().unwrap();
    let is_revoked = script.revokes.is_some_and(|token| fields["token"] == token);
    let status = script.revoke_status.filter(|_| !is_revoked);
    StatusCode::from_u16(status.unwrap_or(200)).unwrap()
}

/// An answer of RFC 6749 section 5.2.
pub fn refusal(code: &str) -> (u16, Value) {
    (400, json!({ "error": code, "error_description": format!("the words for {code}") }))
}
