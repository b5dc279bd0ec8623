//! Accounts at the operator's shell, while the server runs or not.

use std::io::Read;

use clap::Subcommand;
use zeroize::Zeroizing;

use super::actions::{self, NewAccount, NotCreated};
use crate::{
    core::{
        password::{Password, PasswordProblem},
        username::{Username, UsernameProblem},
    },
    platform::{clock::Clock, db::Db, entropy::Entropy, hasher::Hasher},
};

/// `dockpass account …`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Makes an account; the first one is an administrator
    Add {
        /// The user name: 2 to 39 characters of a-z and 0-9 with single . _ - between
        name: String,
        /// Reads the password from standard input (one line break at its end is dropped)
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The account may manage others
        #[arg(long)]
        admin: bool,
    },
}

/// Runs the command; the sentence to print.
///
/// # Errors
/// A sentence that says what is wrong.
pub async fn run(command: AccountCommand, db: &Db, clock: &Clock) -> Result<String, String> {
    match command {
        AccountCommand::Add { name, admin, .. } => add(&name, admin, db, clock).await,
    }
}

async fn add(name: &str, is_admin: bool, db: &Db, clock: &Clock) -> Result<String, String> {
    let username = Username::parse(name).map_err(|problem| format!("{name:?} {}", username_sentence(problem)))?;
    let typed = read_password()?;
    let password = Password::chosen(&typed, name).map_err(|problem| password_sentence(problem).to_owned())?;
    let digest = Hasher::default().hash(password).await.map_err(|error| error.to_string())?;
    let mut tx = db.write().await.map_err(failed)?;
    let new = NewAccount { username, digest, is_admin };
    let made = actions::create(&mut tx, new, clock.now(), Entropy).await;
    let account = made.map_err(|error| match error {
        NotCreated::UsernameTaken => format!("the username {name:?} is taken"),
        NotCreated::AlreadySetUp => "an account exists already".to_owned(),
        NotCreated::Failed(error) => error.to_string(),
    })?;
    tx.commit().await.map_err(failed)?;
    let role = if account.is_admin { " (an administrator)" } else { "" };
    Ok(format!("account {} made{role}", account.username))
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("the database failed: {error}")
}

fn read_password() -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Zeroizing::new(line.to_owned()))
}

const fn username_sentence(problem: UsernameProblem) -> &'static str {
    match problem {
        UsernameProblem::Missing => "is empty: give a username",
        UsernameProblem::Length => "is no username: it must have 2 to 39 characters",
        UsernameProblem::Characters => {
            "is no username: it must be a-z and 0-9 with single dots, dashes or underscores between"
        }
        UsernameProblem::Reserved => "is reserved: choose another username",
    }
}

const fn password_sentence(problem: PasswordProblem) -> &'static str {
    match problem {
        PasswordProblem::Missing => "no password came on standard input",
        PasswordProblem::Short => "the password must have at least 15 characters",
        PasswordProblem::Long => "the password must have at most 512 characters",
        PasswordProblem::Common => "this password is among those that are tried first: choose one that is less common",
        PasswordProblem::LooksLikeToken => "a password must not begin with dp_, as tokens do",
    }
}
