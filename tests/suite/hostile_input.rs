//! Thousands of generated requests over all routes, and clients that hold connections open.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpStream;
use std::{panic, thread};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use dockpass::router::router;
use form_urlencoded::byte_serialize;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::StatusCode;
use time::Duration;
use tower::ServiceExt as _;

use crate::harness::program::Program;
use crate::harness::routes::routes;
use crate::harness::{Answer, Browser, PASSWORD, TestServer, basic};
use crate::web::headers::assert_has_security_headers;

const SERVERS: u64 = 4;
const ROUNDS: usize = 10;
const REQUESTS: usize = 500;
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];
/// Texts that break servers, and some that are valid somewhere.
const TEXTS: [&str; 36] = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "2",
    "30",
    "99999999999999999999",
    "1e309",
    "NaN",
    "none",
    "custom",
    "delete",
    "activate",
    "push",
    "yes",
    "alice",
    "alice/api",
    "alice/*",
    "../../etc/passwd",
    "'; DROP TABLE account; --",
    "<b>&\"'",
    "%",
    "%00",
    "\u{0}",
    "\r\nset-cookie: a=b",
    "\u{202e}\u{feff}",
    "\u{1F469}\u{200D}\u{1F4BB}",
    "2026-02-30",
    "9999-12-31",
    "dp_pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr",
    "WDJB-MJHT",
    "repo:admin",
    "repository:alice/api:pull,push,*",
    "registry:catalog:*",
    PASSWORD,
];
const HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cookie",
    "forwarded",
    "host",
    "hx-current-url",
    "hx-request",
    "if-none-match",
    "origin",
    "range",
    "referer",
    "sec-fetch-site",
    "user-agent",
    "x-forwarded-for",
];
const CONTENT_TYPES: [&str; 7] = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/json",
    "multipart/form-data; boundary=x",
    "application/vnd.docker.distribution.events.v1+json",
    "text/plain",
    "",
];

/// The names of all fields that a form or a query may have, read from the templates and the sources.
fn field_names() -> Vec<String> {
    let mut names = BTreeSet::new();
    for (_, text) in crate::harness::files("templates", ".html") {
        let values = text.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned));
        names.extend(values.filter(|name| !name.contains('{')));
    }
    for name in ["like", "kind", "next", "page", "scope", "service", "account", "grant_type", "client_id", "events"] {
        names.insert(name.to_owned());
    }
    names.into_iter().collect()
}

struct Generator {
    rng: StdRng,
    routes: Vec<(String, String)>,
    fields: Vec<String>,
    /// Cookies of one's own sessions, and an empty one.
    cookies: Vec<String>,
    ids: Vec<String>,
    secret: String,
}

impl Generator {
    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list.choose(&mut self.rng).copied().unwrap_or_default()
    }

    fn is(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn id(&mut self) -> String {
        self.ids.choose(&mut self.rng).cloned().unwrap_or_default()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.rng.random_range(0..=most);
        (0..length).map(|_| self.rng.random::<u8>()).collect()
    }

    fn value(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..20) {
            0 => self.bytes(40),
            1 => vec![b'x'; self.rng.random_range(0..9000)],
            2..=5 => self.id().into_bytes(),
            _ => self.pick(&TEXTS).as_bytes().to_vec(),
        }
    }

    fn pairs(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.rng.random_range(0..9) {
            let name = self.fields.choose(&mut self.rng).cloned().unwrap_or_default();
            let value: String = byte_serialize(&self.value()).collect();
            text += &format!("{name}={value}&");
        }
        if self.is(5) { text + "%zz&=&&a" } else { text }
    }

    fn path(&mut self, pattern: &str) -> String {
        let mut path = String::new();
        for part in pattern.split_inclusive('/') {
            if !part.starts_with('{') {
                path += part;
                continue;
            }
            let value = if self.is(60) { self.id().into_bytes() } else { self.value() };
            path.extend(byte_serialize(&value));
            path += if part.ends_with('/') { "/" } else { "" };
        }
        let query = if self.is(50) { format!("?{}", self.pairs()) } else { String::new() };
        format!("{path}{query}").chars().take(60_000).collect()
    }

    fn authorization(&mut self) -> Vec<u8> {
        match self.rng.random_range(0..5) {
            0 => basic("alice", &self.secret).as_bytes().to_vec(),
            1 => basic(&String::from_utf8_lossy(&self.value()).replace('\0', ""), "x").as_bytes().to_vec(),
            2 => [b"Basic ".as_slice(), &self.bytes(30)].concat(),
            3 => b"Bearer eyJhbGciOiJub25lIn0.e30.".to_vec(),
            _ => [b"bearer ".as_slice(), &self.value()].concat(),
        }
    }

    fn request(&mut self) -> Request<Body> {
        let (method, pattern) = self.routes.choose(&mut self.rng).cloned().unwrap_or_default();
        let method = if self.is(85) { method } else { self.pick(&METHODS).to_owned() };
        let path = self.path(&pattern);
        let mut request = Request::builder().method(method.as_str()).uri(path);
        let cookie = self.cookies.choose(&mut self.rng).cloned().unwrap_or_default();
        request = request.header("host", "127.0.0.1").header("cookie", cookie);
        for _ in 0..self.rng.random_range(0..4) {
            let name = self.pick(&HEADERS);
            let value = if name == "authorization" { self.authorization() } else { self.value() };
            // The HTTP library lets no other bytes through.
            let value: Vec<u8> = value.into_iter().filter(|byte| *byte >= 32 && *byte != 127).take(8000).collect();
            request = request.header(name, value);
        }
        let body = match self.rng.random_range(0..10) {
            0 => self.bytes(300),
            1 => vec![b'a'; self.rng.random_range(0..100_000)],
            2 => br#"{"events":[{"action":"push","target":{"repository":null,"size":-1}}]}"#.to_vec(),
            _ => self.pairs().into_bytes(),
        };
        let content_type = if self.is(80) { CONTENT_TYPES[0] } else { self.pick(&CONTENT_TYPES) };
        request.header("content-type", content_type).body(Body::from(body)).expect("the parts are valid")
    }
}

/// Signs both in again, because a generated request may have signed them out or closed their accounts.
async fn generator(server: &TestServer, seed: u64, round: usize) -> Generator {
    let (name, other) = (format!("alice{round}"), format!("bob{round}"));
    server.account(&other).await;
    let bob = server.signed_in(&other).await;
    let foreign = bob.generate("foreign", "repo:read", "30").await;
    let alice = server.account_signed_in(&name).await;
    let own = alice.generate("own", "repo:admin", "30").await;
    let admin = server.text("SELECT username FROM account WHERE is_admin ORDER BY created_at LIMIT 1").await;
    let admin = server.signed_in(&admin).await;
    let port = server.address.port();
    let cookie = |browser: &Browser| format!("dockpass-{port}={}", browser.cookie("dockpass").unwrap());
    let cookies = vec![cookie(&alice), cookie(&bob), cookie(&admin), String::new()];
    let accounts = server.text(&format!("SELECT id FROM account WHERE username = '{other}'")).await;
    let session = server.text("SELECT public_id FROM session LIMIT 1").await;
    Generator {
        rng: StdRng::seed_from_u64(seed * 1000 + round as u64),
        routes: routes().into_iter().filter(|(_, path)| path != "/metrics").collect(),
        fields: field_names(),
        cookies,
        ids: vec![own.id, foreign.id, accounts, session, NOBODY.to_owned()],
        secret: own.secret,
    }
}

async fn answer(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("a router always answers");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("the body ends well");
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
}

/// Sends generated requests to a server of its own; how often each status was answered.
async fn throw(seed: u64) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    let server = TestServer::start().await;
    let app = router(server.app.clone());
    for round in 0..ROUNDS {
        let mut generator = generator(&server, seed, round).await;
        for number in 0..REQUESTS {
            let request = generator.request();
            let what = format!("seed {seed}, round {round}, request {number}: {} {}", request.method(), request.uri());
            let answer = answer(&app, request).await;
            assert!(answer.status.as_u16() < 500, "{what}: {} {}", answer.status, answer.body);
            assert_has_security_headers(&answer, &what);
            *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
        }
        server.flush().await;
        server.clock.advance(Duration::minutes(61));
        server.tidy().await;
    }
    statuses
}

#[test]
fn twenty_thousand_generated_requests_get_answers_that_are_no_fault_of_ours() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let throwers: Vec<_> = (0..SERVERS).map(|seed| thread::spawn(move || runtime().block_on(throw(seed)))).collect();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for thrower in throwers {
        let thrown = thrower.join().unwrap_or_else(|problem| panic::resume_unwind(problem));
        for (status, count) in thrown {
            *statuses.entry(status).or_default() += count;
        }
    }
    assert_eq!(statuses.values().sum::<usize>(), 20_000);
    // They reach the handlers, and not only the first check.
    for expected in [200, 303, 400, 401, 403, 404, 405, 413, 422] {
        assert!(statuses.contains_key(&expected), "no {expected} among {statuses:?}");
    }
    println!("{statuses:?}");
}

/// How many connections this process and the program may open.
fn connections() -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(files).unwrap_or(1024).saturating_sub(600)
}

#[tokio::test]
async fn ten_thousand_idle_and_slow_connections_leave_the_token_endpoint_answering() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(&data.path().join("data"), &[]);
    let address = program.base.trim_start_matches("http://").to_owned();
    let many = connections().min(10_000);
    if many < 10_000 {
        println!("NOT RUN: 10,000 idle connections; this machine allows {many}");
    }
    let mut held = Vec::new();
    for number in 0..many {
        let mut stream = TcpStream::connect(&address).unwrap_or_else(|error| panic!("connection {number}: {error}"));
        // A third says nothing, a third stops in the headers, a third stops in the body.
        let begun: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /token?service=dockpass HTTP/1.1\r\nhost: x\r\nx-slow: ",
            _ => b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\ngrant",
        };
        stream.write_all(begun).unwrap();
        held.push(stream);
    }
    for round in 0..20 {
        // The slow ones send another byte, as slowloris does.
        for stream in held.iter_mut().skip(round).step_by(50) {
            let _ = stream.write_all(b"a");
        }
        let answer = program.browser().get("/token?service=dockpass").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    drop(held);
    assert_eq!(program.stop().code, Some(0));
}
