//! The form with a new username and a new password: for the first account, at sign-up and behind a link.

use dockpass_core::password::{Password, PasswordProblem};
use dockpass_core::username::{Username, UsernameProblem};
use serde::Deserialize;

use super::credential_checker::CredentialChecker;
use crate::error::Error;
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
    /// The checked username and password, or what is wrong with the fields.
    pub async fn checked(
        &self,
        checker: &CredentialChecker,
        words: Words,
    ) -> Result<Result<(Username, Password), FieldErrors>, Error> {
        let mut errors = FieldErrors::default();
        let username = Username::parse(self.username.trim());
        if let Err(problem) = username {
            errors.add("username", words.t(username_key(problem)));
        }
        let name = self.username.trim();
        let password = check_password(checker, "password", &self.password, name, words, &mut errors).await?;
        Ok(match (username, password) {
            (Ok(username), Some(password)) => Ok((username, password)),
            _ => Err(errors),
        })
    }
}

/// Reads a new password from the field `field`, or adds what is wrong with it. Its strength is judged, which is slow, only
/// if nothing else is wrong with the form.
pub async fn check_password(
    checker: &CredentialChecker,
    field: &'static str,
    text: &str,
    username: &str,
    words: Words,
    errors: &mut FieldErrors,
) -> Result<Option<Password>, Error> {
    let problem = match Password::well_formed(text) {
        Ok(password) if !errors.is_empty() || !checker.is_common(&password, username).await? => {
            return Ok(Some(password));
        }
        Ok(_) => PasswordProblem::Common,
        Err(problem) => problem,
    };
    errors.add(field, words.t(password_key(problem)));
    Ok(None)
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
