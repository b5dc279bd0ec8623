//! Waits after failed sign-ins.
//!
//! Failures count under the pair of name and source, whether the name exists or not, and under the name for all sources
//! that never signed in to it. Each network of an IPv6 address is a source. Both are in the database, so that neither a restart nor a second server forgets them.
//! Failures per address count in memory. A browser that signed in to the account before is a source of its own.

mod store;

use std::net::IpAddr;
use std::time::Duration as StdDuration;

use dockpass_core::account::Account;
use dockpass_core::secret::SecretHash;
use dockpass_core::throttle::{self, FailureCount};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::as_typed;
use time::Duration;

use super::remembered_browser::RememberedBrowser;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::password_hasher::Requester;
use crate::platform::rate_limits::{GuessKind, RateLimits, networks_of};

/// Where a sign-in attempt comes from.
#[derive(Debug, Clone)]
pub struct AttemptSource {
    pub address: IpAddr,
    /// The browser, if it signed in before.
    pub browser: Option<RememberedBrowser>,
}

/// The outcome of a sign-in attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInVerdict {
    Wrong,
    /// Right, but the second factor is still missing. Failures stay counted: otherwise someone who has the password
    /// could guess codes without end.
    RightSoFar,
    Right,
}

/// An attempt to sign in with a name from a source, or to guess the code of a device.
#[derive(Debug)]
pub struct SignInAttempt {
    /// For whom the slow work of this attempt is done.
    pub requester: Requester,
    guessed: GuessKind,
    /// The browser, or each network of the address with the factor of its limit: the largest first.
    source_keys: Vec<(SecretHash, u32)>,
    account_key: SecretHash,
}

impl SignInAttempt {
    pub fn new(name: &str, account_id: Option<&str>, source: &AttemptSource) -> Self {
        let name = as_typed(name);
        let is_remembered = |browser: &&RememberedBrowser| account_id.is_some_and(|id| browser.is_of(id));
        let browser = source.browser.as_ref().filter(is_remembered).map(|browser| browser.id().to_owned());
        let key = |from: String| SecretHash::of(&format!("{from} name {name}"));
        let mut source_keys = match &browser {
            Some(id) => vec![(key(format!("browser {id}")), 1)],
            None => networks_of(source.address)
                .map(|network| (key(format!("network {} {}", network.address, network.factor)), network.factor))
                .to_vec(),
        };
        source_keys.dedup();
        Self {
            guessed: GuessKind::SignIn,
            source_keys,
            account_key: SecretHash::of(&format!("any source name {name}")),
            requester: Requester { address: source.address, account: name, browser },
        }
    }

    /// An attempt of an account to guess the code of a device. It has no remembered browser: otherwise signing in again
    /// would reset the count.
    pub fn at_device_code(account: &Account, address: IpAddr) -> Self {
        let source = AttemptSource { address, browser: None };
        let attempt = Self::new(&format!("device codes of {}", account.id), None, &source);
        Self { guessed: GuessKind::DeviceCode, ..attempt }
    }

    /// Refuses a source that must still wait. Call it before any slow work.
    pub async fn allowed(&self, db: &Db, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        self.allowed_in(&mut db.read().await?, limits, now).await
    }

    pub async fn allowed_in(
        &self,
        connection: &mut impl Connection,
        limits: &RateLimits,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut wait = None;
        for (key, factor) in &self.source_keys {
            let of_source = store::failures(connection, key).await?;
            wait = wait.max(of_source.and_then(|failures| throttle::wait_of_source(failures, *factor, now)));
        }
        if self.requester.browser.is_none() {
            let of_account = store::failures(connection, &self.account_key).await?;
            wait = wait.max(of_account.and_then(|failures: FailureCount| throttle::wait_of_account(failures, now)));
            wait = wait.max(limits.wait_of_address(self.guessed, self.requester.address, now));
        }
        wait.map_or(Ok(()), |wait| Err(Error::TooMany(rounded_up(wait))))
    }

    pub async fn failed(&self, db: &Db, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        let mut tx = db.write().await?;
        self.failed_in(&mut tx, limits, now).await?;
        Ok(tx.commit().await?)
    }

    pub async fn failed_in(&self, tx: &mut Tx, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        // Always in the order of `lock`: PostgreSQL locks rows in the order in which they are written.
        if self.requester.browser.is_none() {
            store::count_failure(tx, &self.account_key, now - throttle::MEMORY, now - throttle::CAP_WINDOW, now)
                .await?;
            limits.count_failure(self.guessed, self.requester.address, now);
        }
        for (key, _) in &self.source_keys {
            store::count_failure(tx, key, now - throttle::MEMORY, Timestamp::from_millis(i64::MIN), now).await?;
        }
        Ok(())
    }

    /// Counts the outcome of a slow comparison, or forgets the failures of this source. Attempts for one name take
    /// turns here and the wait is checked again, so that a burst of attempts gets no more answers than a slow guesser.
    pub async fn settle(
        &self,
        db: &Db,
        limits: &RateLimits,
        verdict: SignInVerdict,
        now: Timestamp,
    ) -> Result<(), Error> {
        if verdict != SignInVerdict::Wrong && !self.has_failures(db).await? {
            return Ok(());
        }
        let mut tx = db.write().await?;
        self.lock(&mut tx, now).await?;
        self.allowed_in(&mut tx, limits, now).await?;
        match verdict {
            SignInVerdict::Wrong => self.failed_in(&mut tx, limits, now).await?,
            SignInVerdict::Right => self.forget_in(&mut tx).await?,
            SignInVerdict::RightSoFar => {}
        }
        Ok(tx.commit().await?)
    }

    /// Makes other attempts for the same account wait for this transaction.
    async fn lock(&self, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
        for key in self.keys() {
            store::lock_failures(tx, key, now).await?;
        }
        Ok(())
    }

    fn keys(&self) -> impl Iterator<Item = &SecretHash> {
        std::iter::once(&self.account_key).chain(self.source_keys.iter().map(|(key, _)| key))
    }

    async fn has_failures(&self, db: &Db) -> Result<bool, Error> {
        let mut reader = db.read().await?;
        for key in self.keys() {
            if store::failures(&mut reader, key).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Forgets the failures of this source.
    pub async fn forget_failures(&self, db: &Db) -> Result<(), Error> {
        if !self.has_failures(db).await? {
            return Ok(());
        }
        let mut tx = db.write().await?;
        self.forget_in(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn forget_in(&self, tx: &mut Tx) -> Result<(), Error> {
        for (key, _) in &self.source_keys {
            store::forget_failures_of(tx, key).await?;
        }
        Ok(())
    }
}

/// Whole seconds, rounded up: a client that waits this long is not too early.
fn rounded_up(wait: Duration) -> StdDuration {
    let milliseconds = wait.whole_milliseconds().max(1).unsigned_abs();
    StdDuration::from_secs(milliseconds.div_ceil(1000) as u64)
}

/// Forgets failures that no longer count.
pub async fn tidy(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_failures_before(tx, now - throttle::MEMORY).await?;
    Ok(())
}
