//! What mends a refusal of a token.

use super::{
    level::Level,
    repository::{Reach, RepositoryName},
    token::Status,
};

/// What mends a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Switching the token on.
    Activate,
    /// Changing its level or its repositories.
    Edit,
    /// A new token with the same settings.
    GenerateAgain,
    /// Nothing that this account can do here, or it is mended already.
    None,
}

/// What became of the token that was refused.
#[derive(Debug)]
pub enum Now {
    /// It is there.
    There {
        /// Its state.
        status: Status,
        /// Its level.
        level: Level,
        /// Its repositories.
        reach: Reach,
    },
    /// It is deleted, and what it was is still known.
    Deleted,
    /// Nothing is known of it any more.
    Gone,
}

impl Remedy {
    /// By what the token is now, not by what it was: what was mended since offers nothing. `code` is the refusal's,
    /// `repository` the one that was asked for.
    pub fn of(code: &str, repository: &str, token: &Now) -> Self {
        let Now::There { status, level, reach } = token else {
            return if matches!(token, Now::Deleted) { Remedy::GenerateAgain } else { Remedy::None };
        };
        let is_out_of_reach = || RepositoryName::parse(repository).is_some_and(|name| !reach.includes(&name));
        match (code, status) {
            ("PAT-EXPIRED" | "PAT-INACTIVE", Status::Expired) => Remedy::GenerateAgain,
            ("PAT-INACTIVE", Status::Inactive) => Remedy::Activate,
            ("PAT-READ-ONLY", Status::Active | Status::Inactive) if *level < Level::Write => Remedy::Edit,
            ("PAT-REPOSITORY", Status::Active | Status::Inactive) if is_out_of_reach() => Remedy::Edit,
            _ => Remedy::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_the_one_thing_that_mends_it_and_nothing_once_it_is_mended() {
        let there = |status, level, reach: &str| {
            let reach = if reach.is_empty() { Reach::All } else { Reach::parse(reach).unwrap() };
            Now::There { status, level, reach }
        };
        let plain = |status| there(status, Level::Write, "");
        for (code, token, remedy) in [
            ("PAT-INACTIVE", plain(Status::Inactive), Remedy::Activate),
            ("PAT-INACTIVE", plain(Status::Active), Remedy::None),
            ("PAT-INACTIVE", plain(Status::Expired), Remedy::GenerateAgain),
            ("PAT-EXPIRED", plain(Status::Expired), Remedy::GenerateAgain),
            ("PAT-DELETED", Now::Deleted, Remedy::GenerateAgain),
            ("PAT-DELETED", Now::Gone, Remedy::None),
            ("PAT-READ-ONLY", there(Status::Active, Level::Read, ""), Remedy::Edit),
            ("PAT-READ-ONLY", plain(Status::Active), Remedy::None),
            ("PAT-REPOSITORY", there(Status::Active, Level::Write, "alice/web"), Remedy::Edit),
            ("PAT-REPOSITORY", there(Status::Active, Level::Write, "alice/*"), Remedy::None),
            ("PAT-WRONG-USER", plain(Status::Active), Remedy::None),
            ("ACCOUNT-DISABLED", plain(Status::Active), Remedy::None),
        ] {
            assert_eq!(Remedy::of(code, "alice/api", &token), remedy, "{code} {token:?}");
        }
    }
}
