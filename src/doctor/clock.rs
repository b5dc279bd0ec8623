//! The comparison of a server's clock with this machine's.

use dockpass_core::timestamp::Timestamp;
use time::Duration;

use super::Report;
use crate::platform::http_client::HttpResponse;

/// Registries accept tokens that are a minute too early or too late.
const MAX_DIFFERENCE: Duration = Duration::seconds(60);

pub fn check(check: &str, response: &HttpResponse, now: Timestamp, report: &mut Report) {
    let Some(theirs) = response.clock() else {
        return report.skipped(check, "the response has no Date header");
    };
    let difference = theirs - now;
    if difference.abs() <= MAX_DIFFERENCE {
        return report.ok(check, "it agrees with this machine's");
    }
    let (length, side) = (words(difference.abs()), if difference.is_positive() { "ahead of" } else { "behind" });
    let advice = "registry tokens are valid for 5 minutes, so synchronize both clocks with a time server";
    report.wrong(check, format_args!("it is {length} {side} this machine's: {advice}"));
}

fn words(duration: Duration) -> String {
    match duration.whole_seconds() {
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn dated(date: &str) -> HttpResponse {
        let mut headers = HeaderMap::new();
        headers.insert("date", date.parse().unwrap());
        HttpResponse { status: 200, headers, body: String::new() }
    }

    fn checked(date: &str) -> String {
        let (now, mut report) = (Timestamp::from_seconds(1_795_480_702), Report::default());
        check("clock", &dated(date), now, &mut report);
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
