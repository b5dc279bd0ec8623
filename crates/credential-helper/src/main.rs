//! `docker-credential-dockpass`: signs this computer in to a registry through the browser, and hands the token to
//! docker, podman, skopeo and buildah. A program of its own: it knows the server by HTTP alone.

// Both panic where nobody listens; `terminal` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod browser;
mod credentials;
mod discovery;
mod docker_config;
mod failure;
mod files;
mod host;
mod http;
mod json_text;
#[cfg_attr(not(target_os = "linux"), path = "no_keyring.rs")]
mod keyring;
mod login;
mod oauth;
mod place;
mod polling;
mod progress;
mod revocation;
mod secret;
mod terminal;
mod verbs;

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    process::ExitCode,
};

use clap::{
    Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use zeroize::Zeroizing;

use failure::Failure;
use host::Host;
use place::Place;
use terminal::{say, warn};

/// No host and no credentials are longer.
const LONGEST_INPUT: u64 = 64 * 1024;

/// Signs in to a registry through the browser, and hands the token to docker, podman, skopeo and buildah
#[derive(Debug, Parser)]
#[command(name = verbs::NAME, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Signs in through the browser, on this computer or another one
    Login {
        /// The registry: host or host:port, as it stands in the names of images
        host: String,
        /// Only prints the address
        #[arg(long)]
        no_browser: bool,
    },
    /// Ends the sign-in, here and on the server
    Logout {
        /// The registry
        host: String,
    },
    /// For registry clients: the credentials of the host on standard input
    Get,
    /// For registry clients: keeps the credentials on standard input
    Store,
    /// For registry clients: forgets the host on standard input
    Erase,
    /// Hosts and user names, as JSON
    List,
    /// The version
    Version,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let is_get = matches!(cli.command, Command::Get);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&Failure::said(format!("the program cannot start: {error}")), is_get),
    };
    let outcome = runtime.block_on(run(cli.command));
    // A look-up of a name may still hang: nobody waits for it.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => refuse(&failure, is_get),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    let place = Place::of_environment();
    match command {
        Command::Login { host, no_browser } => {
            login::login(&Host::parse(&host)?.alone()?, !no_browser, &place, now).await
        }
        Command::Logout { host } => verbs::logout(&Host::parse(&host)?, &place).await,
        Command::Get => verbs::get(&Host::parse(&input()?)?, &place.data()?, now()).await,
        Command::Store => verbs::store(&input()?, &place.data()?).await,
        Command::Erase => verbs::erase(&Host::parse(&input()?)?, &place.data()?).await,
        Command::List => verbs::list(&place.data()?),
        Command::Version => say(&format!("{} {}", verbs::NAME, env!("CARGO_PKG_VERSION"))),
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that asks the system for the time")]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// What the client wrote on standard input.
fn input() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = io::stdin().take(LONGEST_INPUT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::said(format!("standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(Failure::said("standard input is too long"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::said("standard input is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Says on standard output what went wrong: registry clients quote that. docker quotes nothing of a failed `get` and
/// goes on without credentials, but passes standard error on, so a person reads it there.
fn refuse(failure: &Failure, is_get: bool) -> ExitCode {
    let _ = say(&failure.to_string());
    match failure {
        Failure::Expired { host } => {
            let expired = format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}\n");
            let _ = io::stderr().write_all(expired.as_bytes());
        }
        Failure::NotFound => {}
        other if is_get && !io::stdout().is_terminal() => warn(other),
        _ => {}
    }
    ExitCode::FAILURE
}

/// A wrong command line is one sentence too. Help and version are no mistakes.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = say(text.trim_end());
        return ExitCode::SUCCESS;
    }
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let sentence = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, _) => "a command is missing".to_owned(),
        // clap names what is missing on lines of their own.
        (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) => {
            format!("{} is missing", missing.join(" ").replace(['<', '>'], ""))
        }
        _ => first.to_owned(),
    };
    refuse(&Failure::said(format!("{sentence}: see {} --help", verbs::NAME)), false)
}
