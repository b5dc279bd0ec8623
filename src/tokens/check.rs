//! The answer to "What can this token do?".

use dockpass_core::{
    access_level::RepositoryAction,
    account::Account,
    permission::{AllowReason, DenyReason, Principal, check},
    repository::RepositoryName,
    timestamp::Timestamp,
    token::{AccessToken, TokenStatus},
};

use crate::{error::Error, platform::database::Connection, repositories};

/// Why a token may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFailure {
    /// Its account is disabled or closed.
    AccountDisabled,
    /// Its time is over.
    Expired,
    /// Its owner switched it off.
    Inactive,
    /// It works, and this is not among what it may do.
    DenyReason(DenyReason),
}

/// May this token of this account do `action` with the repository `name`? What the token endpoint would say, by the
/// same rules and from the same facts.
///
/// # Errors
/// The database's.
pub async fn may(
    connection: &mut impl Connection,
    account: &Account,
    token: &AccessToken,
    name: &RepositoryName,
    action: RepositoryAction,
    now: Timestamp,
) -> Result<Result<AllowReason, CheckFailure>, Error> {
    if !account.is_enabled() {
        return Ok(Err(CheckFailure::AccountDisabled));
    }
    match token.status(now) {
        TokenStatus::Expired => return Ok(Err(CheckFailure::Expired)),
        TokenStatus::Inactive => return Ok(Err(CheckFailure::Inactive)),
        TokenStatus::Active => {}
    }
    let names = std::slice::from_ref(name);
    let facts = repositories::actions::facts(connection, Some(&account.id), names).await?;
    let holder = Principal {
        username: account.username.as_str(),
        is_admin: account.is_admin,
        level: token.level,
        repository_filter: &token.repository_filter,
    };
    let verdict = facts.first().map_or(Err(DenyReason::NotShared), |facts| check(Some(&holder), facts, action));
    Ok(verdict.map_err(CheckFailure::DenyReason))
}
