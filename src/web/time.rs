//! Times as pages show them: relative, with the exact time in the tooltip.

use dockpass_core::expiry::Calendar;
use dockpass_core::timestamp::Timestamp;
use jiff::tz::TimeZone;
use jiff::{ZonedDateTime, civil};
use time::{Date, Month};

use super::i18n::Words;

/// The time zone of a page: the account's, else the browser's, else UTC.
#[derive(Debug, Clone)]
pub struct Zone {
    zone: TimeZone,
    is_chosen: bool,
}

impl Default for Zone {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, is_chosen: false }
    }
}

impl Zone {
    /// The zone with this IANA name, as an account chose it.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(|zone| Self { zone, is_chosen: true })
    }

    /// The zone that the browser named, or UTC.
    pub fn of_browser(name: &str) -> Self {
        Self { is_chosen: false, ..Self::named(name).unwrap_or_default() }
    }

    /// Whether the account chose it. If not, the browser shows times in its own zone.
    pub fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    pub fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The names of all zones that a form offers.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        names.retain(|name| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("SystemV/"));
        names
    }

    fn local(&self, at: Timestamp) -> ZonedDateTime {
        let instant = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        instant.to_zoned_datetime(self.zone.clone())
    }

    /// The time of day: "13:00", or "12:00 UTC" where the reader's zone is not known.
    pub fn clock(&self, at: Timestamp) -> String {
        let suffix = if self.name() == "UTC" { " UTC" } else { "" };
        format!("{}{suffix}", self.local(at).strftime("%H:%M"))
    }
}

impl Calendar for Zone {
    fn day_of(&self, at: Timestamp) -> Date {
        let local = self.local(at);
        let day = Month::try_from(local.month().unsigned_abs())
            .ok()
            .and_then(|month| Date::from_calendar_date(local.year().into(), month, local.day().unsigned_abs()).ok());
        day.unwrap_or_else(|| at.date())
    }

    fn end_of(&self, day: Date) -> Timestamp {
        let next = day.next_day().and_then(|next| {
            let (year, month) = (i16::try_from(next.year()).ok()?, u8::from(next.month()).cast_signed());
            let midnight = civil::Date::new(year, month, next.day().cast_signed()).ok()?;
            // Where clocks skip midnight, the day begins after the gap.
            midnight.to_zoned_datetime(self.zone.clone()).ok()
        });
        let millis = next.map_or(i64::MAX, |next| next.timestamp().as_millisecond());
        Timestamp::from_millis(millis - 1)
    }
}

/// A time on a page. Each text is formatted only when a template asks for it, because no page shows all of them.
#[derive(Debug, Clone)]
pub struct TimeView {
    at: Timestamp,
    now: Timestamp,
    words: Words,
    zone: Zone,
}

impl TimeView {
    pub fn new(at: Timestamp, now: Timestamp, words: Words, zone: &Zone) -> Self {
        Self { at, now, words, zone: zone.clone() }
    }

    /// RFC 3339, for `<time datetime>`.
    pub fn machine(&self) -> String {
        self.at.rfc3339()
    }

    /// "23 November 2026 13:00 CET".
    pub fn exact(&self) -> String {
        format!("{} {}", self.words.date(self.zone.day_of(self.at)), self.zone.local(self.at).strftime("%H:%M %Z"))
    }

    /// "23 November 2026, 13:00", for a page that shows exact times.
    pub fn dated(&self) -> String {
        let dated = self.words.t1("time.dated", "date", self.words.date(self.zone.day_of(self.at)));
        dated.replace("%{clock}", &self.zone.clock(self.at))
    }

    /// "3 minutes ago", "in 12 days".
    pub fn relative(&self) -> String {
        relative(self.at, self.now, self.words)
    }
}

/// A duration: "12 minutes". Rounded up: a person who waits this long is not too early.
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
        let said = |by: Duration| TimeView::new(now + by, now, words, &Zone::default()).relative();
        assert_eq!(said(-Duration::seconds(5)), "just now");
        assert_eq!(said(-Duration::minutes(3)), "3 minutes ago");
        assert_eq!(said(-Duration::minutes(60)), "1 hour ago");
        assert_eq!(said(Duration::days(12)), "in 12 days");
        assert_eq!(said(Duration::days(365)), "in 12 months");
        assert_eq!(said(-Duration::days(800)), "2 years ago");
        assert_eq!(TimeView::new(now, now, words, &Zone::default()).exact(), "23 November 2026 12:00 UTC");
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(TimeView::new(now, now, words, &berlin).exact(), "23 November 2026 13:00 CET");
        let dated = |words, zone: &Zone| TimeView::new(now, now, words, zone).dated();
        assert_eq!(dated(words, &berlin), "23 November 2026, 13:00");
        assert_eq!(dated(words, &Zone::default()), "23 November 2026, 12:00 UTC");
        assert_eq!(dated(Words::named("zh-CN").unwrap(), &berlin), "2026年11月23日 13:00");
        assert!(Zone::named("Mars/Olympus").is_none());
        assert!(Zone::names().len() > 300);
        assert_eq!(said(Duration::days(90) - Duration::minutes(1)), "in 3 months");
        assert_eq!(said(Duration::days(30) - Duration::minutes(1)), "in 30 days");
        let chinese = Words::named("zh-CN").unwrap();
        assert_eq!(TimeView::new(now - Duration::minutes(3), now, chinese, &Zone::default()).relative(), "3 分钟前");
    }
    #[test]
    fn a_day_ends_at_midnight_in_its_zone() {
        let day = |zone: &str, seconds| Zone::named(zone).unwrap().day_of(Timestamp::from_seconds(seconds)).to_string();
        // 2026-12-31 02:00 UTC.
        let late = 1_798_682_400;
        assert_eq!(day("America/Los_Angeles", late), "2026-12-30");
        assert_eq!((day("UTC", late), day("Asia/Tokyo", late)), ("2026-12-31".to_owned(), "2026-12-31".to_owned()));
        let end = |zone: &str, day| Zone::named(zone).unwrap().end_of(day).rfc3339();
        let date = time::macros::date!(2026 - 12 - 30);
        assert_eq!(end("America/Los_Angeles", date), "2026-12-31T07:59:59Z");
        assert_eq!(end("UTC", date), "2026-12-30T23:59:59Z");
        assert_eq!(end("Pacific/Kiritimati", date), "2026-12-30T09:59:59Z");
        assert_eq!(end("Europe/Berlin", time::macros::date!(2027 - 03 - 28)), "2027-03-28T21:59:59Z", "of 23 hours");
        assert_eq!(end("Africa/Cairo", time::macros::date!(2026 - 04 - 23)), "2026-04-23T21:59:59Z", "no midnight");
        assert_eq!(Zone::of_browser("Mars/Olympus").name(), "UTC");
    }
}
