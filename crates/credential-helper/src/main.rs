//! `docker-credential-dockpass` signs this computer in to a registry through the browser and gives the token to docker,
//! podman, skopeo and buildah. It is a program of its own that knows the server only by its HTTP interface.
//!
//! Each module uses only modules before it in this order:
//!
//! 1. [`error`], [`text`], [`terminal`], [`secret`], [`host`]: what all others share
//! 2. [`paths`], [`files`], [`json_edit`], [`docker_config`]: files, and docker's own
//! 3. [`keyring`], [`credential_format`], [`credential_store`]: the stored credentials
//! 4. [`http`], [`discovery`], [`oauth`], [`revocation`]: the server
//! 5. [`progress`], [`polling`], [`browser`]: the wait for a person's approval
//! 6. [`protocol`], [`commands`]: what registry clients and people call

// These macros panic when the output is closed; `terminal` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod browser;
mod commands;
mod credential_format;
mod credential_store;
mod discovery;
mod docker_config;
mod error;
mod files;
mod host;
mod http;
mod json_edit;
#[cfg_attr(not(target_os = "linux"), path = "keyring_unsupported.rs")]
mod keyring;
mod oauth;
mod paths;
mod polling;
mod progress;
mod protocol;
mod revocation;
mod secret;
mod terminal;
mod text;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use commands::erase::erase;
use commands::get::get;
use commands::list::list;
use commands::login::login;
use commands::logout::logout;
use commands::store::store;
use error::Error;
use host::RegistryHost;
use paths::data_folder;
use protocol::read_input;
use terminal::{PROGRAM, print_line, warn};

/// Signs in to a registry through the browser and gives the token to docker, podman, skopeo and buildah
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sign in through the browser, on this computer or another one
    Login {
        /// The registry as in image names: host or host:port
        host: String,
        /// Print the address, but open no browser
        #[arg(long)]
        no_browser: bool,
    },
    /// Sign out, here and on the server
    Logout {
        /// The registry
        host: String,
    },
    /// For registry clients: print the credentials of the host on standard input
    Get,
    /// For registry clients: store the credentials on standard input
    Store,
    /// For registry clients: remove the credentials of the host on standard input
    Erase,
    /// Print hosts and usernames as JSON
    List,
    /// Print the version
    Version,
    /// For packages: write man pages and shell completions into a folder
    #[command(hide = true)]
    WriteManPages {
        /// It is created if it is missing
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    let is_get = matches!(cli.command, Command::Get);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Error::message(format!("the program cannot start: {error}")), is_get),
    };
    let result = runtime.block_on(run(cli.command));
    // Does not wait for a DNS lookup that still hangs.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, is_get),
    }
}

async fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Login { host, no_browser } => {
            login(&RegistryHost::parse(&host)?.without_path()?, !no_browser, now).await
        }
        Command::Logout { host } => logout(&RegistryHost::parse(&host)?).await,
        Command::Get => get(&RegistryHost::parse(&read_input()?)?, &data_folder()?, now()).await,
        Command::Store => store(&read_input()?, &data_folder()?).await,
        Command::Erase => erase(&RegistryHost::parse(&read_input()?)?, &data_folder()?).await,
        Command::List => list(&data_folder()?),
        Command::Version => print_line(&format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION"))),
        Command::WriteManPages { folder } => write_man_pages(&folder).map_err(|error| {
            let folder = folder.display();
            Error::message(format!("{folder} cannot be written: {error}"))
        }),
    }
}

fn write_man_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut Cli::command(), PROGRAM, folder)?;
    }
    clap_mangen::generate_to(Cli::command(), folder)
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that reads the system's clock")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Prints an error on standard output, which registry clients quote. docker ignores the output of a failed `get` and
/// continues without credentials, but it passes standard error on, so a person reads the error there.
fn report(error: &Error, is_get: bool) -> ExitCode {
    let _ = print_line(&error.to_string());
    match error {
        Error::SignInEnded(sentence) => {
            let _ = io::stderr().write_all(format!("{sentence}\n").as_bytes());
        }
        Error::NotFound => {}
        other if is_get && !io::stdout().is_terminal() => warn(other),
        _ => {}
    }
    ExitCode::FAILURE
}

/// Reports a wrong command line as one sentence, and prints help and version.
fn report_usage(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = print_line(text.trim_end());
        return ExitCode::SUCCESS;
    }
    let first_line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let sentence = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, _) => "a command is missing".to_owned(),
        // clap prints the missing arguments on further lines.
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => {
            format!("{} is missing", missing.join(" ").replace(['<', '>'], ""))
        }
        _ => first_line.to_owned(),
    };
    report(&Error::message(format!("{sentence}: see {PROGRAM} --help")), false)
}
