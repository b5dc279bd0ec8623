//! The form in which someone chooses a name and a password: for the first account, at sign-up, behind a link.

use dockpass_core::{
    password::{Password, PasswordProblem},
    username::{Username, UsernameProblem},
};
use serde::Deserialize;

use crate::web::{forms::FieldErrors, i18n::Words};

/// What was typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CredentialsForm {
    /// The name.
    pub username: String,
    /// The password; it is never shown again.
    pub password: String,
}

impl CredentialsForm {
    /// Name and password, or a sentence beside each field that is wrong.
    ///
    /// # Errors
    /// The sentences.
    pub fn checked(&self, words: Words) -> Result<(Username, Password), FieldErrors> {
        let mut errors = FieldErrors::default();
        let username = Username::parse(self.username.trim());
        if let Err(problem) = username {
            errors.add("username", words.t(username_key(problem)));
        }
        let password = chosen(&self.password, self.username.trim(), words, &mut errors);
        match (username, password) {
            (Ok(username), Some(password)) => Ok((username, password)),
            _ => Err(errors),
        }
    }
}

/// Reads a new password, or notes the sentence beside its field.
pub fn chosen(text: &str, username: &str, words: Words, errors: &mut FieldErrors) -> Option<Password> {
    Password::chosen(text, username).map_err(|problem| errors.add("password", words.t(password_key(problem)))).ok()
}

/// The key of a sentence in the locale files.
pub const fn username_key(problem: UsernameProblem) -> &'static str {
    match problem {
        UsernameProblem::Missing => "username.missing",
        UsernameProblem::Length => "username.length",
        UsernameProblem::Characters => "username.characters",
        UsernameProblem::Reserved => "username.reserved",
    }
}

/// The key of a sentence in the locale files.
pub const fn password_key(problem: PasswordProblem) -> &'static str {
    match problem {
        PasswordProblem::Missing => "password.missing",
        PasswordProblem::Short => "password.short",
        PasswordProblem::Long => "password.long",
        PasswordProblem::Common => "password.common",
        PasswordProblem::LooksLikeToken => "password.looks_like_token",
    }
}
