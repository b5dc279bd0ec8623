//! The answer to "What can this token do?".

use crate::{
    core::{
        account::Account,
        level::Action,
        moment::Moment,
        permission::{Grounds, Holder, Obstacle, decide},
        repository::RepositoryName,
        token::{AccessToken, Status},
    },
    error::Error,
    platform::db::Connection,
    repositories,
};

/// Why a token may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Its account is disabled or closed.
    AccountDisabled,
    /// Its time is over.
    Expired,
    /// Its owner switched it off.
    Inactive,
    /// It works, and this is not among what it may do.
    Obstacle(Obstacle),
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
    action: Action,
    now: Moment,
) -> Result<Result<Grounds, Hindrance>, Error> {
    if !account.is_enabled() {
        return Ok(Err(Hindrance::AccountDisabled));
    }
    match token.status(now) {
        Status::Expired => return Ok(Err(Hindrance::Expired)),
        Status::Inactive => return Ok(Err(Hindrance::Inactive)),
        Status::Active => {}
    }
    let names = std::slice::from_ref(name);
    let facts = repositories::actions::facts(connection, Some(&account.id), names).await?;
    let holder = Holder {
        username: account.username.as_str(),
        is_admin: account.is_admin,
        level: token.level,
        reach: &token.reach,
    };
    let verdict = facts.first().map_or(Err(Obstacle::NotShared), |facts| decide(Some(&holder), facts, action));
    Ok(verdict.map_err(Hindrance::Obstacle))
}
