//! `dockpass repositories`, which works whether servers run or not.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use dockpass_core::repository::RepositoryName;
use dockpass_core::timestamp::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use super::actions::{self, ImportOutcome};
use crate::command_line::CommandOutput;
use crate::platform::database::Db;
use crate::platform::rng::SystemRng;
use crate::platform::{registry_url, text_input};

/// `dockpass repositories …`
#[derive(Debug, Subcommand)]
pub enum RepositoriesCommand {
    /// Create the repositories of the registry's catalog, as private ones of the accounts whose names they begin with
    Import(RepositoryImportCommand),
}

/// `dockpass repositories import …`
#[derive(Debug, Args)]
pub struct RepositoryImportCommand {
    /// URL of the registry, such as `https://hub.example.com`
    #[arg(long, value_parser = registry_url::parse)]
    pub registry_url: Url,
    /// Before the registry asks for tokens of this server: a name in its htpasswd file
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    pub username: Option<String>,
    /// Read the password of this name from standard input; line breaks at its end are ignored
    #[arg(long, requires = "username")]
    pub password_stdin: bool,
    /// Also create what belongs to no account. Administrators can then share it, and no account can get such a first name
    #[arg(long)]
    pub with_unowned: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl RepositoryImportCommand {
    /// The password on standard input, if there is a name for it.
    pub fn password(&self) -> Result<Option<Zeroizing<String>>, String> {
        let read = || text_input::read(std::io::stdin());
        let password = self.username.as_ref().map(|_| read()).transpose();
        password.map_err(|error| format!("the password cannot be read from standard input: {error}"))
    }
}

#[derive(Default)]
struct Counts {
    created: usize,
    known: usize,
    full: usize,
}

/// Creates these repositories, and says what belongs to whom.
pub async fn import(
    command: &RepositoryImportCommand,
    names: &BTreeSet<String>,
    db: &Db,
    now: Timestamp,
    rng: SystemRng,
) -> Result<CommandOutput, String> {
    let parsed: Vec<RepositoryName> = names.iter().filter_map(|name| RepositoryName::parse(name)).collect();
    let outcomes = actions::import(db, &parsed, command.with_unowned, command.dry_run, now, rng).await;
    let outcomes = outcomes.map_err(|error| format!("the database failed: {error}"))?;
    let mut namespaces: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut lines, mut unowned) = (String::new(), 0);
    for (name, outcome) in parsed.iter().zip(outcomes) {
        if outcome == ImportOutcome::Unowned {
            unowned += 1;
            lines += &format!("{name}: belongs to no account, left as it is\n");
            continue;
        }
        let counts = namespaces.entry(name.namespace()).or_default();
        match outcome {
            ImportOutcome::Created => counts.created += 1,
            ImportOutcome::Full => counts.full += 1,
            ImportOutcome::Known | ImportOutcome::Unowned => counts.known += 1,
        }
    }
    let sum = |count: fn(&Counts) -> usize| namespaces.values().map(count).sum::<usize>();
    let (created, full) = (sum(|counts| counts.created), sum(|counts| counts.full));
    let verb = if command.dry_run { "would be created" } else { "created" };
    let totals = format!("{created} {verb}, {} known before, {unowned} of no account\n", sum(|counts| counts.known));
    let of_namespaces = namespaces.iter().map(|(namespace, counts)| {
        let known = if counts.known == 0 { String::new() } else { format!(", {} known before", counts.known) };
        format!("{namespace}/: {} {verb}{known}\n", counts.created)
    });
    let mut text: String = of_namespaces.collect();
    text += &lines;
    text += &totals;
    if command.dry_run {
        text += "nothing was changed, because of --dry-run\n";
    }
    let lost = names.len() - parsed.len() + full;
    let complaint = (lost > 0).then(|| {
        format!("{lost} could not be created: the page Repositories lists at most 10,000 below one name, and only valid names")
    });
    Ok(CommandOutput { text, complaint })
}
