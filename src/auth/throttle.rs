//! Waits for whoever fails to sign in.
//!
//! FailureCount count under (name, source), whether the name exists or not, and under the name for all unknown sources;
//! both in the database, so that a restart or a second server forgets nothing. In memory the address counts as well.
//! A browser that signed in to the account before is a source of its own: nobody locks an owner out by guessing.

use std::{convert::Infallible, net::IpAddr, time::Duration as StdDuration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header::SET_COOKIE, request::Parts},
};
use data_encoding::BASE64URL_NOPAD;
use dockpass_core::{
    account::Account,
    secret::{SecretHash, random_base62},
    throttle::{self, FailureCount},
    timestamp::Timestamp,
    username::as_typed,
};
use time::Duration;

use super::store;
use crate::{
    app::App,
    error::Error,
    platform::{
        database::{Connection, Db, Tx},
        encryption::Encryptor,
        rate_limits::{GuessKind, RateLimits, network_of},
        rng::SystemRng,
    },
    web::{
        cookies::{cookie, long_lived},
        extract::ClientAddress,
    },
};

/// The cookie of a browser that signed in here before.
const BROWSER_COOKIE: &str = "dockpass_browser";
const BROWSER_ID_LENGTH: usize = 22;
/// So many accounts one browser is remembered for.
const REMEMBERED: usize = 5;

/// A browser that signed in here before, and to which accounts. Sealed, so that nobody makes one up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBrowser {
    id: String,
    accounts: Vec<String>,
}

impl KnownBrowser {
    /// Reads the cookie; `None` for one that this server did not make.
    pub fn read(cookie: &str, encryptor: &Encryptor) -> Option<Self> {
        let sealed = BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?;
        let text = String::from_utf8(encryptor.unseal(BROWSER_COOKIE, &sealed).ok()?.to_vec()).ok()?;
        let mut parts = text.split(' ').map(str::to_owned);
        Some(Self { id: parts.next()?, accounts: parts.collect() })
    }

    /// The cookie's value after a sign-in to `account`.
    pub fn remember(known: Option<Self>, account: &Account, encryptor: &Encryptor, rng: SystemRng) -> String {
        let mut browser = known.unwrap_or_else(|| Self {
            id: random_base62(BROWSER_ID_LENGTH, &mut rng.generator()).to_string(),
            accounts: Vec::new(),
        });
        browser.accounts.retain(|id| *id != account.id);
        browser.accounts.insert(0, account.id.clone());
        browser.accounts.truncate(REMEMBERED);
        let text = [&[browser.id][..], &browser.accounts].concat().join(" ");
        BASE64URL_NOPAD.encode(&encryptor.seal(BROWSER_COOKIE, text.as_bytes(), rng))
    }
}

/// From where someone tries to sign in.
#[derive(Debug, Clone)]
pub struct AttemptSource {
    /// The address.
    pub address: IpAddr,
    /// The browser, where it signed in here before.
    pub browser: Option<KnownBrowser>,
}

impl FromRequestParts<App> for AttemptSource {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let browser = cookie(&parts.headers, BROWSER_COOKIE).and_then(|text| KnownBrowser::read(text, &app.encryptor));
        Ok(Self { address, browser })
    }
}

impl AttemptSource {
    /// The header that makes this browser a known one for `account`.
    pub fn remember(self, app: &App, account: &Account) -> HeaderMap {
        let value = KnownBrowser::remember(self.browser, account, &app.encryptor, app.rng);
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::try_from(long_lived(BROWSER_COOKIE, &value, app.urls.is_secure)) {
            headers.append(SET_COOKIE, value);
        }
        headers
    }
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInVerdict {
    /// Wrong.
    Wrong,
    /// Right, and another factor is still to be shown: nothing is forgotten yet, or a known password would give
    /// endless tries at the code.
    RightSoFar,
    /// Right.
    Right,
}

/// A try to sign in: which name, and from which source. Or one at the code of a device.
#[derive(Debug)]
pub struct SignInAttempt {
    guessed: GuessKind,
    source_key: SecretHash,
    account_key: SecretHash,
    is_known: bool,
    address: IpAddr,
}

impl SignInAttempt {
    /// A try for `name`, by a browser that may be known to the account of that name.
    pub fn new(name: &str, account_id: Option<&str>, from: &AttemptSource) -> Self {
        let name = as_typed(name);
        let knows =
            |browser: &&KnownBrowser| account_id.is_some_and(|id| browser.accounts.iter().any(|known| known == id));
        let known = from.browser.as_ref().filter(knows);
        let source = known.map_or_else(
            || format!("address {}", network_of(from.address)),
            |browser| format!("browser {}", browser.id),
        );
        Self {
            guessed: GuessKind::SignIn,
            source_key: SecretHash::of(&format!("{source} name {name}")),
            account_key: SecretHash::of(&format!("any source name {name}")),
            is_known: known.is_some(),
            address: from.address,
        }
    }

    /// A try of this account at the code of a device. No browser is known here: whoever guesses could else sign in anew
    /// for each handful of tries.
    pub fn at_device_code(account: &Account, address: IpAddr) -> Self {
        let source = AttemptSource { address, browser: None };
        let attempt = Self::new(&format!("device codes of {}", account.id), None, &source);
        Self { guessed: GuessKind::DeviceCode, ..attempt }
    }

    /// Refuses a source that must still wait. Before anything slow is done.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the wait, or the database's.
    pub async fn allowed(&self, db: &Db, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        self.allowed_in(&mut db.read().await?, limits, now).await
    }

    /// The same within a transaction in which all tries for the account stand in line.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the wait, or the database's.
    pub async fn allowed_in(
        &self,
        connection: &mut impl Connection,
        limits: &RateLimits,
        now: Timestamp,
    ) -> Result<(), Error> {
        let of_source = store::failures(connection, &self.source_key).await?;
        let mut wait = of_source.and_then(|failures| throttle::wait_of_source(failures, now));
        if !self.is_known {
            let of_account = store::failures(connection, &self.account_key).await?;
            wait = wait.max(of_account.and_then(|failures: FailureCount| throttle::wait_of_account(failures, now)));
            wait = wait.max(limits.wait_of_address(self.guessed, self.address, now));
        }
        wait.map_or(Ok(()), |wait| Err(Error::TooMany(rounded_up(wait))))
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed(&self, db: &Db, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        let mut tx = db.write().await?;
        self.failed_in(&mut tx, limits, now).await?;
        Ok(tx.commit().await?)
    }

    /// The same within a transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed_in(&self, tx: &mut Tx, limits: &RateLimits, now: Timestamp) -> Result<(), Error> {
        // The account's row before the source's, everywhere: PostgreSQL locks rows in the order they are touched.
        if !self.is_known {
            store::count_failure(tx, &self.account_key, now - throttle::MEMORY, now - throttle::CAP_WINDOW, now)
                .await?;
            limits.count_failure(self.guessed, self.address, now);
        }
        store::count_failure(tx, &self.source_key, now - throttle::MEMORY, Timestamp::from_millis(i64::MIN), now)
            .await?;
        Ok(())
    }

    /// Settles a try whose slow comparison came to `verdict`: counts it, or forgets what was counted. Tries for one
    /// name stand in line here and the wait is looked at once more: of a burst that was let through all at once, no
    /// more than the free ones get an answer, right or wrong.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the wait, whatever the verdict; the database's.
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

    /// Forgets the failures of this source: it knew the password after all.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(&self, db: &Db) -> Result<(), Error> {
        if store::failures(&mut db.read().await?, &self.source_key).await?.is_none() {
            return Ok(());
        }
        let mut tx = db.write().await?;
        store::forget_failures_of(&mut tx, &self.source_key).await?;
        Ok(tx.commit().await?)
    }
}

/// Forgets failures whose time is over.
///
/// # Errors
/// The database's.
pub async fn forget_old(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    store::forget_failures_before(tx, now - throttle::MEMORY).await?;
    Ok(())
}

/// Whole seconds, so that whoever waits as long as was said does not come too early.
fn rounded_up(wait: Duration) -> StdDuration {
    let milliseconds = wait.whole_milliseconds().max(1).unsigned_abs();
    StdDuration::from_secs(milliseconds.div_ceil(1000) as u64)
}
