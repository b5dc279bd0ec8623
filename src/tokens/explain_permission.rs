//! "What can this token do?" on the page of a token.

use dockpass_core::access_level::RepositoryAction;
use dockpass_core::account::Account;
use dockpass_core::permission_check::{AllowReason, DenyReason, Principal, check};
use dockpass_core::repository::RepositoryName;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::{AccessToken, TokenStatus};

use crate::error::Error;
use crate::platform::database::Connection;
use crate::repositories;

/// Why a token may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFailure {
    AccountDisabled,
    Expired,
    Inactive,
    /// It works, but it may not do this.
    DenyReason(DenyReason),
}

/// Why this token of this account may do `action` with the repository `name`, or why not. The token endpoint decides by
/// the same rules and the same facts.
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
    let facts = repositories::facts::actions::facts(connection, Some(&account.id), names).await?;
    let principal = Principal {
        username: account.username.to_string(),
        is_admin: account.is_admin,
        level: token.level,
        repository_filter: token.repository_filter.clone(),
    };
    let verdict = facts.first().map_or(Err(DenyReason::NotShared), |facts| check(Some(&principal), facts, action));
    Ok(verdict.map_err(CheckFailure::DenyReason))
}
