//! The four access levels of a token.

/// What a token may do. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessLevel {
    /// Pull public repositories.
    PublicRead,
    /// Also pull the account's private repositories.
    Read,
    /// Also push.
    Write,
    /// Also delete.
    Admin,
}

/// An action on a repository, as distribution's token specification names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepositoryAction {
    /// `pull`
    Pull,
    /// `push`
    Push,
    /// `delete`
    Delete,
}

impl RepositoryAction {
    /// All of them.
    pub const ALL: [RepositoryAction; 3] = [RepositoryAction::Pull, RepositoryAction::Push, RepositoryAction::Delete];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            RepositoryAction::Pull => "pull",
            RepositoryAction::Push => "push",
            RepositoryAction::Delete => "delete",
        }
    }

    /// Reads the word; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

impl AccessLevel {
    /// Weakest first, the order in which the form offers them.
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

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}
