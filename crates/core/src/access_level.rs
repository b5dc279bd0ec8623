//! The four access levels of a token.

/// What a token may do. Each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// Pulls public repositories.
    PublicRead,
    /// Also pulls private repositories.
    Read,
    /// Also pushes.
    Write,
    /// Also deletes.
    Admin,
}

/// An action on a repository, with the names of distribution's token specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepositoryAction {
    Pull,
    Push,
    Delete,
}

impl RepositoryAction {
    pub const ALL: [RepositoryAction; 3] = [RepositoryAction::Pull, RepositoryAction::Push, RepositoryAction::Delete];

    /// The name in scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            RepositoryAction::Pull => "pull",
            RepositoryAction::Push => "push",
            RepositoryAction::Delete => "delete",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

impl AccessLevel {
    /// All levels, weakest first.
    pub const ALL: [AccessLevel; 4] =
        [AccessLevel::PublicRead, AccessLevel::Read, AccessLevel::Write, AccessLevel::Admin];

    /// The name in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccessLevel::PublicRead => "repo:public_read",
            AccessLevel::Read => "repo:read",
            AccessLevel::Write => "repo:write",
            AccessLevel::Admin => "repo:admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}
