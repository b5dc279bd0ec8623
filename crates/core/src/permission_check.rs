//! What an account and its token may do with a repository: one rule for the token endpoint and for the page that
//! explains its answers.

use crate::access_level::{AccessLevel, RepositoryAction};
use crate::repository::{RepositoryFilter, RepositoryName};

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account's name; its repositories are `username/…`.
    pub username: String,
    pub is_admin: bool,
    /// The token's level; a password has the highest.
    pub level: AccessLevel,
    /// The repositories that the token is limited to.
    pub repository_filter: RepositoryFilter,
}

/// What the owner of a repository shares with another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareLevel {
    Pull,
    Push,
}

/// What the database knows about a repository. One that was never pushed is private and shared with nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    pub name: RepositoryName,
    pub is_public: bool,
    pub share: Option<ShareLevel>,
    /// Whether its first component is an account's name. If not, it belongs to the administrators.
    pub has_owner: bool,
}

/// Why an action is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowReason {
    Public,
    Own,
    Administrators,
    Shared,
}

/// Why an action is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    Anonymous,
    OutsideFilter,
    Level(AccessLevel),
    /// It belongs to someone else and is not shared with the account, or it does not exist. Both look the same.
    NotShared,
    SharedPullOnly,
    /// It belongs to someone else, and only its owner can delete, whether it is shared or not.
    OwnerOnly,
}

/// Whether a repository belongs to the account: as its own, or as an administrators' repository, whose first component
/// is no account's name.
pub fn ownership(username: &str, is_admin: bool, name: &RepositoryName, has_owner: bool) -> Option<AllowReason> {
    if name.is_of(username) {
        Some(AllowReason::Own)
    } else {
        (is_admin && !has_owner).then_some(AllowReason::Administrators)
    }
}

/// Whether `principal` may do `action` with a repository, or the first reason against it. Missing rights of the account come
/// before limits of the token, because another token would not help there.
pub fn check(
    principal: Option<&Principal>,
    facts: &RepositoryFacts,
    action: RepositoryAction,
) -> Result<AllowReason, DenyReason> {
    // No token can do less than an anonymous client, whatever its level and its limit.
    if action == RepositoryAction::Pull && facts.is_public {
        return Ok(AllowReason::Public);
    }
    let principal = principal.ok_or(DenyReason::Anonymous)?;
    let allowed = check_account(principal, facts, action)?;
    let needed_level = match action {
        RepositoryAction::Pull => AccessLevel::Read,
        RepositoryAction::Push => AccessLevel::Write,
        RepositoryAction::Delete => AccessLevel::Admin,
    };
    if !principal.repository_filter.includes(&facts.name) {
        Err(DenyReason::OutsideFilter)
    } else if principal.level < needed_level {
        Err(DenyReason::Level(needed_level))
    } else {
        Ok(allowed)
    }
}

/// What the account may do with a repository that is not public, without the limits of its token.
fn check_account(
    principal: &Principal,
    facts: &RepositoryFacts,
    action: RepositoryAction,
) -> Result<AllowReason, DenyReason> {
    if let Some(allowed) = ownership(&principal.username, principal.is_admin, &facts.name, facts.has_owner) {
        return Ok(allowed);
    }
    match (action, facts.share) {
        (RepositoryAction::Delete, _) => Err(DenyReason::OwnerOnly),
        (_, None) => Err(DenyReason::NotShared),
        (RepositoryAction::Push, Some(ShareLevel::Pull)) => Err(DenyReason::SharedPullOnly),
        (RepositoryAction::Pull, _) | (RepositoryAction::Push, Some(ShareLevel::Push)) => Ok(AllowReason::Shared),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn facts(name: &str) -> RepositoryFacts {
        let name = RepositoryName::parse(name).unwrap();
        let has_owner = ["alice", "bob"].contains(&name.namespace());
        RepositoryFacts { name, is_public: false, share: None, has_owner }
    }

    pub fn alice(level: AccessLevel, repository_filter: &RepositoryFilter) -> Principal {
        let repository_filter = repository_filter.clone();
        Principal { username: "alice".to_owned(), is_admin: false, level, repository_filter }
    }

    #[test]
    fn the_level_decides_on_the_accounts_own_repositories() {
        use AccessLevel::*;
        for (level, allowed_actions) in [(PublicRead, 0), (Read, 1), (Write, 2), (Admin, 3)] {
            let alice = alice(level, &RepositoryFilter::All);
            let is_allowed = |action: RepositoryAction| check(Some(&alice), &facts("alice/app"), action).is_ok();
            let expected: Vec<bool> = (0..3).map(|action| action < allowed_actions).collect();
            assert_eq!(RepositoryAction::ALL.map(is_allowed).to_vec(), expected, "{level:?}");
        }
        let public = RepositoryFacts { is_public: true, ..facts("alice/app") };
        assert_eq!(
            check(Some(&alice(PublicRead, &RepositoryFilter::All)), &public, RepositoryAction::Pull),
            Ok(AllowReason::Public)
        );
    }

    #[test]
    fn a_share_allows_what_it_says_and_never_delete() {
        use RepositoryAction::*;
        let with = |share| RepositoryFacts { share, ..facts("bob/app") };
        let admin = alice(AccessLevel::Admin, &RepositoryFilter::All);
        let read = alice(AccessLevel::Read, &RepositoryFilter::All);
        let public_read = alice(AccessLevel::PublicRead, &RepositoryFilter::All);
        assert_eq!(check(Some(&admin), &with(None), Pull), Err(DenyReason::NotShared));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Pull)), Pull), Ok(AllowReason::Shared));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Pull)), Push), Err(DenyReason::SharedPullOnly));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Push)), Push), Ok(AllowReason::Shared));
        for share in [None, Some(ShareLevel::Pull), Some(ShareLevel::Push)] {
            assert_eq!(check(Some(&admin), &with(share), Delete), Err(DenyReason::OwnerOnly));
        }
        assert_eq!(check(Some(&read), &with(Some(ShareLevel::Push)), Push), Err(DenyReason::Level(AccessLevel::Write)));
        assert_eq!(
            check(Some(&public_read), &with(Some(ShareLevel::Push)), Pull),
            Err(DenyReason::Level(AccessLevel::Read))
        );
    }

    #[test]
    fn repositories_below_no_accounts_name_belong_to_the_administrators() {
        let admin = Principal { is_admin: true, ..alice(AccessLevel::Admin, &RepositoryFilter::All) };
        for name in ["team/app", "app"] {
            assert_eq!(check(Some(&admin), &facts(name), RepositoryAction::Delete), Ok(AllowReason::Administrators));
            let member = alice(AccessLevel::Admin, &RepositoryFilter::All);
            assert_eq!(check(Some(&member), &facts(name), RepositoryAction::Pull), Err(DenyReason::NotShared));
        }
        assert_eq!(check(Some(&admin), &facts("bob/app"), RepositoryAction::Pull), Err(DenyReason::NotShared));
        assert_eq!(check(Some(&admin), &facts("alice"), RepositoryAction::Pull), Err(DenyReason::NotShared));
    }

    #[test]
    fn a_limited_token_can_only_use_the_named_repositories_and_pull_public_ones() {
        let filter = RepositoryFilter::parse("alice/api bob/*").unwrap();
        let limited = alice(AccessLevel::Admin, &filter);
        assert_eq!(check(Some(&limited), &facts("alice/api"), RepositoryAction::Push), Ok(AllowReason::Own));
        assert_eq!(check(Some(&limited), &facts("alice/web"), RepositoryAction::Pull), Err(DenyReason::OutsideFilter));
        assert_eq!(check(Some(&limited), &facts("bob/app"), RepositoryAction::Pull), Err(DenyReason::NotShared));
        for name in ["alice/web", "carol/app", "team/app"] {
            let public = RepositoryFacts { is_public: true, ..facts(name) };
            assert_eq!(check(Some(&limited), &public, RepositoryAction::Pull), Ok(AllowReason::Public), "{name}");
            assert!(check(Some(&limited), &public, RepositoryAction::Push).is_err(), "{name}");
        }
    }

    #[test]
    fn missing_rights_of_the_account_are_reported_before_limits_of_the_token() {
        let filter = RepositoryFilter::parse("alice/web").unwrap();
        let weak = alice(AccessLevel::PublicRead, &filter);
        for action in RepositoryAction::ALL {
            let reason = if action == RepositoryAction::Delete { DenyReason::OwnerOnly } else { DenyReason::NotShared };
            assert_eq!(check(Some(&weak), &facts("bob/app"), action), Err(reason));
            assert_eq!(check(Some(&weak), &facts("alice/app"), action), Err(DenyReason::OutsideFilter));
        }
        assert_eq!(
            check(Some(&weak), &facts("alice/web"), RepositoryAction::Push),
            Err(DenyReason::Level(AccessLevel::Write))
        );
        let shared = RepositoryFacts { share: Some(ShareLevel::Pull), ..facts("bob/app") };
        assert_eq!(check(Some(&weak), &shared, RepositoryAction::Push), Err(DenyReason::SharedPullOnly));
    }

    #[test]
    fn everyone_can_pull_public_repositories() {
        let public = RepositoryFacts { is_public: true, ..facts("bob/app") };
        assert_eq!(check(None, &public, RepositoryAction::Pull), Ok(AllowReason::Public));
        assert_eq!(check(None, &public, RepositoryAction::Push), Err(DenyReason::Anonymous));
        assert_eq!(check(None, &facts("bob/app"), RepositoryAction::Pull), Err(DenyReason::Anonymous));
        assert_eq!(
            check(Some(&alice(AccessLevel::Admin, &RepositoryFilter::All)), &public, RepositoryAction::Push),
            Err(DenyReason::NotShared)
        );
    }
}
