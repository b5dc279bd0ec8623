//! Usernames.

use crate::named::checked_text;

/// A username: 2 to 39 characters of `[a-z0-9]`, separated by single `.`, `_` or `-`. It is a valid first component of
/// a repository's name (distribution's reference grammar, without double separators).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// Why a username is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsernameProblem {
    Missing,
    Length,
    Characters,
    Reserved,
}

/// First path components that have a meaning for registries or in this server's URLs.
const RESERVED: &str = "account accounts all anonymous api assets catalog device dockpass everyone healthz library login \
                        logout nobody oauth public readyz registry settings setup signup token tokens v1 v2";

impl Username {
    /// Checks a new username. Upper case is refused and not folded, so that nobody gets another name than the typed one.
    pub fn parse(text: &str) -> Result<Self, UsernameProblem> {
        if text.is_empty() {
            return Err(UsernameProblem::Missing);
        }
        if !(2..=39).contains(&text.chars().count()) {
            return Err(UsernameProblem::Length);
        }
        let is_alphanumeric = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !text.split(['.', '_', '-']).all(is_alphanumeric) {
            return Err(UsernameProblem::Characters);
        }
        if RESERVED.split(' ').any(|reserved| reserved == text) {
            return Err(UsernameProblem::Reserved);
        }
        Ok(Self(text.to_owned()))
    }

    /// The first letter, upper case, for the avatar.
    pub fn initial(&self) -> String {
        self.0.chars().take(1).flat_map(char::to_uppercase).collect()
    }
}

checked_text!(Username);

/// A typed username for a look-up: trimmed and in lower case, because phones capitalise. NUL becomes a space, because
/// PostgreSQL rejects texts with NUL; neither occurs in usernames.
pub fn as_typed(text: &str) -> String {
    text.trim().to_lowercase().replace('\0', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_usernames_are_accepted() {
        for good in ["al", "alice", "a1", "a.b-c_d", "0x", &"a".repeat(39)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn invalid_usernames_are_refused_with_a_reason() {
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
