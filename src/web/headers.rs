//! Security headers for every response, and the id of a request.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

/// No inline scripts or styles, nothing from other hosts, no framing (ASVS 5.0 chapter 3.4).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// `same-origin` and not `no-referrer`: under `no-referrer` browsers send `Origin: null` with our own forms, and the
/// CSRF check refuses those where the browser does not send `Sec-Fetch-Site`.
const FIXED: [(&str, &str); 3] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
];
/// Only where the public URL is https: RFC 6797 section 7.2 forbids it on plain http.
const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// Adds the security headers. The state says whether the public URL is https.
pub async fn secure(State(is_secure): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in FIXED.into_iter().chain(is_secure.then_some(HSTS)) {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 128;

/// Gives the request an id for the log and the answer: the proxy's, or a new one if there is none that can be used.
pub async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).filter(|id| is_usable(id.as_bytes())).cloned();
    let new = || HeaderValue::from_str(&app.rng.id(app.clock.now())).expect("a UUID is ASCII");
    let id = given.unwrap_or_else(new);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Clients can send it too, so it is bounded, and has no character that a log would have to escape.
fn is_usable(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@".contains(byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(is_plain)
}
