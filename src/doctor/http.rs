//! Asks a server, and says in a sentence why it did not answer.

use std::time::Duration;

use dockpass_core::timestamp::Timestamp;
use reqwest::{Client, header::HeaderMap, redirect::Policy};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::Report;

const PATIENCE: Duration = Duration::from_secs(10);
/// More than this is not read of an answer.
const LARGEST_BODY: usize = 64 * 1024;
/// Registries allow a token a minute; a wider gap is not made up for.
const WIDEST_GAP: time::Duration = time::Duration::seconds(60);

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// A header's text, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Its clock, if it shows one.
    pub fn clock(&self) -> Option<Timestamp> {
        OffsetDateTime::parse(self.header("date"), &Rfc2822).ok().map(Timestamp::from)
    }

    /// Status and media type, as a person would name an answer that was not expected.
    pub fn kind(&self) -> String {
        let media_type = self.header("content-type").split(';').next().unwrap_or_default().trim();
        let media_type = if media_type.is_empty() { "nothing" } else { media_type };
        format!("{} with {media_type}", self.status)
    }
}

/// Gets `url`; redirects are not followed.
///
/// # Errors
/// A sentence that begins with the address.
pub async fn get(url: &str, bearer: Option<&str>) -> Result<Answer, String> {
    let failed = |error: reqwest::Error| format!("{url} {}", reason(&error, url));
    let mut client = Client::builder().redirect(Policy::none()).timeout(PATIENCE);
    if url.starts_with("http://") {
        // Without this a machine that has no authorities could not even speak plain HTTP.
        client = client.tls_certs_only([]);
    }
    let client = client.build().map_err(failed)?;
    let mut request = client.get(url);
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    let mut response = request.send().await.map_err(failed)?;
    let (status, headers, mut body) = (response.status().as_u16(), response.headers().clone(), Vec::new());
    while body.len() < LARGEST_BODY
        && let Some(chunk) = response.chunk().await.map_err(failed)?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Compares a server's clock with ours; a server that shows none is not judged.
pub fn check_clock(check: &str, answer: &Answer, now: Timestamp, report: &mut Report) {
    let Some(theirs) = answer.clock() else {
        return report.skipped(check, "the answer has no Date header");
    };
    let gap = theirs - now;
    if gap.abs() <= WIDEST_GAP {
        return report.ok(check, "it agrees with this machine's");
    }
    let (length, side) = (words(gap.abs()), if gap.is_positive() { "ahead of" } else { "behind" });
    let advice = "registry tokens live for 5 minutes, so set both clocks by a time server";
    report.wrong(check, format_args!("it is {length} {side} this machine's: {advice}"));
}

fn words(gap: time::Duration) -> String {
    match gap.whole_seconds() {
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// What follows the address in a sentence.
fn reason(error: &reqwest::Error, url: &str) -> String {
    if error.is_timeout() {
        return format!("does not answer within {} seconds", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    in_words(&cause.to_string(), url.starts_with("https://"))
}

/// The libraries' words for what happens often, in ours.
fn in_words(cause: &str, is_secure: bool) -> String {
    let holds = |text: &str| cause.to_lowercase().contains(&text.to_lowercase());
    if holds("connection refused") {
        "is not listened to: nothing runs there, or on another port".to_owned()
    } else if holds("lookup address") || holds("name or service not known") || holds("nodename nor servname") {
        "names a host that cannot be found from here".to_owned()
    } else if holds("No CA certificates") {
        "cannot be judged: this machine has no certificates of authorities (Debian's package is ca-certificates)"
            .to_owned()
    } else if holds("InvalidContentType") {
        "speaks plain HTTP: write http:// or give it a certificate".to_owned()
    } else if holds("UnknownIssuer") || holds("unknown issuer") || holds("self-signed") || holds("self signed") {
        "shows a certificate of an authority that this machine does not trust: clients refuse it too unless they were \
         given that authority"
            .to_owned()
    } else if holds("CaUsedAsEndEntity") {
        "shows an authority's own certificate, which clients refuse as a server's: give it one that is signed by that \
         authority"
            .to_owned()
    } else if holds("certificate expired") || holds("certificate has expired") {
        "shows a certificate that has expired: renew it".to_owned()
    } else if holds("not valid for name") {
        format!("shows a certificate for another name: {cause}")
    } else if is_secure && (holds("certificate") || holds("tls") || holds("alert")) {
        format!("cannot be spoken to by TLS: {cause}")
    } else {
        format!("does not answer: {cause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(date: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("date", date.parse().unwrap());
        Answer { status: 200, headers, body: String::new() }
    }

    fn said(date: &str) -> String {
        let (now, mut report) = (Timestamp::from_seconds(1_795_480_702), Report::default());
        check_clock("clock", &dated(date), now, &mut report);
        report.to_string()
    }

    #[test]
    fn a_minute_between_two_clocks_is_borne() {
        for date in ["Tue, 24 Nov 2026 00:38:22 GMT", "Tue, 24 Nov 2026 00:39:22 GMT", "Tue, 24 Nov 2026 00:37:22 GMT"]
        {
            assert_eq!(said(date), "OK       clock: it agrees with this machine's\n", "{date}");
        }
        let ahead = said("Tue, 24 Nov 2026 00:39:23 GMT");
        assert!(ahead.starts_with("WRONG    clock: it is 61 seconds ahead of this machine's: "), "{ahead}");
        let behind = said("Mon, 23 Nov 2026 20:38:22 GMT");
        assert!(behind.starts_with("WRONG    clock: it is 4 hours behind this machine's: "), "{behind}");
        assert_eq!(said("soon"), "SKIPPED  clock: the answer has no Date header\n");
    }
}
