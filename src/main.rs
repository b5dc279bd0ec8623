//! The `dockpass` program: its command line.

use std::io::{self, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use dockpass::admin::cli::{self as account_cli, AccountCommand};
use dockpass::command_line::{self, CommandOutput};
use dockpass::config::{Config, GivenSetting, Settings};
use dockpass::doctor::{self, DoctorCommand};
use dockpass::healthcheck;
use dockpass::platform::clock::{self, Clock};
use dockpass::platform::database::Db;
use dockpass::platform::rng::SystemRng;
use dockpass::platform::run_as_owner::Owner;
use dockpass::platform::{backup, data_folder, log, migrate_to, restore};
use dockpass::registry::catalog;
use dockpass::registry::cli::{self as registry_cli, KeysCommand, RegistryConfigCommand};
use dockpass::registry::keys::actions as keys;
use dockpass::registry::public_url;
use dockpass::repositories::cli::{self as repositories_cli, RepositoriesCommand};
use dockpass::server::{self, Server, StopRequest};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// Personal access tokens for a self-hosted container registry
#[derive(Debug, Parser)]
#[command(version = env!("DOCKPASS_VERSION"))]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve,
    /// Create and manage accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Create the repositories that a registry holds
    #[command(subcommand)]
    Repositories(RepositoriesCommand),
    /// Write the files that a distribution registry needs, and print the auth section of its YAML
    RegistryConfig(RegistryConfigCommand),
    /// Manage the keys that sign registry tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check the set-up, explain what is wrong, and list what is left to do
    ///
    /// Exit codes: 0 if nothing is wrong (there may be warnings and steps that are left), 1 if a check found something wrong,
    /// 2 if the settings or the command line are wrong, so that nothing was checked.
    Doctor(DoctorCommand),
    /// Write a copy of the SQLite database, without the secret key file, and verify it; servers may run
    Backup {
        /// Name the file by the time, in a folder, and keep the newest N
        #[arg(long, value_name = "N")]
        keep: Option<NonZeroUsize>,
        /// The file to write or replace, or the folder
        #[arg(value_name = "FILE|FOLDER")]
        target: PathBuf,
    },
    /// Replace the SQLite database with a backup, and keep the replaced one; servers must be stopped
    Restore {
        /// Do not ask for confirmation; without a terminal, restore never asks
        #[arg(long)]
        yes: bool,
        /// The file to read
        file: PathBuf,
    },
    /// Copy the SQLite database to an empty PostgreSQL database, and compare the two; servers must be stopped
    MigrateTo {
        /// `postgres://user@host/database`, or - to read it from standard input: other users can see arguments
        url: String,
    },
    /// Exit with 0 if the server of these settings is ready
    Healthcheck,
    /// For packages: write man pages and shell completions into a folder
    #[command(hide = true)]
    WriteManPages {
        /// It is created if it is missing
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let (matches, mut mistakes) = command_line::parse(Cli::command());
    let Cli { mut settings, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let command = command.unwrap_or(Command::Serve);
    let owner = match prepare(&command, &settings) {
        Ok(owner) => owner,
        Err(sentence) => return report(Err(sentence)),
    };
    // Commands need no --public-url: those that show it ask the running server.
    settings.asks_server = !matches!(command, Command::Serve);
    settings.config = command_line::settings_file(settings.config.take());
    settings.given = GivenSetting::all(&Cli::command(), &matches);
    let config = match Config::check(&settings) {
        Ok(config) if mistakes.is_empty() => config,
        checked => {
            mistakes.extend(checked.err().unwrap_or_default());
            mistakes.iter().for_each(|mistake| complain(mistake));
            return ExitCode::from(2);
        }
    };
    let _log = log::start(config.log_is_json);
    let result = match runtime() {
        Ok(runtime) => runtime.block_on(run(command, config, owner)),
        Err(error) => Err(format!("the program cannot start its threads: {error}")),
    };
    report(result.map_err(|sentence| owner.map_or(sentence.clone(), |owner| owner.explain(sentence))))
}

/// What must be done before the settings are checked and before the program has threads.
fn prepare(command: &Command, settings: &Settings) -> Result<Option<Owner>, String> {
    let owner = Owner::take(&settings.data)?;
    match (command, owner) {
        (Command::RegistryConfig(command), _) if command.new_registry => {
            registry_cli::create_events_secret(settings, SystemRng)?;
        }
        (Command::RegistryConfig(_), _) | (_, None) => {}
        (_, Some(owner)) => owner.stay()?,
    }
    Ok(owner)
}

/// One thread more than there are cores, because slow reads of SQLite can block all threads but one.
fn runtime() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread().worker_threads(cores + 1).enable_all().build()
}

async fn run(command: Command, config: Config, owner: Option<Owner>) -> Result<String, String> {
    match command {
        Command::Serve => serve(config).await.map(|()| String::new()),
        Command::Healthcheck => healthcheck::run(&config).await,
        Command::WriteManPages { folder } => {
            command_line::write_man_pages(Cli::command(), &folder).map(|()| String::new())
        }
        Command::Backup { keep: None, target } => {
            backup::back_up(&config, &target, Clock::System.now()).await.map(line)
        }
        Command::Backup { keep: Some(most), target } => {
            backup::back_up_into(&config, &target, most.get(), Clock::System.now()).await.map(line)
        }
        Command::Restore { yes, file } => restore::restore(&config, &file, !yes).await.map(line),
        Command::MigrateTo { url } => migrate_to::migrate_to(&config, &migrate_to::read_address(&url)?).await,
        Command::Account(command) => {
            if !command.can_create_database() {
                data_folder::must_exist(&config)?;
            }
            let public_url = match command {
                AccountCommand::Link { .. } => public_url::find(&config).await?,
                _ => String::new(),
            };
            let note = command.note();
            let output =
                with_database(&config, async |db| account_cli::run(command, db, &Clock::System, &public_url).await)
                    .await?;
            if let Some(note) = note {
                complain(&note);
            }
            finish(output)
        }
        Command::Repositories(RepositoriesCommand::Import(command)) => {
            data_folder::must_exist(&config)?;
            let (url, password) = (&command.registry_url, command.password()?);
            let account = command.username.as_deref().zip(password.as_ref().map(|password| password.as_str()));
            let output = with_database(&config, async |db| {
                let names = catalog::read_all(url, account, &config, db, SystemRng).await?;
                repositories_cli::import(&command, &names, db, Clock::System.now(), SystemRng).await
            });
            finish(output.await?)
        }
        Command::Keys(command) => {
            data_folder::must_exist(&config)?;
            let (now, rng) = (Clock::System.now(), SystemRng);
            if let Some(complaint) = clock::complaint(now) {
                complain(&complaint);
            }
            with_database(&config, async |db| registry_cli::run_keys(&command, db, &config, now, rng).await).await
        }
        Command::Doctor(command) => {
            let db = match data_folder::must_exist(&config) {
                Ok(()) => server::look_at_database(&config).await,
                Err(sentence) => Err(sentence),
            };
            let unknown = command_line::unknown_variables(&Cli::command());
            let report = doctor::run(&command, &config, &db, &unknown, Clock::System.now(), SystemRng).await;
            if let Ok(db) = db {
                db.close().await;
            }
            say(&if command.json { report.json() } else { report.to_string() });
            report.verdict().map(|()| String::new())
        }
        Command::RegistryConfig(command) => {
            if !command.new_registry {
                data_folder::must_exist(&config)?;
            }
            let keys = with_database(&config, async |db| {
                let keys = keys::load_or_create(db, &config.secret_key_file, Clock::System.now(), SystemRng).await;
                keys.map_err(|error| error.to_string())
            });
            let keys = keys.await?;
            let (public_url, default) = match public_url::find(&config).await {
                Ok(url) => (url, None),
                Err(sentence) if config.listen.ip().is_loopback() && config.listen.port() != 0 => {
                    (config.urls(config.listen).public, Some(sentence))
                }
                Err(sentence) => return Err(sentence),
            };
            owner.map_or(Ok(()), Owner::return_to_root)?;
            let output = registry_cli::run(&command, &config, &public_url, &keys)?;
            match default {
                // It runs before the server's first start, so it is no mistake that no server answers.
                Some(_) if command.new_registry => {
                    return Ok(format!("{output}its realm is {public_url}/token: give --public-url for another\n"));
                }
                Some(sentence) => complain(&format!("the realm is that of the default, {public_url}: {sentence}")),
                None => {}
            }
            Ok(output)
        }
    }
}

/// Prints what a command did, if a complaint follows.
fn finish(output: CommandOutput) -> Result<String, String> {
    match output.complaint {
        None => Ok(output.text),
        Some(complaint) => {
            say(&output.text);
            Err(complaint)
        }
    }
}

/// Runs a command on the database, whether servers run on it or not.
async fn with_database<T>(config: &Config, run: impl AsyncFnOnce(&Db) -> Result<T, String>) -> Result<T, String> {
    let _lock = data_folder::occupy(config)?;
    let db = server::open_database(config).await?;
    let result = run(&db).await;
    db.close().await;
    result
}

async fn serve(config: Config) -> Result<(), String> {
    let stop = stop_signals().map_err(|error| format!("signals cannot be received: {error}"))?;
    let server = Server::bind(config, Clock::System).await?;
    let mut lines = format!("listening on http://{}\n", server.address());
    if let Some(link) = server.setup_link() {
        lines += &format!("create the first account at {link}\n");
    }
    if let Some(address) = server.metrics_address() {
        lines += &format!("metrics on http://{address}/metrics\n");
    }
    say(&lines);
    server.run(stop).await;
    Ok(())
}

/// SIGTERM comes from a supervisor, SIGINT from a terminal.
fn stop_signals() -> std::io::Result<mpsc::UnboundedReceiver<StopRequest>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let request = tokio::select! {
                _ = term.recv() => StopRequest::Drain,
                _ = interrupt.recv() => StopRequest::Stop,
            };
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    Ok(requests)
}

/// Prints how a command ended.
fn report(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(output) if say(&output) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(sentence) => {
            complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; `false` if the text is lost. A reader that is gone (`| head`) is no fault.
fn say(text: &str) -> bool {
    let mut output = std::io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("standard output cannot be written: {error}"));
            false
        }
        _ => true,
    }
}

/// Writes to standard error. `eprintln!` would panic if that is full or closed.
fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "dockpass: {sentence}");
}

fn line(sentence: String) -> String {
    sentence + "\n"
}
