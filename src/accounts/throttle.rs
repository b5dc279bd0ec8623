//! Waits for whoever fails to sign in.
//!
//! Failures count under (name, source), whether the name exists or not, and under the name for all unknown sources;
//! both in the database, so that a restart or a second server forgets nothing. In memory the address counts as well.
//! A browser that signed in to the account before is a source of its own: nobody locks an owner out by guessing.

use std::{convert::Infallible, net::IpAddr, time::Duration as StdDuration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header::SET_COOKIE, request::Parts},
};
use data_encoding::BASE64URL_NOPAD;
use time::Duration;

use super::{preferences::kept, store};
use crate::{
    core::{
        account::Account,
        moment::Moment,
        secret::{SecretHash, random_base62},
        throttle::{self, Failures},
        username::as_typed,
    },
    error::Error,
    platform::{
        db::{Connection, Db, Tx},
        entropy::Entropy,
        limits::{Guessed, Limits, network_of},
        vault::Vault,
    },
    state::App,
    web::{extract::ClientAddress, page::cookie},
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
    pub fn read(cookie: &str, vault: &Vault) -> Option<Self> {
        let sealed = BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?;
        let text = String::from_utf8(vault.unseal(BROWSER_COOKIE, &sealed).ok()?.to_vec()).ok()?;
        let mut parts = text.split(' ').map(str::to_owned);
        Some(Self { id: parts.next()?, accounts: parts.collect() })
    }

    /// The cookie's value after a sign-in to `account`.
    pub fn remember(known: Option<Self>, account: &Account, vault: &Vault, entropy: Entropy) -> String {
        let mut browser = known.unwrap_or_else(|| Self {
            id: random_base62(BROWSER_ID_LENGTH, &mut entropy.rng()).to_string(),
            accounts: Vec::new(),
        });
        browser.accounts.retain(|id| *id != account.id);
        browser.accounts.insert(0, account.id.clone());
        browser.accounts.truncate(REMEMBERED);
        let text = [&[browser.id][..], &browser.accounts].concat().join(" ");
        BASE64URL_NOPAD.encode(&vault.seal(BROWSER_COOKIE, text.as_bytes(), entropy))
    }
}

/// From where someone tries to sign in.
#[derive(Debug, Clone)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// The browser, where it signed in here before.
    pub browser: Option<KnownBrowser>,
}

impl FromRequestParts<App> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let browser = cookie(&parts.headers, BROWSER_COOKIE).and_then(|text| KnownBrowser::read(text, &app.vault));
        Ok(Self { address, browser })
    }
}

impl Source {
    /// The header that makes this browser a known one for `account`.
    pub fn remember(self, app: &App, account: &Account) -> HeaderMap {
        let value = KnownBrowser::remember(self.browser, account, &app.vault, app.entropy);
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::try_from(kept(BROWSER_COOKIE, &value, app.urls.is_secure)) {
            headers.append(SET_COOKIE, value);
        }
        headers
    }
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
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
pub struct Attempt {
    guessed: Guessed,
    source_key: SecretHash,
    account_key: SecretHash,
    is_known: bool,
    address: IpAddr,
}

impl Attempt {
    /// A try for `name`, by a browser that may be known to the account of that name.
    pub fn new(name: &str, account_id: Option<&str>, from: &Source) -> Self {
        let name = as_typed(name);
        let knows =
            |browser: &&KnownBrowser| account_id.is_some_and(|id| browser.accounts.iter().any(|known| known == id));
        let known = from.browser.as_ref().filter(knows);
        let source = known.map_or_else(
            || format!("address {}", network_of(from.address)),
            |browser| format!("browser {}", browser.id),
        );
        Self {
            guessed: Guessed::SignIn,
            source_key: SecretHash::of(&format!("{source} name {name}")),
            account_key: SecretHash::of(&format!("any source name {name}")),
            is_known: known.is_some(),
            address: from.address,
        }
    }

    /// A try of this account at the code of a device. No browser is known here: whoever guesses could else sign in anew
    /// for each handful of tries.
    pub fn at_device_code(account: &Account, address: IpAddr) -> Self {
        let source = Source { address, browser: None };
        let attempt = Self::new(&format!("device codes of {}", account.id), None, &source);
        Self { guessed: Guessed::DeviceCode, ..attempt }
    }

    /// Refuses a source that must still wait. Before anything slow is done.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the wait, or the database's.
    pub async fn allowed(&self, db: &Db, limits: &Limits, now: Moment) -> Result<(), Error> {
        self.allowed_in(&mut db.read().await?, limits, now).await
    }

    /// The same within a transaction in which all tries for the account stand in line.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the wait, or the database's.
    pub async fn allowed_in(
        &self,
        connection: &mut impl Connection,
        limits: &Limits,
        now: Moment,
    ) -> Result<(), Error> {
        let of_source = store::failures(connection, &self.source_key).await?;
        let mut wait = of_source.and_then(|failures| throttle::wait_of_source(failures, now));
        if !self.is_known {
            let of_account = store::failures(connection, &self.account_key).await?;
            wait = wait.max(of_account.and_then(|failures: Failures| throttle::wait_of_account(failures, now)));
            wait = wait.max(limits.wait_of_address(self.guessed, self.address, now));
        }
        wait.map_or(Ok(()), |wait| Err(Error::TooMany(rounded_up(wait))))
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed(&self, db: &Db, limits: &Limits, now: Moment) -> Result<(), Error> {
        let mut tx = db.write().await?;
        self.failed_in(&mut tx, limits, now).await?;
        Ok(tx.commit().await?)
    }

    /// The same within a transaction.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed_in(&self, tx: &mut Tx, limits: &Limits, now: Moment) -> Result<(), Error> {
        // The account's row before the source's, everywhere: PostgreSQL locks rows in the order they are touched.
        if !self.is_known {
            store::count_failure(tx, &self.account_key, now - throttle::MEMORY, now - throttle::CAP_WINDOW, now)
                .await?;
            limits.count_failure(self.guessed, self.address, now);
        }
        store::count_failure(tx, &self.source_key, now - throttle::MEMORY, Moment::from_millis(i64::MIN), now).await?;
        Ok(())
    }

    /// Settles a try whose slow comparison came to `verdict`: counts it, or forgets what was counted. Tries for one
    /// name stand in line here and the wait is looked at once more: of a burst that was let through all at once, no
    /// more than the free ones get an answer, right or wrong.
    ///
    /// # Errors
    /// [`Error::TooMany`] with the wait, whatever the verdict; the database's.
    pub async fn settle(&self, db: &Db, limits: &Limits, verdict: Verdict, now: Moment) -> Result<(), Error> {
        if verdict != Verdict::Wrong && !self.has_failures(db).await? {
            return Ok(());
        }
        let mut tx = db.write().await?;
        store::lock_failures(&mut tx, &self.account_key, now).await?;
        store::lock_failures(&mut tx, &self.source_key, now).await?;
        self.allowed_in(&mut tx, limits, now).await?;
        match verdict {
            Verdict::Wrong => self.failed_in(&mut tx, limits, now).await?,
            Verdict::Right => {
                store::forget_failures_of(&mut tx, &self.source_key).await?;
            }
            Verdict::RightSoFar => {}
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

/// Whole seconds, so that whoever waits as long as was said does not come too early.
fn rounded_up(wait: Duration) -> StdDuration {
    let milliseconds = wait.whole_milliseconds().max(1).unsigned_abs();
    StdDuration::from_secs(milliseconds.div_ceil(1000) as u64)
}
