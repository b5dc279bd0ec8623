//! The system's clock, and a manual one for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dockpass_core::timestamp::Timestamp;
use time::{Duration, OffsetDateTime};

/// When this program was built, at midnight UTC: no clock is right that says less.
const BUILT_AT: Timestamp = Timestamp::from_seconds(parse(env!("DOCKPASS_BUILD_SECONDS")));

const fn parse(digits: &str) -> i64 {
    match i64::from_str_radix(digits, 10) {
        Ok(seconds) => seconds,
        Err(_) => panic!("build.rs writes a whole number"),
    }
}

/// Whether the clock says a time before this program was built, as that of a machine without a battery does.
pub fn is_before_build(now: Timestamp) -> bool {
    now < BUILT_AT
}

/// What is wrong with the clock, in a sentence for the operator, if [`is_before_build`].
pub fn complaint(now: Timestamp) -> Option<String> {
    let (day, built) = (now.date(), BUILT_AT.date());
    let sentence =
        || format!("this machine's clock says {day}, before this program was built ({built}): set the clock");
    is_before_build(now).then(sentence)
}

/// The source of the current time. Handlers ask it once per request and pass the time on.
#[derive(Debug, Clone)]
pub enum Clock {
    System,
    /// A clock that only moves when it is told to: milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A manual clock that starts at the system's time.
    pub fn manual() -> Self {
        Clock::Manual(Arc::new(AtomicI64::new(Clock::System.now().millis())))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => OffsetDateTime::now_utc().into(),
            Clock::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward, and does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Clock::Manual(millis) = self {
            millis.fetch_add(by.whole_milliseconds() as i64, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_build_is_noticed() {
        assert_eq!(complaint(Clock::System.now()), None);
        let sentence = complaint(Timestamp::from_seconds(3600)).unwrap();
        assert!(sentence.starts_with("this machine's clock says 1970-01-01, before"), "{sentence}");
    }
}
