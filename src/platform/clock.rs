//! The system's clock, and a manual one for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dockpass_core::timestamp::Timestamp;
use time::{Duration, OffsetDateTime};

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
