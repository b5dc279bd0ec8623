//! The form with a new username and a new password: for the first account, at sign-up and behind a link.

use dockpass_core::password::{Password, PasswordProblem};
use dockpass_core::username::{Username, UsernameProblem};
use serde::Deserialize;

use crate::web::forms::FieldErrors;
use crate::web::i18n::Words;

/// A username and a password as they were typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CredentialsForm {
    pub username: String,
    /// The password; pages never show it again.
    pub password: String,
}

impl CredentialsForm {
    pub fn checked(&self, words: Words) -> Result<(Username, Password), FieldErrors> {
        let mut errors = FieldErrors::default();
        let username = Username::parse(self.username.trim());
        if let Err(problem) = username {
            errors.add("username", words.t(username_key(problem)));
        }
        let password = check_password("password", &self.password, self.username.trim(), words, &mut errors);
        match (username, password) {
            (Ok(username), Some(password)) => Ok((username, password)),
            _ => Err(errors),
        }
    }
}

pub fn check_password(
    field: &'static str,
    text: &str,
    username: &str,
    words: Words,
    errors: &mut FieldErrors,
) -> Option<Password> {
    Password::chosen(text, username).map_err(|problem| errors.add(field, words.t(password_key(problem)))).ok()
}

/// The key of the sentence in the locale files.
pub const fn username_key(problem: UsernameProblem) -> &'static str {
    match problem {
        UsernameProblem::Missing => "username.missing",
        UsernameProblem::Length => "username.length",
        UsernameProblem::Characters => "username.characters",
        UsernameProblem::Reserved => "username.reserved",
    }
}

const fn password_key(problem: PasswordProblem) -> &'static str {
    match problem {
        PasswordProblem::Missing => "password.missing",
        PasswordProblem::Short => "password.short",
        PasswordProblem::Long => "password.long",
        PasswordProblem::Common => "password.common",
        PasswordProblem::LooksLikeToken => "password.looks_like_token",
    }
}
