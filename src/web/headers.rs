//! Security headers for every response.

use axum::http::{HeaderName, HeaderValue};
use tower_http::set_header::SetResponseHeaderLayer;

/// No inline scripts or styles, nothing from other hosts, no framing (ASVS 5.0 chapter 3.4).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";
const HSTS: &str = "max-age=31536000";

type Layer = SetResponseHeaderLayer<Option<HeaderValue>>;

/// The layers that set them.
///
/// `same-origin` and not `no-referrer`: under `no-referrer` browsers send `Origin: null` with our own forms, and the
/// CSRF check refuses those where the browser does not send `Sec-Fetch-Site`. HSTS only where the public URL is https:
/// RFC 6797 section 7.2 forbids it on plain http.
pub fn layers(is_secure: bool) -> (Layer, Layer, Layer, Layer) {
    let fixed = |name: &'static str, value: Option<&'static str>| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), value.map(HeaderValue::from_static))
    };
    (
        fixed("content-security-policy", Some(CONTENT_SECURITY_POLICY)),
        fixed("x-content-type-options", Some("nosniff")),
        fixed("referrer-policy", Some("same-origin")),
        fixed("strict-transport-security", is_secure.then_some(HSTS)),
    )
}
