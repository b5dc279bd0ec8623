//! Rate limits kept in memory (GCRA, by governor).

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use time::Duration;

const CODES_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const SIGNUPS_AN_HOUR: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// Failures from one address, for all accounts together; offices share addresses.
const FAILURES_AN_HOUR: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");
/// One action of a registry client sends the same wrong secret up to six times.
const SAME_SECRET: Duration = Duration::MINUTE;
/// Beyond this many wrong secrets, those older than a minute are forgotten.
const REMEMBERED_SECRETS: usize = 10_000;

type ByAddress = Arc<DefaultKeyedRateLimiter<IpAddr>>;

/// What is guessed; failures of each kind are counted separately. A forgotten job that sends wrong passwords all day stops
/// sign-ins from its address, but people there can still deny a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuessKind {
    SignIn,
    DeviceCode,
}

/// The limits of one process.
#[derive(Debug, Clone)]
pub struct RateLimits {
    codes: ByAddress,
    signups: ByAddress,
    failures: Arc<DefaultKeyedRateLimiter<(GuessKind, IpAddr)>>,
    closed_until: Arc<Mutex<HashMap<(GuessKind, IpAddr), Timestamp>>>,
    wrong_secrets: Arc<Mutex<HashMap<SecretHash, Timestamp>>>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            codes: Arc::new(RateLimiter::keyed(Quota::per_minute(CODES_A_MINUTE))),
            signups: Arc::new(RateLimiter::keyed(Quota::per_hour(SIGNUPS_AN_HOUR))),
            failures: Arc::new(RateLimiter::keyed(Quota::per_hour(FAILURES_AN_HOUR))),
            closed_until: Arc::default(),
            wrong_secrets: Arc::default(),
        }
    }
}

impl RateLimits {
    /// Counts a code from an address, for `/setup` or for a link that sets a password. After ten within a minute the error
    /// says how long to wait.
    pub fn count_code(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        count(&self.codes, network_of(address))
    }

    pub fn count_signup(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        count(&self.signups, network_of(address))
    }

    pub fn count_failure(&self, guessed: GuessKind, address: IpAddr, now: Timestamp) {
        let key = (guessed, network_of(address));
        if let Err(wait) = count(&self.failures, key) {
            let until = now + Duration::try_from(wait).unwrap_or(Duration::HOUR);
            self.closed().insert(key, until);
        }
    }

    /// How long an address must wait before it may guess again.
    pub fn wait_of_address(&self, guessed: GuessKind, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let mut closed = self.closed();
        closed.retain(|_, until| *until > now);
        closed.get(&(guessed, network_of(address))).map(|until| *until - now)
    }

    /// Whether this wrong secret, by the hash of name, secret and address, was not sent within the last minute: clients
    /// repeat the same attempt by themselves.
    pub fn is_new_failure(&self, secret: SecretHash, now: Timestamp) -> bool {
        let mut secrets = self.wrong_secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if secrets.len() >= REMEMBERED_SECRETS {
            secrets.retain(|_, at| now - *at < SAME_SECRET);
        }
        match secrets.get(&secret) {
            Some(at) if now - *at < SAME_SECRET => false,
            _ => {
                secrets.insert(secret, now);
                true
            }
        }
    }

    fn closed(&self) -> std::sync::MutexGuard<'_, HashMap<(GuessKind, IpAddr), Timestamp>> {
        self.closed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one address: the first 64 bits of IPv6, because one host has all addresses below them.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) & !u128::from(u64::MAX)).to_be_bytes()),
        v4 => v4,
    }
}

fn count<K: Clone + Eq + Hash>(limiter: &DefaultKeyedRateLimiter<K>, key: K) -> Result<(), std::time::Duration> {
    limiter.retain_recent();
    limiter.check_key(&key).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
}
