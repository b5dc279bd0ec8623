//! What a registry token grants: the allowed part of the scopes that a client asks for.

use crate::access_level::{AccessLevel, RepositoryAction};
use crate::permission_check::{DenyReason, Principal, RepositoryFacts, check};
use crate::repository::RepositoryFilter;
use crate::scope::Scope;

/// An entry of the JWT's `access` claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedScope {
    pub kind: String,
    pub name: String,
    pub actions: Vec<&'static str>,
}

/// The scopes and actions that are both asked for and allowed.
///
/// A scope without an allowed action is left out: missing rights are not an error (distribution's token specification),
/// and one refused repository does not affect the others of the same request. A repository without `facts` is granted
/// nothing.
pub fn grant(scopes: &[Scope], principal: Option<&Principal>, facts: &[RepositoryFacts]) -> Vec<GrantedScope> {
    scopes.iter().filter_map(|scope| grant_one(scope, principal, facts)).collect()
}

fn grant_one(scope: &Scope, principal: Option<&Principal>, facts: &[RepositoryFacts]) -> Option<GrantedScope> {
    let actions: Vec<&'static str> = match scope.kind.as_str() {
        "repository" => {
            let facts = facts_of(scope, facts)?;
            let can = |action: RepositoryAction| scope.asks(action.as_str()) && check(principal, facts, action).is_ok();
            let can_push = can(RepositoryAction::Push);
            let is_granted = |action: &RepositoryAction| match action {
                // An upload needs both, so push always comes with pull.
                RepositoryAction::Pull => can_push || can(RepositoryAction::Pull),
                other => can(*other),
            };
            RepositoryAction::ALL.into_iter().filter(is_granted).map(RepositoryAction::as_str).collect()
        }
        "registry" if can_list_all(scope, principal) => vec!["*"],
        _ => Vec::new(),
    };
    (!actions.is_empty()).then(|| GrantedScope { kind: scope.kind.clone(), name: scope.name.clone(), actions })
}

fn facts_of<'f>(scope: &Scope, facts: &'f [RepositoryFacts]) -> Option<&'f RepositoryFacts> {
    facts.iter().find(|facts| facts.name.as_str() == scope.name)
}

/// `registry:catalog:*` lists every repository. Only administrators get it, and only with a token that can read private
/// repositories and is not limited to some.
fn can_list_all(scope: &Scope, principal: Option<&Principal>) -> bool {
    let is_allowed = |principal: &Principal| {
        principal.is_admin
            && principal.level >= AccessLevel::Read
            && principal.repository_filter == RepositoryFilter::All
    };
    scope.name == "catalog" && scope.asks("*") && principal.is_some_and(is_allowed)
}

/// A refused push or delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedAction<'s> {
    pub action: RepositoryAction,
    /// The repository, as the client sent it.
    pub name: &'s str,
    pub reason: DenyReason,
}

/// The first refused delete, if every delete in the request is refused; else the first refused push, if every push is.
///
/// Only then does the client get an error with a sentence. An action counts where it is asked for by its name: `*` asks
/// for whatever there is. A scope that asks only for pull (such as the source of a cross-repository mount) never causes an
/// error. A delete comes first: clients that get only a part of `delete,pull,push` overwrite the tag and fail afterwards.
pub fn refused_action<'s>(
    scopes: &'s [Scope],
    principal: &Principal,
    facts: &[RepositoryFacts],
) -> Option<RefusedAction<'s>> {
    let refused_everywhere = |action| {
        let mut first = None;
        for scope in scopes.iter().filter(|scope| scope.kind == "repository" && scope.names(action)) {
            let result = match facts_of(scope, facts) {
                Some(facts) => check(Some(principal), facts, action),
                None => Err(DenyReason::NotShared),
            };
            let reason = result.err()?;
            first.get_or_insert(RefusedAction { action, name: &scope.name, reason });
        }
        first
    };
    refused_everywhere(RepositoryAction::Delete).or_else(|| refused_everywhere(RepositoryAction::Push))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        permission_check::{
            ShareLevel,
            tests::{alice, facts},
        },
        scope,
    };
    use proptest::prelude::*;

    fn granted(scopes: &str, principal: Option<&Principal>, facts: &[RepositoryFacts]) -> Vec<String> {
        let text = |grant: GrantedScope| format!("{}:{}:{}", grant.kind, grant.name, grant.actions.join(","));
        grant(&scope::parse([scopes]), principal, facts).into_iter().map(text).collect()
    }

    #[test]
    fn only_the_allowed_actions_are_granted() {
        let write = alice(AccessLevel::Write, &RepositoryFilter::All);
        let asked = "repository:alice/app:pull,push,delete";
        assert_eq!(granted(asked, Some(&write), &[facts("alice/app")]), ["repository:alice/app:pull,push"]);
        let public = RepositoryFacts { is_public: true, ..facts("bob/app") };
        assert_eq!(granted("repository:bob/app:pull,push", None, &[public]), ["repository:bob/app:pull"]);
    }

    #[test]
    fn a_star_means_every_allowed_action_and_push_includes_pull() {
        let own = [facts("alice/app")];
        let read = alice(AccessLevel::Read, &RepositoryFilter::All);
        let admin = alice(AccessLevel::Admin, &RepositoryFilter::All);
        assert_eq!(granted("repository:alice/app:*", Some(&read), &own), ["repository:alice/app:pull"]);
        assert_eq!(granted("repository:alice/app:*", Some(&admin), &own), ["repository:alice/app:pull,push,delete"]);
        assert_eq!(granted("repository:alice/app:push", Some(&admin), &own), ["repository:alice/app:pull,push"]);
        assert_eq!(granted("repository:alice/app:push", Some(&read), &own), [""; 0], "pull was not asked for");
        for nothing in ["repository:alice/app:", "repository:alice/app:PULL", "other:alice/app:pull"] {
            assert_eq!(granted(nothing, Some(&admin), &own), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn the_catalog_is_for_administrators() {
        let named = RepositoryFilter::parse("*").unwrap();
        let admin = |level, filter| Principal { is_admin: true, ..alice(level, filter) };
        let catalog = |principal: Option<&Principal>| granted("registry:catalog:*", principal, &[]);
        assert_eq!(catalog(Some(&admin(AccessLevel::Read, &RepositoryFilter::All))), ["registry:catalog:*"]);
        for principal in [
            alice(AccessLevel::Admin, &RepositoryFilter::All),
            admin(AccessLevel::PublicRead, &RepositoryFilter::All),
            admin(AccessLevel::Admin, &named),
        ] {
            assert_eq!(catalog(Some(&principal)), [""; 0]);
        }
        assert_eq!(catalog(None), [""; 0]);
        let all = admin(AccessLevel::Admin, &RepositoryFilter::All);
        assert_eq!(granted("registry:other:*", Some(&all), &[]), [""; 0]);
        assert_eq!(granted("registry:catalog:pull", Some(&all), &[]), [""; 0]);
    }

    #[test]
    fn a_push_is_refused_with_a_sentence_only_if_every_push_is_refused() {
        let known = [facts("alice/app"), facts("bob/app")];
        let refused = |scopes: &str, level, filter: &RepositoryFilter| {
            let scopes = scope::parse([scopes]);
            refused_action(&scopes, &alice(level, filter), &known)
                .map(|refused| (refused.name.to_owned(), refused.reason))
        };
        let all = &RepositoryFilter::All;
        let read_only = Some(("alice/app".to_owned(), DenyReason::Level(AccessLevel::Write)));
        assert_eq!(
            refused("repository:alice/app:push,pull repository:bob/app:pull", AccessLevel::Read, all),
            read_only
        );
        assert_eq!(refused("repository:alice/app:pull", AccessLevel::Read, all), None);
        assert_eq!(refused("repository:alice/app:*", AccessLevel::Read, all), None);
        assert_eq!(refused("repository:bob/app:push repository:alice/app:push", AccessLevel::Write, all), None);
        let foreign = Some(("bob/app".to_owned(), DenyReason::NotShared));
        assert_eq!(refused("repository:bob/app:push repository:alice/app:pull", AccessLevel::Write, all), foreign);
        assert_eq!(refused("repository:alice/../x:push", AccessLevel::Write, all).unwrap().1, DenyReason::NotShared);
        let other = RepositoryFilter::parse("alice/other").unwrap();
        let limited = refused("repository:alice/app:push", AccessLevel::Write, &other).unwrap();
        assert_eq!(limited.1, DenyReason::OutsideFilter);
    }

    #[test]
    fn a_named_delete_that_is_refused_everywhere_is_refused_with_a_sentence_whatever_else_is_asked() {
        let known = [facts("alice/app"), facts("alice/web"), facts("bob/app")];
        let refused = |scopes: &str, level, filter: &RepositoryFilter| {
            let scopes = scope::parse([scopes]);
            let refused = refused_action(&scopes, &alice(level, filter), &known)?;
            Some((refused.action, refused.name.to_owned(), refused.reason))
        };
        let (all, delete) = (&RepositoryFilter::All, RepositoryAction::Delete);
        let level = Some((delete, "alice/app".to_owned(), DenyReason::Level(AccessLevel::Admin)));
        for asked in ["delete", "delete,pull,push", "pull,delete,*"] {
            for weak in [AccessLevel::PublicRead, AccessLevel::Read, AccessLevel::Write] {
                assert_eq!(refused(&format!("repository:alice/app:{asked}"), weak, all), level, "{asked}");
            }
            assert_eq!(refused(&format!("repository:alice/app:{asked}"), AccessLevel::Admin, all), None);
        }
        assert_eq!(
            refused("repository:alice/app:*", AccessLevel::Write, all),
            None,
            "a question for whatever there is"
        );
        let foreign = Some((delete, "bob/app".to_owned(), DenyReason::OwnerOnly));
        assert_eq!(refused("repository:bob/app:delete repository:alice/app:push", AccessLevel::Admin, all), foreign);
        assert_eq!(refused("repository:bob/app:delete repository:alice/app:delete", AccessLevel::Admin, all), None);
        let web = RepositoryFilter::parse("alice/web").unwrap();
        let outside = Some((delete, "alice/app".to_owned(), DenyReason::OutsideFilter));
        assert_eq!(refused("repository:alice/app:delete", AccessLevel::Admin, &web), outside);
    }

    fn known() -> impl Strategy<Value = RepositoryFacts> {
        let shares = prop::sample::select(vec![None, Some(ShareLevel::Pull), Some(ShareLevel::Push)]);
        ("(alice|bob|team)/[ab]", any::<bool>(), shares).prop_map(|(name, is_public, share)| RepositoryFacts {
            is_public,
            share,
            ..facts(&name)
        })
    }

    proptest! {
        #[test]
        fn everything_granted_was_asked_for_and_is_allowed(
            texts in prop::collection::vec(
                "(repository|registry|other)(:(alice|bob|team|catalog)(/[ab])?){0,2}:((pull|push|delete|\\*|PULL|),?){0,4}",
                1..6,
            ),
            known in prop::collection::vec(known(), 1..5),
            level in prop::sample::select(&AccessLevel::ALL[..]),
            patterns in prop::sample::select(vec!["", "*", "alice/*", "bob/a team/b", "*/a"]),
            is_admin: bool,
            is_anonymous: bool,
        ) {
            let scopes = scope::parse(texts.iter().map(String::as_str));
            let filter = RepositoryFilter::parse(patterns).unwrap_or_default();
            let principal = Principal { is_admin, ..alice(level, &filter) };
            let principal = (!is_anonymous).then_some(&principal);
            for entry in grant(&scopes, principal, &known) {
                let scope = scopes.iter().find(|scope| scope.kind == entry.kind && scope.name == entry.name).unwrap();
                if entry.kind == "registry" {
                    let can_list = is_admin && !is_anonymous && filter == RepositoryFilter::All;
                    prop_assert!(can_list && scope.asks("*"));
                    continue;
                }
                let facts = known.iter().find(|facts| facts.name.as_str() == entry.name).unwrap();
                for action in &entry.actions {
                    prop_assert!(check(principal, facts, RepositoryAction::parse(action).unwrap()).is_ok());
                    prop_assert!(scope.asks(action) || (*action == "pull" && entry.actions.contains(&"push")));
                }
            }
        }
    }
}
