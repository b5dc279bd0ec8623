//! Times as pages show them: how long ago, with the exact moment behind.

use crate::core::moment::Moment;

use super::i18n::Words;

/// A time on a page.
#[derive(Debug, Clone)]
pub struct TimeView {
    /// RFC 3339, for `<time datetime>`.
    pub machine: String,
    /// The exact time in words, in UTC.
    pub exact: String,
    /// "3 minutes ago", "in 12 days".
    pub relative: String,
}

impl TimeView {
    /// How `at` looks from `now`.
    pub fn new(at: Moment, now: Moment, words: Words) -> Self {
        let clock = at.as_utc().time();
        let exact = format!("{} {:02}:{:02} UTC", words.date(at.date()), clock.hour(), clock.minute());
        Self { machine: at.rfc3339(), exact, relative: relative(at, now, words) }
    }
}

fn relative(at: Moment, now: Moment, words: Words) -> String {
    let seconds = (at - now).whole_seconds();
    let (unit, count) = match seconds.abs() {
        0..60 => return words.t(if seconds > 0 { "time.soon" } else { "time.just_now" }).into_owned(),
        span @ 60..3600 => ("minutes", span / 60),
        span @ 3600..86_400 => ("hours", span / 3600),
        // To the nearest from here on: what was made for 90 days ends in 3 months, a minute later too.
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
    fn times_are_said_as_people_say_them() {
        let now = Moment::from_seconds(1_795_435_200);
        let words = Words::named("en").unwrap();
        let said = |by: Duration| TimeView::new(now + by, now, words).relative;
        assert_eq!(said(-Duration::seconds(5)), "just now");
        assert_eq!(said(-Duration::minutes(3)), "3 minutes ago");
        assert_eq!(said(-Duration::minutes(60)), "1 hour ago");
        assert_eq!(said(Duration::days(12)), "in 12 days");
        assert_eq!(said(Duration::days(365)), "in 12 months");
        assert_eq!(said(-Duration::days(800)), "2 years ago");
        assert_eq!(said(Duration::days(90) - Duration::minutes(1)), "in 3 months");
        assert_eq!(said(Duration::days(30) - Duration::minutes(1)), "in 30 days");
        assert_eq!(TimeView::new(now, now, words).exact, "23 November 2026 12:00 UTC");
        let chinese = Words::named("zh-CN").unwrap();
        assert_eq!(TimeView::new(now - Duration::minutes(3), now, chinese).relative, "3 分钟前");
    }
}
