//! HTTP requests of commands. Their errors are sentences.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use dockpass_core::timestamp::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Host;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The rest of a longer response is not read.
const MAX_BODY: usize = 1024 * 1024;

/// A server's response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The time of the server's clock, if it sends one.
    pub fn clock(&self) -> Option<Timestamp> {
        OffsetDateTime::parse(self.header("date"), &Rfc2822).ok().map(Timestamp::from)
    }

    /// Status and media type, to describe an unexpected response.
    pub fn kind(&self) -> String {
        let media_type = self.header("content-type").split(';').next().unwrap_or_default().trim();
        let media_type = if media_type.is_empty() { "nothing" } else { media_type };
        format!("{} with {media_type}", self.status)
    }
}

/// The credentials of a request.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    None,
    Bearer(&'a str),
    Basic { username: &'a str, password: &'a str },
}

impl<'a> From<Option<&'a str>> for Credentials<'a> {
    fn from(bearer: Option<&'a str>) -> Self {
        bearer.map_or(Credentials::None, Credentials::Bearer)
    }
}

/// Sends a GET request and follows no redirect. An error is a sentence that begins with the URL.
pub async fn get(url: &str, credentials: impl Into<Credentials<'_>>) -> Result<HttpResponse, String> {
    send(Client::builder(), Method::GET, url, credentials.into(), "").await
}

/// The same for the server of these settings, which no proxy of the environment reaches; see [`own_url`].
pub async fn get_own(url: &str) -> Result<HttpResponse, String> {
    send(Client::builder().no_proxy(), Method::GET, url, Credentials::None, "").await
}

/// The URL at which this machine reaches a server that listens on this address; `None` if the port is not known.
pub fn own_url(listen: SocketAddr, path: &str) -> Option<String> {
    let mut address = listen;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    (address.port() != 0).then(|| format!("http://{address}{path}"))
}

/// Whether a host is the machine itself.
pub fn is_loopback(host: Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

/// The same with a POST of JSON.
pub async fn post(url: &str, bearer: Option<&str>, body: &'static str) -> Result<HttpResponse, String> {
    send(Client::builder(), Method::POST, url, bearer.into(), body).await
}

async fn send(
    client: ClientBuilder,
    method: Method,
    url: &str,
    credentials: Credentials<'_>,
    body: &'static str,
) -> Result<HttpResponse, String> {
    let failed = |error: reqwest::Error| format!("{url} {}", reason(&error, url));
    let mut client = client.redirect(Policy::none()).timeout(TIMEOUT);
    if url.starts_with("http://") {
        // Otherwise even plain HTTP fails on a machine without CA certificates.
        client = client.tls_certs_only([]);
    }
    let client = client.build().map_err(failed)?;
    let mut request = client.request(method, url);
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json").body(body);
    }
    request = match credentials {
        Credentials::None => request,
        Credentials::Bearer(token) => request.bearer_auth(token),
        Credentials::Basic { username, password } => request.basic_auth(username, Some(password)),
    };
    let mut response = request.send().await.map_err(failed)?;
    let (status, headers, mut body) = (response.status().as_u16(), response.headers().clone(), Vec::new());
    while body.len() < MAX_BODY
        && let Some(chunk) = response.chunk().await.map_err(failed)?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// The part of the sentence after the URL.
fn reason(error: &reqwest::Error, url: &str) -> String {
    if error.is_timeout() {
        return format!("does not answer within {} seconds", TIMEOUT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    in_words(&cause.to_string(), url.starts_with("https://"))
}

/// Explains frequent errors of the HTTP and TLS libraries.
fn in_words(cause: &str, is_secure: bool) -> String {
    let contains = |text: &str| cause.to_lowercase().contains(&text.to_lowercase());
    if contains("connection refused") {
        "refuses connections: nothing runs there, or it listens on another port".to_owned()
    } else if contains("lookup address") || contains("name or service not known") || contains("nodename nor servname") {
        "has a host name that cannot be resolved from here".to_owned()
    } else if contains("No CA certificates") {
        "cannot be checked: this machine has no CA certificates (on Debian they are in the package ca-certificates)"
            .to_owned()
    } else if contains("InvalidContentType") {
        "speaks plain HTTP: use http:// or give it a certificate".to_owned()
    } else if contains("UnknownIssuer")
        || contains("unknown issuer")
        || contains("self-signed")
        || contains("self signed")
    {
        "has a certificate of an authority that this machine does not trust: clients refuse it too, unless they trust \
         that authority"
            .to_owned()
    } else if contains("CaUsedAsEndEntity") {
        "has the certificate of an authority as its own, which clients refuse: give it one that is signed by that \
         authority"
            .to_owned()
    } else if contains("certificate expired") || contains("certificate has expired") {
        "has an expired certificate: renew it".to_owned()
    } else if contains("not valid for name") {
        format!("has a certificate for another name: {cause}")
    } else if is_secure && (contains("certificate") || contains("tls") || contains("alert")) {
        format!("does not complete the TLS handshake: {cause}")
    } else {
        format!("does not answer: {cause}")
    }
}
