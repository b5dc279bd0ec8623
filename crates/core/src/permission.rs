//! Who may do what with which repository: one function decides, for the token endpoint and for the page that explains.

use crate::{
    access_level::{AccessLevel, RepositoryAction},
    repository::{RepositoryFilter, RepositoryName},
    scope::Scope,
};

/// Who asks, once authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Principal<'a> {
    /// The account's name; its repositories are `username/…`.
    pub username: &'a str,
    /// Whether the account is an administrator.
    pub is_admin: bool,
    /// The token's level; a password holds the highest.
    pub level: AccessLevel,
    /// The repositories that the token is limited to.
    pub reach: &'a RepositoryFilter,
}

/// What an account was given on a repository of someone else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareLevel {
    /// It can pull.
    Pull,
    /// It can push, and so pull.
    Push,
}

/// What is known of a repository that is asked for. One that was never pushed is private and shared with nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// Which.
    pub name: RepositoryName,
    /// Whether everyone may pull it.
    pub is_public: bool,
    /// What the one who asks was given on it.
    pub share: Option<ShareLevel>,
    /// Whether its first component is an account's name. Where it is not, it is the administrators'.
    pub is_an_accounts: bool,
}

/// Why an action is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowReason {
    /// The repository is public.
    Public,
    /// It is the account's own.
    Own,
    /// It is the administrators', and the account is one.
    Administrators,
    /// It is shared with the account.
    Shared,
}

/// Why an action is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    /// Nobody is signed in, and only pulling what is public needs nobody.
    Anonymous,
    /// The token is limited to other repositories.
    OutOfReach,
    /// The token's level is below this one.
    Level(AccessLevel),
    /// It is someone else's and not shared with the account. The same words where it is private and where there is
    /// none.
    NotShared,
    /// It is shared for pulling alone.
    SharedForPulling,
    /// It is shared, and deleting is its owner's.
    OwnersAlone,
}

/// Whose a repository is, for one who may be its owner: an account's own, or the administrators' where its first
/// component is no account's name.
pub fn ownership(username: &str, is_admin: bool, name: &RepositoryName, is_an_accounts: bool) -> Option<AllowReason> {
    if name.is_of(username) {
        Some(AllowReason::Own)
    } else {
        (is_admin && !is_an_accounts).then_some(AllowReason::Administrators)
    }
}

/// May `holder` do `action` with the repository of which these `facts` are known?
///
/// # Errors
/// The first obstacle: what the account lacks comes before what the token lacks, for no other token would help.
pub fn check(
    holder: Option<&Principal<'_>>,
    facts: &RepositoryFacts,
    action: RepositoryAction,
) -> Result<AllowReason, DenyReason> {
    let Some(holder) = holder else {
        let is_public_pull = action == RepositoryAction::Pull && facts.is_public;
        return if is_public_pull { Ok(AllowReason::Public) } else { Err(DenyReason::Anonymous) };
    };
    let grounds = standing(holder, facts, action)?;
    let needs = match (action, grounds) {
        (RepositoryAction::Pull, AllowReason::Public) => AccessLevel::PublicRead,
        (RepositoryAction::Pull, _) => AccessLevel::Read,
        (RepositoryAction::Push, _) => AccessLevel::Write,
        (RepositoryAction::Delete, _) => AccessLevel::Admin,
    };
    if !holder.reach.includes(&facts.name) {
        Err(DenyReason::OutOfReach)
    } else if holder.level < needs {
        Err(DenyReason::Level(needs))
    } else {
        Ok(grounds)
    }
}

/// What the account may do, whatever its token.
fn standing(
    holder: &Principal<'_>,
    facts: &RepositoryFacts,
    action: RepositoryAction,
) -> Result<AllowReason, DenyReason> {
    if action == RepositoryAction::Pull && facts.is_public {
        return Ok(AllowReason::Public);
    }
    if let Some(grounds) = ownership(holder.username, holder.is_admin, &facts.name, facts.is_an_accounts) {
        return Ok(grounds);
    }
    match (action, facts.share) {
        (_, None) => Err(DenyReason::NotShared),
        (RepositoryAction::Delete, _) => Err(DenyReason::OwnersAlone),
        (RepositoryAction::Push, Some(ShareLevel::Pull)) => Err(DenyReason::SharedForPulling),
        (RepositoryAction::Pull, _) | (RepositoryAction::Push, Some(ShareLevel::Push)) => Ok(AllowReason::Shared),
    }
}

/// What is granted on one resource: an entry of the JWT's `access` claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedScope {
    /// As in the scope.
    pub kind: String,
    /// As in the scope.
    pub name: String,
    /// At least one.
    pub actions: Vec<&'static str>,
}

/// The intersection of what is asked and what is allowed. A resource on which nothing is left is left out: lacking
/// rights are no error (distribution's token specification), and one refused repository never fails the others of the
/// same request. What has no facts is no repository.
pub fn grant(asked: &[Scope], holder: Option<&Principal<'_>>, facts: &[RepositoryFacts]) -> Vec<GrantedScope> {
    asked.iter().filter_map(|scope| grant_one(scope, holder, facts)).collect()
}

fn grant_one(scope: &Scope, holder: Option<&Principal<'_>>, facts: &[RepositoryFacts]) -> Option<GrantedScope> {
    let actions: Vec<&'static str> = match scope.kind.as_str() {
        "repository" => {
            let facts = facts_of(scope, facts)?;
            let gets = |action: RepositoryAction| scope.asks(action.as_str()) && check(holder, facts, action).is_ok();
            let pushes = gets(RepositoryAction::Push);
            let is_granted = |action: &RepositoryAction| match action {
                // An upload needs both, so push is never granted alone.
                RepositoryAction::Pull => pushes || gets(RepositoryAction::Pull),
                other => gets(*other),
            };
            RepositoryAction::ALL.into_iter().filter(is_granted).map(RepositoryAction::as_str).collect()
        }
        "registry" if lists_all(scope, holder) => vec!["*"],
        _ => Vec::new(),
    };
    (!actions.is_empty()).then(|| GrantedScope { kind: scope.kind.clone(), name: scope.name.clone(), actions })
}

fn facts_of<'f>(scope: &Scope, facts: &'f [RepositoryFacts]) -> Option<&'f RepositoryFacts> {
    facts.iter().find(|facts| facts.name.as_str() == scope.name)
}

/// `registry:catalog:*` names every repository there is: for administrators, and for a token of theirs that sees
/// private repositories and is limited to none.
fn lists_all(scope: &Scope, holder: Option<&Principal<'_>>) -> bool {
    let may = |holder: &Principal<'_>| {
        holder.is_admin && holder.level >= AccessLevel::Read && *holder.reach == RepositoryFilter::All
    };
    scope.name == "catalog" && scope.asks("*") && holder.is_some_and(may)
}

/// A push that fails as a whole, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedPush<'s> {
    /// The repository, as asked.
    pub name: &'s str,
    /// Why.
    pub obstacle: DenyReason,
}

/// The first of the repositories that were asked for push, where push is refused on every one of them: then, and only
/// then, the client is told in words. A repository that is asked for pull alone (the source of a mount) fails nothing.
pub fn refused_push<'s>(
    asked: &'s [Scope],
    holder: &Principal<'_>,
    facts: &[RepositoryFacts],
) -> Option<RefusedPush<'s>> {
    let pushes = asked.iter().filter(|scope| scope.kind == "repository" && scope.actions.iter().any(|a| a == "push"));
    let mut first = None;
    for scope in pushes {
        let verdict = match facts_of(scope, facts) {
            Some(facts) => check(Some(holder), facts, RepositoryAction::Push),
            None => Err(DenyReason::NotShared),
        };
        let obstacle = verdict.err()?;
        first.get_or_insert(RefusedPush { name: &scope.name, obstacle });
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope;
    use proptest::prelude::*;

    fn facts(name: &str) -> RepositoryFacts {
        let name = RepositoryName::parse(name).unwrap();
        let is_an_accounts = ["alice", "bob"].contains(&name.namespace());
        RepositoryFacts { name, is_public: false, share: None, is_an_accounts }
    }

    fn alice(level: AccessLevel, reach: &RepositoryFilter) -> Principal<'_> {
        Principal { username: "alice", is_admin: false, level, reach }
    }

    fn granted(scope: &str, holder: Option<&Principal<'_>>, facts: &[RepositoryFacts]) -> Vec<String> {
        let say = |grant: GrantedScope| format!("{}:{}:{}", grant.kind, grant.name, grant.actions.join(","));
        grant(&scope::parse([scope]), holder, facts).into_iter().map(say).collect()
    }

    #[test]
    fn levels_decide_on_the_accounts_own_repositories() {
        use AccessLevel::*;
        let asked = "repository:alice/app:pull,push,delete";
        for (level, expected) in [
            (PublicRead, None),
            (Read, Some("repository:alice/app:pull")),
            (Write, Some("repository:alice/app:pull,push")),
            (Admin, Some("repository:alice/app:pull,push,delete")),
        ] {
            let found = granted(asked, Some(&alice(level, &RepositoryFilter::All)), &[facts("alice/app")]);
            assert_eq!(found.first().map(String::as_str), expected, "{level:?}");
        }
        let public = RepositoryFacts { is_public: true, ..facts("alice/app") };
        assert_eq!(
            check(Some(&alice(PublicRead, &RepositoryFilter::All)), &public, RepositoryAction::Pull),
            Ok(AllowReason::Public)
        );
    }

    #[test]
    fn a_share_reaches_as_far_as_it_says_and_never_to_delete() {
        use RepositoryAction::*;
        let with = |share| RepositoryFacts { share, ..facts("bob/app") };
        let admin = alice(AccessLevel::Admin, &RepositoryFilter::All);
        let read = alice(AccessLevel::Read, &RepositoryFilter::All);
        let public_read = alice(AccessLevel::PublicRead, &RepositoryFilter::All);
        assert_eq!(check(Some(&admin), &with(None), Pull), Err(DenyReason::NotShared));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Pull)), Pull), Ok(AllowReason::Shared));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Pull)), Push), Err(DenyReason::SharedForPulling));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Push)), Push), Ok(AllowReason::Shared));
        assert_eq!(check(Some(&admin), &with(Some(ShareLevel::Push)), Delete), Err(DenyReason::OwnersAlone));
        assert_eq!(check(Some(&read), &with(Some(ShareLevel::Push)), Push), Err(DenyReason::Level(AccessLevel::Write)));
        assert_eq!(
            check(Some(&public_read), &with(Some(ShareLevel::Push)), Pull),
            Err(DenyReason::Level(AccessLevel::Read))
        );
    }

    #[test]
    fn names_of_no_account_are_the_administrators() {
        let admin = Principal { is_admin: true, ..alice(AccessLevel::Admin, &RepositoryFilter::All) };
        for name in ["team/app", "app"] {
            assert_eq!(check(Some(&admin), &facts(name), RepositoryAction::Delete), Ok(AllowReason::Administrators));
            let plain = alice(AccessLevel::Admin, &RepositoryFilter::All);
            assert_eq!(check(Some(&plain), &facts(name), RepositoryAction::Pull), Err(DenyReason::NotShared));
        }
        assert_eq!(check(Some(&admin), &facts("bob/app"), RepositoryAction::Pull), Err(DenyReason::NotShared));
        assert_eq!(check(Some(&admin), &facts("alice"), RepositoryAction::Pull), Err(DenyReason::NotShared));
    }

    #[test]
    fn a_limited_token_reaches_what_is_named_and_nothing_else() {
        let reach = RepositoryFilter::parse("alice/api bob/*").unwrap();
        let holder = alice(AccessLevel::Admin, &reach);
        assert_eq!(check(Some(&holder), &facts("alice/api"), RepositoryAction::Push), Ok(AllowReason::Own));
        assert_eq!(check(Some(&holder), &facts("alice/web"), RepositoryAction::Pull), Err(DenyReason::OutOfReach));
        assert_eq!(check(Some(&holder), &facts("bob/app"), RepositoryAction::Pull), Err(DenyReason::NotShared));
        let public = RepositoryFacts { is_public: true, ..facts("alice/web") };
        assert_eq!(check(Some(&holder), &public, RepositoryAction::Pull), Err(DenyReason::OutOfReach));
    }

    #[test]
    fn what_no_other_token_would_help_is_said_first() {
        let reach = RepositoryFilter::parse("alice/web").unwrap();
        let weak = alice(AccessLevel::PublicRead, &reach);
        for action in RepositoryAction::ALL {
            assert_eq!(check(Some(&weak), &facts("bob/app"), action), Err(DenyReason::NotShared));
            assert_eq!(check(Some(&weak), &facts("alice/app"), action), Err(DenyReason::OutOfReach));
        }
        assert_eq!(
            check(Some(&weak), &facts("alice/web"), RepositoryAction::Push),
            Err(DenyReason::Level(AccessLevel::Write))
        );
        let shared = RepositoryFacts { share: Some(ShareLevel::Pull), ..facts("bob/app") };
        assert_eq!(check(Some(&weak), &shared, RepositoryAction::Push), Err(DenyReason::SharedForPulling));
    }

    #[test]
    fn anyone_pulls_what_is_public() {
        let public = RepositoryFacts { is_public: true, ..facts("bob/app") };
        assert_eq!(
            granted("repository:bob/app:pull,push", None, std::slice::from_ref(&public)),
            ["repository:bob/app:pull"]
        );
        assert_eq!(check(None, &facts("bob/app"), RepositoryAction::Pull), Err(DenyReason::Anonymous));
        assert_eq!(
            check(Some(&alice(AccessLevel::Admin, &RepositoryFilter::All)), &public, RepositoryAction::Push),
            Err(DenyReason::NotShared)
        );
    }

    #[test]
    fn a_star_means_all_that_the_holder_may_and_push_comes_with_pull() {
        let own = [facts("alice/app")];
        let (read, admin) =
            (alice(AccessLevel::Read, &RepositoryFilter::All), alice(AccessLevel::Admin, &RepositoryFilter::All));
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
        let admin = |level, reach| Principal { is_admin: true, ..alice(level, reach) };
        let asked = |holder: Option<&Principal<'_>>| granted("registry:catalog:*", holder, &[]);
        assert_eq!(asked(Some(&admin(AccessLevel::Read, &RepositoryFilter::All))), ["registry:catalog:*"]);
        for holder in [
            alice(AccessLevel::Admin, &RepositoryFilter::All),
            admin(AccessLevel::PublicRead, &RepositoryFilter::All),
            admin(AccessLevel::Admin, &named),
        ] {
            assert_eq!(asked(Some(&holder)), [""; 0]);
        }
        assert_eq!(asked(None), [""; 0]);
        let all = admin(AccessLevel::Admin, &RepositoryFilter::All);
        assert_eq!(granted("registry:other:*", Some(&all), &[]), [""; 0]);
        assert_eq!(granted("registry:catalog:pull", Some(&all), &[]), [""; 0]);
    }

    #[test]
    fn a_push_is_refused_in_words_only_where_every_one_of_them_is() {
        let known = [facts("alice/app"), facts("bob/app")];
        let refused = |asked: &str, level, reach: &RepositoryFilter| {
            let asked = scope::parse([asked]);
            refused_push(&asked, &alice(level, reach), &known)
                .map(|refused| (refused.name.to_owned(), refused.obstacle))
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
        assert_eq!(refused("repository:alice/app:push", AccessLevel::Write, &other).unwrap().1, DenyReason::OutOfReach);
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
        fn nothing_is_granted_that_was_not_asked_and_is_not_held(
            texts in prop::collection::vec(
                "(repository|registry|other)(:(alice|bob|team|catalog)(/[ab])?){0,2}:((pull|push|delete|\\*|PULL|),?){0,4}",
                1..6,
            ),
            known in prop::collection::vec(known(), 1..5),
            level in prop::sample::select(&AccessLevel::ALL[..]),
            reach in prop::sample::select(vec!["", "*", "alice/*", "bob/a team/b", "*/a"]),
            is_admin: bool,
            is_nobody: bool,
        ) {
            let asked = scope::parse(texts.iter().map(String::as_str));
            let reach = RepositoryFilter::parse(reach).unwrap_or_default();
            let holder = Principal { is_admin, ..alice(level, &reach) };
            let holder = (!is_nobody).then_some(&holder);
            for entry in grant(&asked, holder, &known) {
                let scope = asked.iter().find(|scope| scope.kind == entry.kind && scope.name == entry.name).unwrap();
                if entry.kind == "registry" {
                    prop_assert!(is_admin && !is_nobody && reach == RepositoryFilter::All && scope.asks("*"));
                    continue;
                }
                let facts = known.iter().find(|facts| facts.name.as_str() == entry.name).unwrap();
                for action in &entry.actions {
                    prop_assert!(check(holder, facts, RepositoryAction::parse(action).unwrap()).is_ok());
                    prop_assert!(scope.asks(action) || (*action == "pull" && entry.actions.contains(&"push")));
                }
            }
        }
    }
}
