//! Rate limits kept in memory (GCRA, by governor).

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};

const SETUP_TRIES_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// The limits of one process.
#[derive(Debug, Clone)]
pub struct Limits {
    setup: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { setup: Arc::new(RateLimiter::keyed(Quota::per_minute(SETUP_TRIES_A_MINUTE))) }
    }
}

impl Limits {
    /// Counts a set-up code that an address shows.
    ///
    /// # Errors
    /// How long to wait, when there were ten within a minute.
    pub fn count_setup_try(&self, address: IpAddr) -> Result<(), Duration> {
        self.setup.retain_recent();
        self.setup.check_key(&address).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}
