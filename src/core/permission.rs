//! Who may do what with which repository: one function decides, for the token endpoint and for the page that explains.

use super::{
    level::{Action, Level},
    repository::{Reach, RepositoryName},
    scope::Scope,
};

/// Who asks, once authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The account's name; its repositories are `username/…`.
    pub username: &'a str,
    /// Whether the account is an administrator.
    pub is_admin: bool,
    /// The token's level; a password holds the highest.
    pub level: Level,
    /// The repositories that the token is limited to.
    pub reach: &'a Reach,
}

/// What an account was given on a repository of someone else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// It can pull.
    Pull,
    /// It can push, and so pull.
    Push,
}

/// What is known of a repository that is asked for. One that was never pushed is private and shared with nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which.
    pub name: RepositoryName,
    /// Whether everyone may pull it.
    pub is_public: bool,
    /// What the one who asks was given on it.
    pub share: Option<Share>,
    /// Whether its first component is an account's name. Where it is not, it is the administrators'.
    pub is_an_accounts: bool,
}

/// Why an action is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
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
pub enum Obstacle {
    /// Nobody is signed in, and only pulling what is public needs nobody.
    Anonymous,
    /// The token is limited to other repositories.
    OutOfReach,
    /// The token's level is below this one.
    Level(Level),
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
pub fn ownership(username: &str, is_admin: bool, name: &RepositoryName, is_an_accounts: bool) -> Option<Grounds> {
    if name.is_of(username) {
        Some(Grounds::Own)
    } else {
        (is_admin && !is_an_accounts).then_some(Grounds::Administrators)
    }
}

/// May `holder` do `action` with the repository of which these `facts` are known?
///
/// # Errors
/// The first obstacle: what the account lacks comes before what the token lacks, for no other token would help.
pub fn decide(holder: Option<&Holder<'_>>, facts: &Facts, action: Action) -> Result<Grounds, Obstacle> {
    let Some(holder) = holder else {
        let is_public_pull = action == Action::Pull && facts.is_public;
        return if is_public_pull { Ok(Grounds::Public) } else { Err(Obstacle::Anonymous) };
    };
    let grounds = standing(holder, facts, action)?;
    let needs = match (action, grounds) {
        (Action::Pull, Grounds::Public) => Level::PublicRead,
        (Action::Pull, _) => Level::Read,
        (Action::Push, _) => Level::Write,
        (Action::Delete, _) => Level::Admin,
    };
    if !holder.reach.includes(&facts.name) {
        Err(Obstacle::OutOfReach)
    } else if holder.level < needs {
        Err(Obstacle::Level(needs))
    } else {
        Ok(grounds)
    }
}

/// What the account may do, whatever its token.
fn standing(holder: &Holder<'_>, facts: &Facts, action: Action) -> Result<Grounds, Obstacle> {
    if action == Action::Pull && facts.is_public {
        return Ok(Grounds::Public);
    }
    if let Some(grounds) = ownership(holder.username, holder.is_admin, &facts.name, facts.is_an_accounts) {
        return Ok(grounds);
    }
    match (action, facts.share) {
        (_, None) => Err(Obstacle::NotShared),
        (Action::Delete, _) => Err(Obstacle::OwnersAlone),
        (Action::Push, Some(Share::Pull)) => Err(Obstacle::SharedForPulling),
        (Action::Pull, _) | (Action::Push, Some(Share::Push)) => Ok(Grounds::Shared),
    }
}

/// What is granted on one resource: an entry of the JWT's `access` claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
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
pub fn grant(asked: &[Scope], holder: Option<&Holder<'_>>, facts: &[Facts]) -> Vec<Grant> {
    asked.iter().filter_map(|scope| grant_one(scope, holder, facts)).collect()
}

fn grant_one(scope: &Scope, holder: Option<&Holder<'_>>, facts: &[Facts]) -> Option<Grant> {
    let actions: Vec<&'static str> = match scope.kind.as_str() {
        "repository" => {
            let facts = facts_of(scope, facts)?;
            let gets = |action: Action| scope.asks(action.as_str()) && decide(holder, facts, action).is_ok();
            let pushes = gets(Action::Push);
            let is_granted = |action: &Action| match action {
                // An upload needs both, so push is never granted alone.
                Action::Pull => pushes || gets(Action::Pull),
                other => gets(*other),
            };
            Action::ALL.into_iter().filter(is_granted).map(Action::as_str).collect()
        }
        "registry" if lists_all(scope, holder) => vec!["*"],
        _ => Vec::new(),
    };
    (!actions.is_empty()).then(|| Grant { kind: scope.kind.clone(), name: scope.name.clone(), actions })
}

fn facts_of<'f>(scope: &Scope, facts: &'f [Facts]) -> Option<&'f Facts> {
    facts.iter().find(|facts| facts.name.as_str() == scope.name)
}

/// `registry:catalog:*` names every repository there is: for administrators, and for a token of theirs that sees
/// private repositories and is limited to none.
fn lists_all(scope: &Scope, holder: Option<&Holder<'_>>) -> bool {
    let may = |holder: &Holder<'_>| holder.is_admin && holder.level >= Level::Read && *holder.reach == Reach::All;
    scope.name == "catalog" && scope.asks("*") && holder.is_some_and(may)
}

/// A push that fails as a whole, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedPush<'s> {
    /// The repository, as asked.
    pub name: &'s str,
    /// Why.
    pub obstacle: Obstacle,
}

/// The first of the repositories that were asked for push, where push is refused on every one of them: then, and only
/// then, the client is told in words. A repository that is asked for pull alone (the source of a mount) fails nothing.
pub fn refused_push<'s>(asked: &'s [Scope], holder: &Holder<'_>, facts: &[Facts]) -> Option<RefusedPush<'s>> {
    let pushes = asked.iter().filter(|scope| scope.kind == "repository" && scope.actions.iter().any(|a| a == "push"));
    let mut first = None;
    for scope in pushes {
        let verdict = match facts_of(scope, facts) {
            Some(facts) => decide(Some(holder), facts, Action::Push),
            None => Err(Obstacle::NotShared),
        };
        let obstacle = verdict.err()?;
        first.get_or_insert(RefusedPush { name: &scope.name, obstacle });
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::scope;
    use proptest::prelude::*;

    fn facts(name: &str) -> Facts {
        let name = RepositoryName::parse(name).unwrap();
        let is_an_accounts = ["alice", "bob"].contains(&name.namespace());
        Facts { name, is_public: false, share: None, is_an_accounts }
    }

    fn alice(level: Level, reach: &Reach) -> Holder<'_> {
        Holder { username: "alice", is_admin: false, level, reach }
    }

    fn granted(scope: &str, holder: Option<&Holder<'_>>, facts: &[Facts]) -> Vec<String> {
        let say = |grant: Grant| format!("{}:{}:{}", grant.kind, grant.name, grant.actions.join(","));
        grant(&scope::parse([scope]), holder, facts).into_iter().map(say).collect()
    }

    #[test]
    fn levels_decide_on_the_accounts_own_repositories() {
        use Level::*;
        let asked = "repository:alice/app:pull,push,delete";
        for (level, expected) in [
            (PublicRead, None),
            (Read, Some("repository:alice/app:pull")),
            (Write, Some("repository:alice/app:pull,push")),
            (Admin, Some("repository:alice/app:pull,push,delete")),
        ] {
            let found = granted(asked, Some(&alice(level, &Reach::All)), &[facts("alice/app")]);
            assert_eq!(found.first().map(String::as_str), expected, "{level:?}");
        }
        let public = Facts { is_public: true, ..facts("alice/app") };
        assert_eq!(decide(Some(&alice(PublicRead, &Reach::All)), &public, Action::Pull), Ok(Grounds::Public));
    }

    #[test]
    fn a_share_reaches_as_far_as_it_says_and_never_to_delete() {
        use Action::*;
        let with = |share| Facts { share, ..facts("bob/app") };
        let admin = alice(Level::Admin, &Reach::All);
        let read = alice(Level::Read, &Reach::All);
        let public_read = alice(Level::PublicRead, &Reach::All);
        assert_eq!(decide(Some(&admin), &with(None), Pull), Err(Obstacle::NotShared));
        assert_eq!(decide(Some(&admin), &with(Some(Share::Pull)), Pull), Ok(Grounds::Shared));
        assert_eq!(decide(Some(&admin), &with(Some(Share::Pull)), Push), Err(Obstacle::SharedForPulling));
        assert_eq!(decide(Some(&admin), &with(Some(Share::Push)), Push), Ok(Grounds::Shared));
        assert_eq!(decide(Some(&admin), &with(Some(Share::Push)), Delete), Err(Obstacle::OwnersAlone));
        assert_eq!(decide(Some(&read), &with(Some(Share::Push)), Push), Err(Obstacle::Level(Level::Write)));
        assert_eq!(decide(Some(&public_read), &with(Some(Share::Push)), Pull), Err(Obstacle::Level(Level::Read)));
    }

    #[test]
    fn names_of_no_account_are_the_administrators() {
        let admin = Holder { is_admin: true, ..alice(Level::Admin, &Reach::All) };
        for name in ["team/app", "app"] {
            assert_eq!(decide(Some(&admin), &facts(name), Action::Delete), Ok(Grounds::Administrators));
            let plain = alice(Level::Admin, &Reach::All);
            assert_eq!(decide(Some(&plain), &facts(name), Action::Pull), Err(Obstacle::NotShared));
        }
        assert_eq!(decide(Some(&admin), &facts("bob/app"), Action::Pull), Err(Obstacle::NotShared));
        assert_eq!(decide(Some(&admin), &facts("alice"), Action::Pull), Err(Obstacle::NotShared));
    }

    #[test]
    fn a_limited_token_reaches_what_is_named_and_nothing_else() {
        let reach = Reach::parse("alice/api bob/*").unwrap();
        let holder = alice(Level::Admin, &reach);
        assert_eq!(decide(Some(&holder), &facts("alice/api"), Action::Push), Ok(Grounds::Own));
        assert_eq!(decide(Some(&holder), &facts("alice/web"), Action::Pull), Err(Obstacle::OutOfReach));
        assert_eq!(decide(Some(&holder), &facts("bob/app"), Action::Pull), Err(Obstacle::NotShared));
        let public = Facts { is_public: true, ..facts("alice/web") };
        assert_eq!(decide(Some(&holder), &public, Action::Pull), Err(Obstacle::OutOfReach));
    }

    #[test]
    fn what_no_other_token_would_help_is_said_first() {
        let reach = Reach::parse("alice/web").unwrap();
        let weak = alice(Level::PublicRead, &reach);
        for action in Action::ALL {
            assert_eq!(decide(Some(&weak), &facts("bob/app"), action), Err(Obstacle::NotShared));
            assert_eq!(decide(Some(&weak), &facts("alice/app"), action), Err(Obstacle::OutOfReach));
        }
        assert_eq!(decide(Some(&weak), &facts("alice/web"), Action::Push), Err(Obstacle::Level(Level::Write)));
        let shared = Facts { share: Some(Share::Pull), ..facts("bob/app") };
        assert_eq!(decide(Some(&weak), &shared, Action::Push), Err(Obstacle::SharedForPulling));
    }

    #[test]
    fn anyone_pulls_what_is_public() {
        let public = Facts { is_public: true, ..facts("bob/app") };
        assert_eq!(
            granted("repository:bob/app:pull,push", None, std::slice::from_ref(&public)),
            ["repository:bob/app:pull"]
        );
        assert_eq!(decide(None, &facts("bob/app"), Action::Pull), Err(Obstacle::Anonymous));
        assert_eq!(decide(Some(&alice(Level::Admin, &Reach::All)), &public, Action::Push), Err(Obstacle::NotShared));
    }

    #[test]
    fn a_star_means_all_that_the_holder_may_and_push_comes_with_pull() {
        let own = [facts("alice/app")];
        let (read, admin) = (alice(Level::Read, &Reach::All), alice(Level::Admin, &Reach::All));
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
        let named = Reach::parse("*").unwrap();
        let admin = |level, reach| Holder { is_admin: true, ..alice(level, reach) };
        let asked = |holder: Option<&Holder<'_>>| granted("registry:catalog:*", holder, &[]);
        assert_eq!(asked(Some(&admin(Level::Read, &Reach::All))), ["registry:catalog:*"]);
        for holder in
            [alice(Level::Admin, &Reach::All), admin(Level::PublicRead, &Reach::All), admin(Level::Admin, &named)]
        {
            assert_eq!(asked(Some(&holder)), [""; 0]);
        }
        assert_eq!(asked(None), [""; 0]);
        let all = admin(Level::Admin, &Reach::All);
        assert_eq!(granted("registry:other:*", Some(&all), &[]), [""; 0]);
        assert_eq!(granted("registry:catalog:pull", Some(&all), &[]), [""; 0]);
    }

    #[test]
    fn a_push_is_refused_in_words_only_where_every_one_of_them_is() {
        let known = [facts("alice/app"), facts("bob/app")];
        let refused = |asked: &str, level, reach: &Reach| {
            let asked = scope::parse([asked]);
            refused_push(&asked, &alice(level, reach), &known)
                .map(|refused| (refused.name.to_owned(), refused.obstacle))
        };
        let all = &Reach::All;
        let read_only = Some(("alice/app".to_owned(), Obstacle::Level(Level::Write)));
        assert_eq!(refused("repository:alice/app:push,pull repository:bob/app:pull", Level::Read, all), read_only);
        assert_eq!(refused("repository:alice/app:pull", Level::Read, all), None);
        assert_eq!(refused("repository:alice/app:*", Level::Read, all), None);
        assert_eq!(refused("repository:bob/app:push repository:alice/app:push", Level::Write, all), None);
        let foreign = Some(("bob/app".to_owned(), Obstacle::NotShared));
        assert_eq!(refused("repository:bob/app:push repository:alice/app:pull", Level::Write, all), foreign);
        assert_eq!(refused("repository:alice/../x:push", Level::Write, all).unwrap().1, Obstacle::NotShared);
        let other = Reach::parse("alice/other").unwrap();
        assert_eq!(refused("repository:alice/app:push", Level::Write, &other).unwrap().1, Obstacle::OutOfReach);
    }

    fn known() -> impl Strategy<Value = Facts> {
        let shares = prop::sample::select(vec![None, Some(Share::Pull), Some(Share::Push)]);
        ("(alice|bob|team)/[ab]", any::<bool>(), shares).prop_map(|(name, is_public, share)| Facts {
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
            level in prop::sample::select(&Level::ALL[..]),
            reach in prop::sample::select(vec!["", "*", "alice/*", "bob/a team/b", "*/a"]),
            is_admin: bool,
            is_nobody: bool,
        ) {
            let asked = scope::parse(texts.iter().map(String::as_str));
            let reach = Reach::parse(reach).unwrap_or_default();
            let holder = Holder { is_admin, ..alice(level, &reach) };
            let holder = (!is_nobody).then_some(&holder);
            for entry in grant(&asked, holder, &known) {
                let scope = asked.iter().find(|scope| scope.kind == entry.kind && scope.name == entry.name).unwrap();
                if entry.kind == "registry" {
                    prop_assert!(is_admin && !is_nobody && reach == Reach::All && scope.asks("*"));
                    continue;
                }
                let facts = known.iter().find(|facts| facts.name.as_str() == entry.name).unwrap();
                for action in &entry.actions {
                    prop_assert!(decide(holder, facts, Action::parse(action).unwrap()).is_ok());
                    prop_assert!(scope.asks(action) || (*action == "pull" && entry.actions.contains(&"push")));
                }
            }
        }
    }
}
