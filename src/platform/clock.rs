//! The clock: the system's, or one that tests move.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use dockpass_core::timestamp::Timestamp;
use time::{Duration, OffsetDateTime};

/// Tells the time. Handlers ask once a request and hand the answer down.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Stands still until it is moved: milliseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that starts now and stands still.
    pub fn manual() -> Self {
        Clock::Manual(Arc::new(AtomicI64::new(Clock::System.now().millis())))
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => OffsetDateTime::now_utc().into(),
            Clock::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system's clock does not listen.
    pub fn advance(&self, by: Duration) {
        if let Clock::Manual(millis) = self {
            millis.fetch_add(by.whole_milliseconds() as i64, Ordering::SeqCst);
        }
    }
}
