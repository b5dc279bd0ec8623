//! Rate limits kept in memory (GCRA, by governor).

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use dockpass_core::{secret::SecretHash, timestamp::Timestamp};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use time::Duration;

use super::journal::RefusalKey;

const CODES_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
const SIGNUPS_AN_HOUR: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// Failures of one address, whatever the account; offices share addresses.
const FAILURES_AN_HOUR: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");
/// One action of a registry client sends the same wrong secret up to six times.
const SAME_SECRET: Duration = Duration::MINUTE;
/// A client that is refused by one way of asking tries the other at once.
const SAME_TRY: Duration = Duration::seconds(5);
/// So many refused forms are remembered.
const REMEMBERED_FORMS: usize = 1000;
/// So many wrong secrets are remembered; beyond, the oldest minute is cleared away first.
const REMEMBERED_SECRETS: usize = 10_000;

type ByAddress = Arc<DefaultKeyedRateLimiter<IpAddr>>;

/// What is guessed. Each has failures of its own: where a forgotten job sends wrong passwords all day, nobody behind the
/// same address can sign in with one, and everybody can still deny what a device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuessKind {
    /// Names with passwords, and second factors.
    SignIn,
    /// The codes that devices show.
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
    refused_forms: Arc<Mutex<HashMap<RefusalKey, (Timestamp, u32)>>>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            codes: Arc::new(RateLimiter::keyed(Quota::per_minute(CODES_A_MINUTE))),
            signups: Arc::new(RateLimiter::keyed(Quota::per_hour(SIGNUPS_AN_HOUR))),
            failures: Arc::new(RateLimiter::keyed(Quota::per_hour(FAILURES_AN_HOUR))),
            closed_until: Arc::default(),
            wrong_secrets: Arc::default(),
            refused_forms: Arc::default(),
        }
    }
}

impl RateLimits {
    /// Counts a code that an address shows, for `/setup` or for a link that sets a password.
    ///
    /// # Errors
    /// How long to wait, when there were ten within a minute.
    pub fn count_code(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        count(&self.codes, network_of(address))
    }

    /// Counts an account made at sign-up from an address.
    ///
    /// # Errors
    /// How long to wait, when there were ten within an hour.
    pub fn count_signup(&self, address: IpAddr) -> Result<(), std::time::Duration> {
        count(&self.signups, network_of(address))
    }

    /// Counts a wrong guess of an address.
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

    /// Whether an equal refusal of a form came just before this one of a query: then both are one try of one client.
    /// Each form stands for one query. Where the two reach different servers, the try counts twice.
    pub fn is_repeated_by_query(&self, key: &RefusalKey, is_form: bool, now: Timestamp) -> bool {
        let mut forms = self.refused_forms.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: Timestamp| now - at < SAME_TRY;
        if !is_form {
            let Some((at, count)) = forms.remove(key).filter(|(at, _)| is_fresh(*at)) else { return false };
            if count > 1 {
                forms.insert(key.clone(), (at, count - 1));
            }
            return true;
        }
        if forms.len() >= REMEMBERED_FORMS {
            forms.retain(|_, (at, _)| is_fresh(*at));
        }
        // Where even the last seconds fill it, a try may count twice.
        let has_room = forms.len() < REMEMBERED_FORMS;
        match forms.get_mut(key) {
            Some((at, count)) => (*at, *count) = (now, if is_fresh(*at) { *count + 1 } else { 1 }),
            None if has_room => {
                forms.insert(key.clone(), (now, 1));
            }
            None => {}
        }
        false
    }

    /// Whether this wrong secret, by the hash of name, secret and address, is another than a minute ago. The same one
    /// again is one and the same try of a client that repeats itself.
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

/// What counts as one address: of IPv6 the first 64 bits, since one host is given all that follow them.
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
