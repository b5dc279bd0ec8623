//! Waits after failed sign-ins.
//!
//! Failures count under the pair of name and source, whether the name exists or not, and under the name for all sources
//! that never signed in to it. Both are in the database, so that neither a restart nor a second server forgets them.
//! Failures per address count in memory. A browser that signed in to the account before is a source of its own.

use std::net::IpAddr;
use std::time::Duration as StdDuration;

use dockpass_core::account::Account;
use dockpass_core::secret::SecretHash;
use dockpass_core::throttle::{self, FailureCount};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::as_typed;
use time::Duration;

use super::remembered_browser::RememberedBrowser;
use super::store;
use crate::error::Error;
use crate::platform::database::{Connection, Db, Tx};
use crate::platform::rate_limits::{GuessKind, RateLimits, network_of};

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
    guessed: GuessKind,
    source_key: SecretHash,
    account_key: SecretHash,
    has_remembered_browser: bool,
    address: IpAddr,
}

impl SignInAttempt {
    pub fn new(name: &str, account_id: Option<&str>, source: &AttemptSource) -> Self {
        let name = as_typed(name);
        let is_remembered = |browser: &&RememberedBrowser| account_id.is_some_and(|id| browser.is_of(id));
        let browser = source.browser.as_ref().filter(is_remembered);
        let from = match browser {
            Some(browser) => format!("browser {}", browser.id()),
            None => format!("address {}", network_of(source.address)),
        };
        Self {
            guessed: GuessKind::SignIn,
            source_key: SecretHash::of(&format!("{from} name {name}")),
            account_key: SecretHash::of(&format!("any source name {name}")),
            has_remembered_browser: browser.is_some(),
            address: source.address,
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
        let of_source = store::failures(connection, &self.source_key).await?;
        let mut wait = of_source.and_then(|failures| throttle::wait_of_source(failures, now));
        if !self.has_remembered_browser {
            let of_account = store::failures(connection, &self.account_key).await?;
            wait = wait.max(of_account.and_then(|failures: FailureCount| throttle::wait_of_account(failures, now)));
            wait = wait.max(limits.wait_of_address(self.guessed, self.address, now));
        }
        wait.map_or(Ok(()), |wait| Err(Error::TooMany(rounded_up(wait))))
    }

    pub async fn failed(&self, db: &Db, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        let mut tx = db.write().await?;
        self.failed_in(&mut tx, limits, now).await?;
        Ok(tx.commit().await?)
    }

    pub async fn failed_in(&self, tx: &mut Tx, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        // Always the account's row before the source's: PostgreSQL locks rows in the order in which they are written.
        if !self.has_remembered_browser {
            store::count_failure(tx, &self.account_key, now - throttle::MEMORY, now - throttle::CAP_WINDOW, now)
                .await?;
            limits.count_failure(self.guessed, self.address, now);
        }
        store::count_failure(tx, &self.source_key, now - throttle::MEMORY, Timestamp::from_millis(i64::MIN), now)
            .await?;
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
        store::lock_failures(&mut tx, &self.account_key, now).await?;
        store::lock_failures(&mut tx, &self.source_key, now).await?;
        self.allowed_in(&mut tx, limits, now).await?;
        match verdict {
            SignInVerdict::Wrong => self.failed_in(&mut tx, limits, now).await?,
            SignInVerdict::Right => {
                store::forget_failures_of(&mut tx, &self.source_key).await?;
            }
            SignInVerdict::RightSoFar => {}
        }
        Ok(tx.commit().await?)
    }

    async fn has_failures(&self, db: &Db) -> Result<bool, Error> {
        let mut reader = db.read().await?;
        Ok(store::failures(&mut reader, &self.source_key).await?.is_some()
            || store::failures(&mut reader, &self.account_key).await?.is_some())
    }

    pub async fn forget_failures(&self, db: &Db) -> Result<(), Error> {
        if store::failures(&mut db.read().await?, &self.source_key).await?.is_none() {
            return Ok(());
        }
        let mut tx = db.write().await?;
        store::forget_failures_of(&mut tx, &self.source_key).await?;
        Ok(tx.commit().await?)
    }
}

/// Whole seconds, so that nobody who waits as long as they are told comes too early.
fn rounded_up(wait: Duration) -> StdDuration {
    let milliseconds = wait.whole_milliseconds().max(1).unsigned_abs();
    StdDuration::from_secs(milliseconds.div_ceil(1000) as u64)
}
