//! What administrators, and the operator at the shell, do with accounts. Every act is in the person's log and in theirs.

use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::password::PasswordDigest;
use dockpass_core::timestamp::Timestamp;
use zeroize::Zeroizing;

use crate::accounts::actions::{self as accounts, CreateAccountError, DisableOutcome, NewAccount};
use crate::activity::actions as activity;
use crate::auth::one_time_links::actions as links;
use crate::auth::two_factor::actions as two_factor;
use crate::error::Error;
use crate::platform::database::{Connection, Tx};
use crate::platform::rng::SystemRng;

pub use super::store::{AccountSummary, list};

/// Who acts on an account, from where and when.
#[derive(Debug)]
pub struct Actor {
    name: String,
    origin: ClientInfo,
    now: Timestamp,
}

impl Actor {
    pub fn administrator(account: &Account, origin: &ClientInfo, now: Timestamp) -> Self {
        Self { name: account.username.to_string(), origin: origin.clone(), now }
    }

    pub fn shell(now: Timestamp) -> Self {
        Self { name: activity::SHELL.to_owned(), origin: ClientInfo::default(), now }
    }

    async fn record(&self, tx: &mut Tx, account: &Account, kind: ActivityKind, detail: &str) -> Result<(), Error> {
        activity::record_by(tx, &self.name, account, kind, detail, &self.origin, self.now).await
    }
}

pub async fn find(connection: &mut impl Connection, id: &str) -> Result<Account, Error> {
    accounts::find(connection, id).await?.ok_or(Error::NotFound)
}

pub async fn create(tx: &mut Tx, by: &Actor, new: NewAccount, rng: SystemRng) -> Result<Account, CreateAccountError> {
    let account = accounts::create(tx, new, by.now, rng).await?;
    let role = if account.is_admin { "administrator" } else { "" };
    by.record(tx, &account, ActivityKind::AccountCreated, role).await.map_err(CreateAccountError::Failed)?;
    Ok(account)
}

pub async fn disable(tx: &mut Tx, by: &Actor, account: &Account) -> Result<DisableOutcome, Error> {
    let outcome = accounts::disable(tx, account, by.now).await?;
    if outcome == DisableOutcome::Done {
        by.record(tx, account, ActivityKind::AccountDisabled, "").await?;
    }
    Ok(outcome)
}

/// Enables an account; `false` if it was not disabled.
pub async fn enable(tx: &mut Tx, by: &Actor, account: &Account) -> Result<bool, Error> {
    let is_done = accounts::enable(tx, account).await?;
    if is_done {
        by.record(tx, account, ActivityKind::AccountEnabled, "").await?;
    }
    Ok(is_done)
}

pub async fn end_sessions(tx: &mut Tx, by: &Actor, account: &Account) -> Result<(), Error> {
    let ended = accounts::end_sessions(tx, account).await?;
    by.record(tx, account, ActivityKind::SessionsEnded, &ended.to_string()).await
}

/// Turns two-factor authentication off; `false` if it was off.
pub async fn reset_second_factor(tx: &mut Tx, by: &Actor, account: &Account) -> Result<bool, Error> {
    two_factor::turn_off(tx, &by.name, account, &by.origin, by.now).await
}

/// Sets a new password and ends all sessions.
pub async fn set_password(tx: &mut Tx, by: &Actor, account: &Account, digest: &PasswordDigest) -> Result<(), Error> {
    accounts::set_password(tx, account, digest).await?;
    by.record(tx, account, ActivityKind::PasswordChanged, "").await
}

/// Creates the code of a link that sets a password; `None` for an account that is disabled or closed.
pub async fn create_password_link(
    tx: &mut Tx,
    by: &Actor,
    account: &Account,
    rng: SystemRng,
) -> Result<Option<Zeroizing<String>>, Error> {
    if !account.is_enabled() {
        return Ok(None);
    }
    let code = links::create_password_link(tx, account, by.now, rng).await?;
    by.record(tx, account, ActivityKind::PasswordLinkCreated, "").await?;
    Ok(Some(code))
}
