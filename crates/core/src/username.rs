//! User names: one component of a repository path.

use std::fmt;

/// A user name: 2 to 39 characters of `[a-z0-9]` with single `.`, `_` or `-` between, so that it can stand as the
/// first component of a repository's name (distribution's reference grammar, narrowed to single separators).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// Why a name was refused; the text is a key of the locale files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsernameProblem {
    /// Nothing was given.
    Missing,
    /// Shorter than 2 or longer than 39 characters.
    Length,
    /// Other characters, or a separator at an end or doubled.
    Characters,
    /// Kept for the product itself.
    Reserved,
}

/// First path components that mean something of their own to registries or to this server's addresses.
const RESERVED: [&str; 26] = [
    "account",
    "accounts",
    "all",
    "anonymous",
    "api",
    "assets",
    "catalog",
    "device",
    "dockpass",
    "everyone",
    "healthz",
    "library",
    "login",
    "logout",
    "nobody",
    "oauth",
    "public",
    "readyz",
    "registry",
    "settings",
    "setup",
    "signup",
    "token",
    "tokens",
    "v1",
    "v2",
];

impl Username {
    /// Checks a name as typed. Upper case is not folded: the name is shown and used everywhere as it stands.
    ///
    /// # Errors
    /// The first rule that the name breaks.
    pub fn parse(text: &str) -> Result<Self, UsernameProblem> {
        if text.is_empty() {
            return Err(UsernameProblem::Missing);
        }
        if !(2..=39).contains(&text.chars().count()) {
            return Err(UsernameProblem::Length);
        }
        let alphanumeric = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !text.split(['.', '_', '-']).all(alphanumeric) {
            return Err(UsernameProblem::Characters);
        }
        if RESERVED.contains(&text) {
            return Err(UsernameProblem::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes back a name that this type once let into the database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first letter, upper case, for the avatar.
    pub fn initial(&self) -> String {
        self.0.chars().take(1).flat_map(char::to_uppercase).collect()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name under which a sign-in looks for an account: trimmed and in lower case, as people type it on phones. A NUL
/// becomes a space, which stands in no name either: PostgreSQL takes no text with a NUL.
pub fn as_typed(text: &str) -> String {
    text.trim().to_lowercase().replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_components_are_names() {
        for good in ["al", "alice", "a1", "a.b-c_d", "0x", &"a".repeat(39)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        use UsernameProblem::*;
        let cases = [
            ("", Missing),
            ("a", Length),
            (&"a".repeat(40), Length),
            ("Alice", Characters),
            ("a--b", Characters),
            ("a._b", Characters),
            (".ab", Characters),
            ("ab-", Characters),
            ("a b", Characters),
            ("a/b", Characters),
            ("a:b", Characters),
            ("café", Characters),
            ("library", Reserved),
        ];
        for (text, problem) in cases {
            assert_eq!(Username::parse(text), Err(problem), "{text}");
        }
    }
}
