//! Rate limits kept in memory (GCRA, by governor).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dockpass_core::timestamp::Timestamp;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use time::Duration;

const CODES_A_MINUTE: u32 = 10;
const SIGNUPS_AN_HOUR: u32 = 10;
/// New passwords whose strength is judged.
const PASSWORDS_AN_HOUR: u32 = 30;
/// Failures from one address, for all accounts together; offices share addresses.
const FAILURES_AN_HOUR: u32 = 100;
/// Between two rounds of forgetting networks that may do everything again.
const CALLS_BETWEEN_CLEANUPS: u32 = 1000;

/// What is guessed; failures of each kind are counted separately. A forgotten job that sends wrong passwords all day stops
/// sign-ins from its address, but people there can still deny a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuessKind {
    SignIn,
    DeviceCode,
}

/// A network that counts as one source: an address of IPv4, or the first bits of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    pub address: IpAddr,
    /// How much more its limit is than that of one host.
    pub factor: u32,
}

/// The networks of an address, the largest first. One host has all addresses of a /64, one household often a /56 and one
/// company a /48, so each of them has a limit.
pub fn networks_of(address: IpAddr) -> [Network; 3] {
    match address.to_canonical() {
        IpAddr::V6(address) => [(48, 4), (56, 2), (64, 1)].map(|(bits, factor)| {
            let mask = u128::MAX << (128 - bits);
            Network { address: Ipv6Addr::from(u128::from(address) & mask).into(), factor }
        }),
        v4 => [Network { address: v4, factor: 1 }; 3],
    }
}

/// A limit for each network of an address.
#[derive(Debug)]
struct NetworkLimit {
    /// By the factor of the network.
    limiters: [(u32, DefaultKeyedRateLimiter<IpAddr>); 3],
    calls: AtomicU32,
}

impl NetworkLimit {
    fn new(quota: impl Fn(NonZeroU32) -> Quota, most: u32) -> Arc<Self> {
        let limiter = |factor| (factor, RateLimiter::keyed(quota(NonZeroU32::MIN.saturating_add(most * factor - 1))));
        Arc::new(Self { limiters: [4, 2, 1].map(limiter), calls: AtomicU32::new(0) })
    }

    /// Counts for each network, the largest first, up to the first one over its limit: that one, and how long to wait. What
    /// a large network may not do leaves no trace of the small ones in it.
    fn count(&self, address: IpAddr) -> Result<(), (Network, std::time::Duration)> {
        if self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(CALLS_BETWEEN_CLEANUPS) {
            self.limiters.iter().for_each(|(_, limiter)| limiter.retain_recent());
        }
        for (factor, limiter) in &self.limiters {
            let network = networks_of(address).into_iter().find(|network| network.factor == *factor);
            let Some(network) = network else { continue };
            limiter
                .check_key(&network.address)
                .map_err(|until| (network, until.wait_time_from(DefaultClock::default().now())))?;
        }
        Ok(())
    }
}

/// The limits of one process. What counts something says how long to wait once there were too many.
#[derive(Debug, Clone)]
pub struct RateLimits {
    codes: Arc<NetworkLimit>,
    signups: Arc<NetworkLimit>,
    passwords: Arc<NetworkLimit>,
    failed_sign_ins: Arc<NetworkLimit>,
    failed_device_codes: Arc<NetworkLimit>,
    closed_until: Arc<Mutex<HashMap<(GuessKind, Network), Timestamp>>>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            codes: NetworkLimit::new(Quota::per_minute, CODES_A_MINUTE),
            signups: NetworkLimit::new(Quota::per_hour, SIGNUPS_AN_HOUR),
            passwords: NetworkLimit::new(Quota::per_hour, PASSWORDS_AN_HOUR),
            failed_sign_ins: NetworkLimit::new(Quota::per_hour, FAILURES_AN_HOUR),
            failed_device_codes: NetworkLimit::new(Quota::per_hour, FAILURES_AN_HOUR),
            closed_until: Arc::default(),
        }
    }
}

impl RateLimits {
    /// Counts a code for `/setup` or for a link that sets a password.
    pub fn count_code(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        self.codes.count(address).map_err(|(_, wait)| wait)
    }

    /// Counts a sign-up.
    pub fn count_signup(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        self.signups.count(address).map_err(|(_, wait)| wait)
    }

    /// Counts a new password whose strength is about to be judged.
    pub fn count_new_password(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        self.passwords.count(address).map_err(|(_, wait)| wait)
    }

    /// Counts a wrong guess.
    pub fn count_failure(&self, guessed: GuessKind, address: IpAddr, now: Timestamp) {
        let limit = match guessed {
            GuessKind::SignIn => &self.failed_sign_ins,
            GuessKind::DeviceCode => &self.failed_device_codes,
        };
        if let Err((network, wait)) = limit.count(address) {
            let until = now + Duration::try_from(wait).unwrap_or(Duration::HOUR);
            self.closed().insert((guessed, network), until);
        }
    }

    /// How long an address must wait before it may guess again.
    pub fn wait_of_address(&self, guessed: GuessKind, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let mut closed = self.closed();
        // No wait is longer than an hour, so one that seems longer began before the clock was set back.
        closed.retain(|_, until| *until > now && *until - now <= Duration::HOUR);
        networks_of(address)
            .into_iter()
            .filter_map(|network| closed.get(&(guessed, network)))
            .max()
            .map(|end| *end - now)
    }

    fn closed(&self) -> MutexGuard<'_, HashMap<(GuessKind, Network), Timestamp>> {
        self.closed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
