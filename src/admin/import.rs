//! `dockpass account import`, which creates the accounts of a registry's htpasswd file.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use dockpass_core::bcrypt_digest::{Algorithm, DigestProblem, MAX_COST};
use dockpass_core::htpasswd::{self, HtpasswdAccount, LineProblem};
use zeroize::Zeroizing;

use super::actions::{self as admin, Actor};
use super::cli::{failed, username_sentence, why_taken};
use crate::accounts::actions::{self as accounts, CreateAccountError, NewAccount};
use crate::command_line::CommandOutput;
use crate::platform::database::{Db, Tx};
use crate::platform::rng::SystemRng;
use crate::platform::text_input;

/// `dockpass account import …`
#[derive(Debug, Args)]
pub struct AccountImportCommand {
    /// The htpasswd file, with bcrypt digests as registries need them; - reads standard input
    file: PathBuf,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Creates every account that can be created, in one transaction, and names the other lines.
pub async fn run(command: &AccountImportCommand, db: &Db, by: &Actor) -> Result<CommandOutput, String> {
    let lines = htpasswd::parse(&read(&command.file)?);
    if lines.is_empty() {
        return Err(format!("{} contains no accounts", command.file.display()));
    }
    let mut tx = db.write().await.map_err(failed)?;
    // The first account becomes an administrator, which the order of a file must not decide.
    if !accounts::is_set_up(&mut tx).await.map_err(failed)? {
        return Err("there is no account yet: create the administrator's first, with `dockpass account add`".to_owned());
    }
    let (mut text, mut created, total) = (String::new(), 0, lines.len());
    for line in lines {
        let refused = match line.content {
            Ok(account) => create(&mut tx, by, account).await?,
            Err(problem) => Some(sentence(&problem)),
        };
        let name = line.name.map(|name| format!("{name:?} ")).unwrap_or_default();
        let outcome = match refused {
            Some(reason) => format!("not created: {reason}"),
            None => {
                created += 1;
                if command.dry_run { "would be created" } else { "created" }.to_owned()
            }
        };
        text += &format!("line {}: {name}{outcome}\n", line.number);
    }
    if command.dry_run {
        text += "nothing was changed, because of --dry-run\n";
    } else {
        tx.commit().await.map_err(failed)?;
    }
    let complaint = (created < total).then(|| format!("{} of {total} lines created no account", total - created));
    Ok(CommandOutput { text, complaint })
}

fn read(file: &Path) -> Result<Zeroizing<String>, String> {
    let text = if file == Path::new("-") { text_input::read(io::stdin()) } else { text_input::read_file(file) };
    text.map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// Creates an account, or says why not.
async fn create(tx: &mut Tx, by: &Actor, account: HtpasswdAccount) -> Result<Option<String>, String> {
    let HtpasswdAccount { username, digest } = account;
    let new = NewAccount { username: username.clone(), digest, is_admin: false };
    match admin::create(tx, by, new, SystemRng).await {
        Ok(_) => Ok(None),
        Err(CreateAccountError::UsernameTaken) => Ok(Some(why_taken(tx, username.as_str()).await?.to_owned())),
        Err(CreateAccountError::AlreadySetUp) => Err("an account exists already".to_owned()),
        Err(CreateAccountError::Failed(error)) => Err(failed(error)),
    }
}

fn sentence(problem: &LineProblem) -> String {
    const ADD: &str = "add the account with `dockpass account add`";
    match problem {
        LineProblem::NoColon => "it has no colon between a name and a digest".to_owned(),
        LineProblem::Repeated { later } => format!("line {later} has the same name, and registries use the last one"),
        LineProblem::Digest(DigestProblem::Other(algorithm)) => {
            let algorithm = match algorithm {
                Algorithm::Apr1 => "MD5 (apr1)",
                Algorithm::Sha1 => "SHA-1",
                Algorithm::ShaCrypt => "SHA-2 (crypt)",
                Algorithm::Bcrypt2x => "a mistaken bcrypt ($2x$)",
                Algorithm::Unknown => "no bcrypt digest",
            };
            format!("its password is {algorithm}, and registries accept only bcrypt: {ADD}")
        }
        LineProblem::Digest(DigestProblem::Damaged) => {
            format!("its bcrypt digest is damaged, so no password matches it: {ADD}")
        }
        LineProblem::Digest(DigestProblem::Cost(cost)) if *cost > MAX_COST => format!(
            "its bcrypt digest has cost {cost}: comparing one of more than {MAX_COST} would hold up other sign-ins; {ADD}"
        ),
        LineProblem::Digest(DigestProblem::Cost(cost)) => format!("bcrypt has no cost {cost}: {ADD}"),
        LineProblem::Username { lower_case: Some(username), .. } => format!(
            "usernames are in lower case: write {username} in the file and import it again; the password stays the same, \
             and clients can go on sending the name as it was"
        ),
        LineProblem::Username { problem, .. } => format!(
            "the name {}; write another one in the file and import it again: the password stays the same",
            username_sentence(*problem)
        ),
    }
}
