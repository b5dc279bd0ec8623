//! Attribution: a registry token's `sub` names the account and the access token, and registries repeat it as the
//! `actor.name` of their notifications.

use std::fmt;

/// Who a registry token was issued to: `alice/<token id>` for an access token, `alice` for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryActor {
    pub username: String,
    /// The access token's id; `None` for the account's password.
    pub token_id: Option<String>,
}

impl RegistryActor {
    /// Reads a `sub` or an `actor.name`; `None` for an anonymous client, whose text is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let (username, token_id) = match text.split_once('/') {
            Some((username, token_id)) => (username, Some(token_id.to_owned())),
            None => (text, None),
        };
        (!username.is_empty()).then(|| Self { username: username.to_owned(), token_id })
    }
}

impl fmt::Display for RegistryActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.token_id {
            Some(token_id) => write!(f, "{}/{token_id}", self.username),
            None => f.write_str(&self.username),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_reads_back() {
        for text in ["alice", "alice/0197c2e4-7b5d-7c3a-9f00-1234567890ab"] {
            assert_eq!(RegistryActor::parse(text).unwrap().to_string(), text);
        }
        let with_token = RegistryActor::parse("alice/1/2").unwrap();
        assert_eq!((with_token.username.as_str(), with_token.token_id.as_deref()), ("alice", Some("1/2")));
        assert_eq!(RegistryActor::parse("alice").unwrap().token_id, None);
        for nobody in ["", "/", "/1"] {
            assert_eq!(RegistryActor::parse(nobody), None, "{nobody}");
        }
    }
}
