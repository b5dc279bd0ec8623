//! `dockpass account`, which works whether servers run or not.

use clap::Subcommand;
use dockpass_core::account::Account;
use dockpass_core::password::{HashMemory, Password, PasswordDigest, PasswordProblem};
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::{Username, UsernameProblem};
use serde_json::json;
use zeroize::Zeroizing;

use super::actions::{self as admin, Actor};
use super::import::{self, AccountImportCommand};
use crate::accounts::actions::{self, CreateAccountError, DisableOutcome, NewAccount};
use crate::auth::one_time_links::actions as links;
use crate::command_line::CommandOutput;
use crate::error::Error;
use crate::platform::clock::Clock;
use crate::platform::database::{Db, Tx};
use crate::platform::rng::SystemRng;
use crate::platform::text_input;

/// `dockpass account …`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account; the first one is an administrator
    Add {
        /// Username: 2 to 39 characters of a-z and 0-9, separated by single . _ or -
        name: String,
        /// Read the password from standard input; line breaks at its end are ignored
        #[arg(long, required = true)]
        password_stdin: bool,
        /// Let the account manage other accounts
        #[arg(long)]
        admin: bool,
    },
    /// List all accounts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create the accounts of a registry's htpasswd file; their passwords go on working
    Import(AccountImportCommand),
    /// Create a link with which the account's owner sets a password, and print it; earlier links stop working
    Link { name: String },
    /// End an account's sessions, and refuse its password and tokens
    Disable { name: String },
    /// Enable a disabled account and its tokens again
    Enable { name: String },
    /// Turn off an account's two-factor authentication
    #[command(name = "reset-2fa")]
    ResetSecondFactor { name: String },
    /// Set a new password and end all sessions
    ResetPassword {
        name: String,
        /// Read the password from standard input; line breaks at its end are ignored
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

impl AccountCommand {
    /// Whether it can create the database. The first account may be added before the server's first start.
    pub fn can_create_database(&self) -> bool {
        matches!(self, AccountCommand::Add { .. })
    }

    /// What the operator should know besides the output, which scripts read.
    pub fn note(&self) -> Option<String> {
        let hours = links::PASSWORD_LINK_LIFETIME.whole_hours();
        let is_link = matches!(self, AccountCommand::Link { .. });
        is_link.then(|| format!("the link works once and expires in {hours} hours; earlier links no longer work"))
    }
}

/// Runs the command; what to print, or a sentence that says why it failed.
pub async fn run(command: AccountCommand, db: &Db, clock: &Clock, public_url: &str) -> Result<CommandOutput, String> {
    let by = Actor::shell(clock.now());
    let lines = match command {
        AccountCommand::Import(command) => return import::run(&command, db, &by).await,
        AccountCommand::Add { name, admin, .. } => add(&name, admin, db, &by).await,
        AccountCommand::List { json } => list(json, db, clock).await.map_err(failed),
        AccountCommand::Link { name } => link(&find(&name, db).await?, db, &by, public_url).await,
        AccountCommand::Disable { name } => disable(&find(&name, db).await?, db, &by).await,
        AccountCommand::Enable { name } => enable(&find(&name, db).await?, db, &by).await,
        AccountCommand::ResetSecondFactor { name } => reset_second_factor(&find(&name, db).await?, db, &by).await,
        AccountCommand::ResetPassword { name, .. } => reset_password(&find(&name, db).await?, db, &by).await,
    };
    lines.map(CommandOutput::from)
}

pub(super) fn failed(error: impl Into<Error>) -> String {
    match error.into() {
        Error::Internal(source) => format!("the database failed: {source}"),
        other => other.to_string(),
    }
}

async fn find(name: &str, db: &Db) -> Result<Account, String> {
    let mut reader = db.read().await.map_err(failed)?;
    let account = actions::find_by_username(&mut reader, name).await.map_err(failed)?;
    account.ok_or_else(|| format!("there is no account {name:?}"))
}

async fn add(name: &str, is_admin: bool, db: &Db, by: &Actor) -> Result<String, String> {
    let username = Username::parse(name).map_err(|problem| format!("{name:?} {}", username_sentence(problem)))?;
    let digest = read_digest(name).await?;
    let mut tx = db.write().await.map_err(failed)?;
    let new = NewAccount { username, digest, is_admin };
    let account = match admin::create(&mut tx, by, new, SystemRng).await {
        Ok(account) => account,
        Err(CreateAccountError::UsernameTaken) => {
            return Err(format!("the username {name:?} is taken: {}", why_taken(&mut tx, name).await?));
        }
        Err(CreateAccountError::AlreadySetUp) => return Err("an account exists already".to_owned()),
        Err(CreateAccountError::Failed(error)) => return Err(failed(error)),
    };
    tx.commit().await.map_err(failed)?;
    let role = if account.is_admin { " (an administrator)" } else { "" };
    Ok(format!("account {} created{role}\n", account.username))
}

/// Why no account can get this name, in the words after a colon.
pub(super) async fn why_taken(tx: &mut Tx, name: &str) -> Result<&'static str, String> {
    Ok(match actions::find_by_username(tx, name).await.map_err(failed)? {
        Some(account) if account.closed_at.is_some() => "a closed account had this name, which stays taken",
        Some(_) => "there is an account with this name, and it keeps its password",
        None => {
            "administrators have or had repositories that begin with this name, so an account would own their images"
        }
    })
}

async fn list(as_json: bool, db: &Db, clock: &Clock) -> Result<String, Error> {
    let time = |millis| Timestamp::from_millis(millis).rfc3339();
    let mut reader = db.read().await?;
    let (mut lines, mut objects) = (String::new(), Vec::new());
    for page in 1.. {
        let (accounts, _) = admin::list(&mut reader, "", page, clock.now()).await?;
        if accounts.is_empty() {
            break;
        }
        for account in accounts {
            let state = account.status();
            let role = if account.is_admin { "administrator" } else { "member" };
            let (created, seen) = (time(account.created_at), account.last_seen_at.map(time));
            if as_json {
                objects.push(json!({
                    "id": account.id,
                    "username": account.username,
                    "display_name": account.display_name,
                    "role": role,
                    "state": state,
                    "active_tokens": account.live_tokens,
                    "two_factor": account.has_second_factor,
                    "created_at": created,
                    "last_seen_at": seen,
                }));
                continue;
            }
            let factor = if account.has_second_factor { "2FA on" } else { "2FA off" };
            let seen = seen.map_or_else(|| "never seen".to_owned(), |at| format!("seen {at}"));
            let (name, tokens, id) = (account.username, account.live_tokens, account.id);
            let tokens = if tokens == 1 { "1 active token".to_owned() } else { format!("{tokens} active tokens") };
            lines += &format!("{name}\t{role}\t{state}\t{tokens}\t{factor}\tcreated {created}\t{seen}\t{id}\n");
        }
    }
    Ok(if as_json { format!("{:#}\n", json!(objects)) } else { lines })
}

async fn link(account: &Account, db: &Db, by: &Actor, public_url: &str) -> Result<String, String> {
    let mut tx = db.write().await.map_err(failed)?;
    let code = admin::create_password_link(&mut tx, by, account, SystemRng).await.map_err(failed)?;
    let Some(code) = code else { return Err(format!("account {} is disabled or closed", account.username)) };
    tx.commit().await.map_err(failed)?;
    Ok(format!("{}\n", links::password_link(public_url, &code)))
}

async fn disable(account: &Account, db: &Db, by: &Actor) -> Result<String, String> {
    let mut tx = db.write().await.map_err(failed)?;
    let outcome = admin::disable(&mut tx, by, account).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let name = &account.username;
    match outcome {
        DisableOutcome::Done => Ok(format!("account {name} disabled\n")),
        DisableOutcome::AlreadyDone => Err(format!("account {name} is disabled or closed already")),
        DisableOutcome::LastAdministrator => Err(format!(
            "account {name} is the last administrator: add another one first with `dockpass account add --admin`"
        )),
    }
}

async fn enable(account: &Account, db: &Db, by: &Actor) -> Result<String, String> {
    let mut tx = db.write().await.map_err(failed)?;
    let is_done = admin::enable(&mut tx, by, account).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let name = &account.username;
    if is_done { Ok(format!("account {name} enabled\n")) } else { Err(format!("account {name} was not disabled")) }
}

async fn reset_second_factor(account: &Account, db: &Db, by: &Actor) -> Result<String, String> {
    let mut tx = db.write().await.map_err(failed)?;
    let is_done = admin::reset_second_factor(&mut tx, by, account).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let name = &account.username;
    if is_done {
        Ok(format!("two-factor authentication of {name} is off\n"))
    } else {
        Err(format!("two-factor authentication of {name} was not on"))
    }
}

async fn reset_password(account: &Account, db: &Db, by: &Actor) -> Result<String, String> {
    if account.closed_at.is_some() {
        return Err(format!("account {} is closed", account.username));
    }
    let digest = read_digest(account.username.as_str()).await?;
    let mut tx = db.write().await.map_err(failed)?;
    admin::set_password(&mut tx, by, account, &digest).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(format!("the password of {} is changed, and all sessions of the account are ended\n", account.username))
}

async fn read_digest(username: &str) -> Result<PasswordDigest, String> {
    let typed = read_password()?;
    let password = Password::chosen(&typed, username).map_err(|problem| password_sentence(problem).to_owned())?;
    Ok(password.hash(SystemRng.salt(), &mut HashMemory::default()))
}

fn read_password() -> Result<Zeroizing<String>, String> {
    text_input::read(std::io::stdin())
        .map_err(|error| format!("the password cannot be read from standard input: {error}"))
}

pub(super) const fn username_sentence(problem: UsernameProblem) -> &'static str {
    match problem {
        UsernameProblem::Missing => "is empty: give a username",
        UsernameProblem::Length => "is not a valid username: it must have 2 to 39 characters",
        UsernameProblem::Characters => {
            "is not a valid username: it must consist of a-z and 0-9, separated by single dots, dashes or underscores"
        }
        UsernameProblem::Reserved => "is reserved: choose another username",
    }
}

const fn password_sentence(problem: PasswordProblem) -> &'static str {
    match problem {
        PasswordProblem::Missing => "there is no password on standard input",
        PasswordProblem::Short => "the password must have at least 15 characters",
        PasswordProblem::Long => "the password must have at most 512 characters",
        PasswordProblem::Common => "this password is too common: choose one that is harder to guess",
        PasswordProblem::LooksLikeToken => "the password must not begin with dp_, because tokens do",
    }
}
