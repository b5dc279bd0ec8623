//! Rate limits kept in memory (GCRA, by governor).

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};

const WRONG_CODES_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const SIGNUPS_AN_HOUR: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

type ByAddress = Arc<DefaultKeyedRateLimiter<IpAddr>>;

/// The limits of one process.
#[derive(Debug, Clone)]
pub struct Limits {
    wrong_codes: ByAddress,
    signups: ByAddress,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wrong_codes: Arc::new(RateLimiter::keyed(Quota::per_minute(WRONG_CODES_A_MINUTE))),
            signups: Arc::new(RateLimiter::keyed(Quota::per_hour(SIGNUPS_AN_HOUR))),
        }
    }
}

impl Limits {
    /// Counts a code that an address shows, for `/setup` or for a link that sets a password.
    ///
    /// # Errors
    /// How long to wait, when there were ten within a minute.
    pub fn count_code(&self, address: IpAddr) -> Result<(), Duration> {
        count(&self.wrong_codes, address)
    }

    /// Counts an account made at sign-up from an address.
    ///
    /// # Errors
    /// How long to wait, when there were ten within an hour.
    pub fn count_signup(&self, address: IpAddr) -> Result<(), Duration> {
        count(&self.signups, address)
    }
}

fn count(limiter: &ByAddress, address: IpAddr) -> Result<(), Duration> {
    limiter.retain_recent();
    limiter.check_key(&address).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
}
