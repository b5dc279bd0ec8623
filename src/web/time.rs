//! Times as pages show them: relative, with the exact time in the tooltip.

use dockpass_core::timestamp::Timestamp;
use jiff::tz::TimeZone;
use time::{Date, Month};

use super::i18n::Words;

/// The time zone of a page; UTC where the reader chose none.
#[derive(Debug, Clone, Default)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(|zone| Self(Some(zone)))
    }

    /// Whether the reader chose it. If not, the browser shows times in its own zone.
    pub fn is_chosen(&self) -> bool {
        self.0.is_some()
    }

    /// The names of all zones that a form offers.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        names.retain(|name| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("SystemV/"));
        names
    }

    /// "23 November 2026 13:00 CET".
    fn format(&self, at: Timestamp, words: Words) -> String {
        let zone = self.0.clone().unwrap_or(TimeZone::UTC);
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.millis()) else { return at.rfc3339() };
        let local = instant.to_zoned_datetime(zone);
        let Ok(month) = Month::try_from(local.month().unsigned_abs()) else { return at.rfc3339() };
        let day = Date::from_calendar_date(local.year().into(), month, local.day().unsigned_abs());
        let day = day.map_or_else(|_| at.rfc3339(), |day| words.date(day));
        format!("{day} {}", local.strftime("%H:%M %Z"))
    }
}

/// A time on a page.
#[derive(Debug, Clone)]
pub struct TimeView {
    /// RFC 3339, for `<time datetime>`.
    pub machine: String,
    /// "23 November 2026 13:00 CET".
    pub exact: String,
    /// "3 minutes ago", "in 12 days".
    pub relative: String,
}

impl TimeView {
    pub fn new(at: Timestamp, now: Timestamp, words: Words, zone: &Zone) -> Self {
        Self { machine: at.rfc3339(), exact: zone.format(at, words), relative: relative(at, now, words) }
    }
}

/// A duration: "12 minutes". Rounded up, so that nobody who waits that long comes back too early.
pub fn span(length: time::Duration, words: Words) -> String {
    let seconds = length.whole_seconds().max(1);
    let (unit, size) = match seconds {
        0..120 => ("seconds", 1),
        120..7200 => ("minutes", 60),
        7200..172_800 => ("hours", 3600),
        _ => ("days", 86_400),
    };
    words.count(&format!("time.span.{unit}"), (seconds + size - 1) / size)
}

fn relative(at: Timestamp, now: Timestamp, words: Words) -> String {
    let seconds = (at - now).whole_seconds();
    let (unit, count) = match seconds.abs() {
        0..60 => return words.t(if seconds > 0 { "time.soon" } else { "time.just_now" }).into_owned(),
        span @ 60..3600 => ("minutes", span / 60),
        span @ 3600..86_400 => ("hours", span / 3600),
        // Rounded to the nearest from here on: a token of 90 days expires in 3 months, also a minute later.
        span @ 86_400..5_184_000 => ("days", (span + 43_200) / 86_400),
        span @ 5_184_000..63_072_000 => ("months", (span + 1_296_000) / 2_592_000),
        span => ("years", (span + 15_768_000) / 31_536_000),
    };
    let direction = if seconds > 0 { "in" } else { "ago" };
    words.count(&format!("time.{direction}.{unit}"), count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    #[test]
    fn times_are_relative_and_exact() {
        let now = Timestamp::from_seconds(1_795_435_200);
        let words = Words::named("en").unwrap();
        let said = |by: Duration| TimeView::new(now + by, now, words, &Zone::default()).relative;
        assert_eq!(said(-Duration::seconds(5)), "just now");
        assert_eq!(said(-Duration::minutes(3)), "3 minutes ago");
        assert_eq!(said(-Duration::minutes(60)), "1 hour ago");
        assert_eq!(said(Duration::days(12)), "in 12 days");
        assert_eq!(said(Duration::days(365)), "in 12 months");
        assert_eq!(said(-Duration::days(800)), "2 years ago");
        assert_eq!(TimeView::new(now, now, words, &Zone::default()).exact, "23 November 2026 12:00 UTC");
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(TimeView::new(now, now, words, &berlin).exact, "23 November 2026 13:00 CET");
        assert!(Zone::named("Mars/Olympus").is_none());
        assert!(Zone::names().len() > 300);
        assert_eq!(said(Duration::days(90) - Duration::minutes(1)), "in 3 months");
        assert_eq!(said(Duration::days(30) - Duration::minutes(1)), "in 30 days");
        let chinese = Words::named("zh-CN").unwrap();
        assert_eq!(TimeView::new(now - Duration::minutes(3), now, chinese, &Zone::default()).relative, "3 分钟前");
    }
}
