//! Why the token endpoint said no, in the words that reach a terminal.
//!
//! These sentences are part of the protocol: clients print them as they stand and send no language, so they are
//! English here and not in the locale files.

use super::{
    moment::Moment,
    permission::{Obstacle, RefusedPush},
    token::Description,
};

/// Of the name of a repository that was asked for, so many characters are repeated.
const LONGEST_NAME: usize = 255;

/// A refusal of a request for a registry token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A real token that its owner switched off.
    Inactive(Description),
    /// A real token whose time is over.
    Expired(Description, Moment),
    /// A real token that its owner deleted, for as long as its tombstone is kept.
    Deleted(Description, Moment),
    /// A real token under a name that is not its owner's. It does not say whose it is.
    WrongUser(Description),
    /// A real token of an account that an administrator disabled.
    AccountDisabled,
    /// A push with a token whose level allows none, to this repository.
    ReadOnly(String),
    /// A push with a token that is limited to other repositories.
    OutOfReach(String),
    /// A push to a repository, by this account, which may not push there.
    NotAllowed(String, String),
    /// Everything else, whatever the cause, in one and the same words.
    Failed,
}

impl Refusal {
    /// Every code that there is.
    pub const CODES: [&'static str; 8] = [
        "PAT-INACTIVE",
        "PAT-EXPIRED",
        "PAT-DELETED",
        "PAT-WRONG-USER",
        "ACCOUNT-DISABLED",
        "PAT-READ-ONLY",
        "PAT-REPOSITORY",
        "AUTH-FAILED",
    ];

    /// The refusal of a push.
    pub fn of_push(refused: RefusedPush<'_>, username: &str) -> Self {
        // Anyone may ask for anything: what is repeated on a terminal is one printable line.
        let name: String = refused.name.chars().filter(|c| c.is_ascii_graphic()).take(LONGEST_NAME).collect();
        match refused.obstacle {
            Obstacle::Level(_) => Refusal::ReadOnly(name),
            Obstacle::OutOfReach => Refusal::OutOfReach(name),
            _ => Refusal::NotAllowed(name, username.to_owned()),
        }
    }

    /// The code at the end of the sentence, in the log and in the counters.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::Inactive(_) => "PAT-INACTIVE",
            Refusal::Expired(..) => "PAT-EXPIRED",
            Refusal::Deleted(..) => "PAT-DELETED",
            Refusal::WrongUser(_) => "PAT-WRONG-USER",
            Refusal::AccountDisabled => "ACCOUNT-DISABLED",
            Refusal::ReadOnly(_) => "PAT-READ-ONLY",
            Refusal::OutOfReach(_) | Refusal::NotAllowed(..) => "PAT-REPOSITORY",
            Refusal::Failed => "AUTH-FAILED",
        }
    }

    /// One line: what is wrong, what to do, and the code. `tokens_url` is the address of the tokens page.
    pub fn sentence(&self, tokens_url: &str) -> String {
        let said = match self {
            Refusal::Inactive(name) => {
                format!("access token \"{name}\" is inactive: activate it at {tokens_url}")
            }
            Refusal::Expired(name, at) => {
                format!("access token \"{name}\" expired on {}: generate a new one at {tokens_url}", at.date())
            }
            Refusal::Deleted(name, at) => {
                format!("access token \"{name}\" was deleted on {}: generate a new one at {tokens_url}", at.date())
            }
            Refusal::WrongUser(name) => {
                format!("access token \"{name}\" belongs to another account: log in with its owner's username")
            }
            Refusal::AccountDisabled => {
                "this account is disabled: ask an administrator of this registry to enable it".to_owned()
            }
            Refusal::ReadOnly(repository) => {
                format!("this access token is read-only: it cannot push to {repository}")
            }
            Refusal::OutOfReach(repository) => {
                format!("this access token is limited to other repositories: it cannot push to {repository}")
            }
            Refusal::NotAllowed(repository, username) => format!(
                "{username} cannot push to {repository}: it is neither {username}'s own nor shared with {username} for \
                 pushing"
            ),
            Refusal::Failed => "incorrect username or password; with two-factor authentication on, use a personal \
                                access token as the password"
                .to_owned(),
        };
        format!("{said} ({})", self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_sentence_with_its_code() {
        let name = Description::parse("ci push").unwrap();
        let url = "https://hub.example/settings/tokens";
        assert_eq!(
            Refusal::Inactive(name.clone()).sentence(url),
            "access token \"ci push\" is inactive: activate it at https://hub.example/settings/tokens (PAT-INACTIVE)"
        );
        assert_eq!(
            Refusal::Expired(name, Moment::from_seconds(1_795_435_200)).sentence(url),
            "access token \"ci push\" expired on 2026-11-23: generate a new one at \
             https://hub.example/settings/tokens (PAT-EXPIRED)"
        );
        assert_eq!(
            Refusal::Failed.sentence(url),
            "incorrect username or password; with two-factor authentication on, use a personal access token as the \
             password (AUTH-FAILED)"
        );
    }
}
