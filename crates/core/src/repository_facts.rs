//! Which facts of a repository a decision needs.

use crate::access_level::AccessLevel;
use crate::permission_check::{Principal, RepositoryFacts};
use crate::repository::RepositoryName;

/// The facts of a repository that need no look into the database: on an account's own repositories a token above
/// [`AccessLevel::PublicRead`] is granted the same whatever else is known of them. A token that is limited to others can
/// only pull them, and only while they are public.
pub fn without_reading(holder: &Principal, name: &RepositoryName) -> Option<RepositoryFacts> {
    let is_within_limits = holder.level > AccessLevel::PublicRead && holder.repository_filter.includes(name);
    let is_enough = name.is_of(&holder.username) && is_within_limits;
    is_enough.then(|| RepositoryFacts { name: name.clone(), is_public: false, share: None, has_owner: true })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        grants::{grant, refused_action},
        permission_check::ShareLevel,
        repository::RepositoryFilter,
        scope,
    };

    proptest! {
        #[test]
        fn facts_that_are_not_read_would_change_nothing(
            name in "(alice|bob|team)/[ab]",
            is_public: bool,
            share in prop::sample::select(vec![None, Some(ShareLevel::Pull), Some(ShareLevel::Push)]),
            level in prop::sample::select(&AccessLevel::ALL[..]),
            filter in prop::sample::select(vec!["", "*", "alice/*", "bob/a team/b", "*/a"]),
            actions in "(pull|push|delete|\\*)(,(pull|push|delete|\\*)){0,2}",
            is_admin: bool,
        ) {
            let filter = RepositoryFilter::parse(filter).unwrap_or_default();
            let holder = Principal { username: "alice".to_owned(), is_admin, level, repository_filter: filter };
            let asked = scope::parse([format!("repository:{name}:{actions}").as_str()]);
            let name = RepositoryName::parse(&name).unwrap();
            let unread = without_reading(&holder, &name);
            let is_included = holder.repository_filter.includes(&name);
            let is_enough = name.is_of("alice") && level > AccessLevel::PublicRead && is_included;
            prop_assert_eq!(unread.is_some(), is_enough);
            if let Some(unread) = unread {
                let read = [RepositoryFacts { name, is_public, share, has_owner: true }];
                let unread = [unread];
                prop_assert_eq!(grant(&asked, Some(&holder), &read), grant(&asked, Some(&holder), &unread));
                let refused = |facts| refused_action(&asked, &holder, facts).map(|refused| refused.reason);
                prop_assert_eq!(refused(&read), refused(&unread));
            }
        }
    }
}
