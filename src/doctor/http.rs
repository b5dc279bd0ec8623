//! HTTP requests of the checks. Their errors are sentences.

use std::time::Duration;

use dockpass_core::timestamp::Timestamp;
use reqwest::Client;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::Report;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The rest of a longer response is not read.
const MAX_BODY: usize = 64 * 1024;
/// Registries accept tokens that are a minute too early or too late.
const MAX_CLOCK_DIFFERENCE: time::Duration = time::Duration::seconds(60);

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

/// Sends a GET request and follows no redirect. An error is a sentence that begins with the URL.
pub async fn get(url: &str, bearer: Option<&str>) -> Result<HttpResponse, String> {
    let failed = |error: reqwest::Error| format!("{url} {}", reason(&error, url));
    let mut client = Client::builder().redirect(Policy::none()).timeout(TIMEOUT);
    if url.starts_with("http://") {
        // Otherwise even plain HTTP fails on a machine without CA certificates.
        client = client.tls_certs_only([]);
    }
    let client = client.build().map_err(failed)?;
    let mut request = client.get(url);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    let mut response = request.send().await.map_err(failed)?;
    let (status, headers, mut body) = (response.status().as_u16(), response.headers().clone(), Vec::new());
    while body.len() < MAX_BODY
        && let Some(chunk) = response.chunk().await.map_err(failed)?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

pub fn check_clock(check: &str, response: &HttpResponse, now: Timestamp, report: &mut Report) {
    let Some(theirs) = response.clock() else {
        return report.skipped(check, "the response has no Date header");
    };
    let difference = theirs - now;
    if difference.abs() <= MAX_CLOCK_DIFFERENCE {
        return report.ok(check, "it agrees with this machine's");
    }
    let (length, side) = (words(difference.abs()), if difference.is_positive() { "ahead of" } else { "behind" });
    let advice = "registry tokens are valid for 5 minutes, so synchronize both clocks with a time server";
    report.wrong(check, format_args!("it is {length} {side} this machine's: {advice}"));
}

fn words(duration: time::Duration) -> String {
    match duration.whole_seconds() {
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(date: &str) -> HttpResponse {
        let mut headers = HeaderMap::new();
        headers.insert("date", date.parse().unwrap());
        HttpResponse { status: 200, headers, body: String::new() }
    }

    fn checked(date: &str) -> String {
        let (now, mut report) = (Timestamp::from_seconds(1_795_480_702), Report::default());
        check_clock("clock", &dated(date), now, &mut report);
        report.to_string()
    }

    #[test]
    fn clocks_may_differ_by_a_minute() {
        for date in ["Tue, 24 Nov 2026 00:38:22 GMT", "Tue, 24 Nov 2026 00:39:22 GMT", "Tue, 24 Nov 2026 00:37:22 GMT"]
        {
            assert_eq!(checked(date), "OK       clock: it agrees with this machine's\n", "{date}");
        }
        let ahead = checked("Tue, 24 Nov 2026 00:39:23 GMT");
        assert!(ahead.starts_with("WRONG    clock: it is 61 seconds ahead of this machine's: "), "{ahead}");
        let behind = checked("Mon, 23 Nov 2026 20:38:22 GMT");
        assert!(behind.starts_with("WRONG    clock: it is 4 hours behind this machine's: "), "{behind}");
        assert_eq!(checked("soon"), "SKIPPED  clock: the response has no Date header\n");
    }
}
