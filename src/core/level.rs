//! The four access levels of a token.

/// What a token may do. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
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
pub enum Action {
    /// `pull`
    Pull,
    /// `push`
    Push,
    /// `delete`
    Delete,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 3] = [Action::Pull, Action::Push, Action::Delete];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Pull => "pull",
            Action::Push => "push",
            Action::Delete => "delete",
        }
    }

    /// Reads the word; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

impl Level {
    /// Weakest first, the order in which the form offers them.
    pub const ALL: [Level; 4] = [Level::PublicRead, Level::Read, Level::Write, Level::Admin];

    /// The name in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::PublicRead => "repo:public_read",
            Level::Read => "repo:read",
            Level::Write => "repo:write",
            Level::Admin => "repo:admin",
        }
    }

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}
