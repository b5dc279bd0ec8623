//! The `dockpass` program: its subcommands, and nothing else.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use dockpass::{
    admin::cli::{self as account_cli, AccountCommand},
    config::{Config, LogFormat, Settings},
    doctor::{self, DoctorCommand},
    platform::{backup, clock::Clock, rng::SystemRng},
    registry::{
        cli::{self as registry_cli, KeysCommand, RegistryConfigCommand},
        keys::actions as keys,
    },
    server::{self, Server},
};
use tracing_subscriber::EnvFilter;

/// Personal access tokens for a self-hosted container registry
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server (what `dockpass` alone does)
    Serve,
    /// Makes and manages accounts at the shell
    #[command(subcommand)]
    Account(AccountCommand),
    /// Writes what a distribution registry needs and prints the auth section of its YAML
    RegistryConfig(RegistryConfigCommand),
    /// Rotates the keys that sign registry tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Checks the set-up and says in words what is wrong
    Doctor(DoctorCommand),
    /// Writes a live copy of the SQLite database, without the secret key file
    Backup {
        /// The file to write
        file: PathBuf,
    },
    /// Puts a backup in the database's place, while no server runs
    Restore {
        /// The file to read
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::check(&cli.settings) {
        Ok(config) => config,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| eprintln!("dockpass: {mistake}"));
            return ExitCode::from(2);
        }
    };
    log_to_standard_error(config.log_format);
    match run(cli.command.unwrap_or(Command::Serve), config).await {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("dockpass: {sentence}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, config: Config) -> Result<String, String> {
    match command {
        Command::Serve => serve(config).await.map(|()| String::new()),
        Command::Backup { file } => backup::back_up(&config, &file).await.map(line),
        Command::Restore { file } => backup::restore(&config, &file).await.map(line),
        Command::Account(command) => {
            if !command.may_begin() {
                backup::must_exist(&config)?;
            }
            let _folder = backup::occupy(&config)?;
            let db = server::open_database(&config).await?;
            let said = account_cli::run(command, &db, &Clock::System).await;
            db.close().await;
            said
        }
        Command::Keys(command) => {
            backup::must_exist(&config)?;
            let _folder = backup::occupy(&config)?;
            let db = server::open_database(&config).await?;
            let said = registry_cli::run_keys(&command, &db, &config, Clock::System.now(), SystemRng).await;
            db.close().await;
            said
        }
        Command::Doctor(command) => {
            let db = match backup::must_exist(&config) {
                Ok(()) => server::look_at_database(&config).await,
                Err(sentence) => Err(sentence),
            };
            let report = doctor::run(&command, &config, &db, Clock::System.now(), SystemRng).await;
            if let Ok(db) = db {
                db.close().await;
            }
            print!("{report}");
            report.verdict().map(|()| String::new())
        }
        Command::RegistryConfig(command) => {
            backup::must_exist(&config)?;
            let _folder = backup::occupy(&config)?;
            let db = server::open_database(&config).await?;
            let keys = keys::load_or_create(&db, &config.secret_key_file, Clock::System.now(), SystemRng).await;
            db.close().await;
            registry_cli::run(&command, &config, &config.urls(config.listen), &keys.map_err(|error| error.to_string())?)
        }
    }
}

async fn serve(config: Config) -> Result<(), String> {
    let stop = stop_signal().map_err(|error| format!("signals cannot be received: {error}"))?;
    let server = Server::bind(config, Clock::System).await?;
    println!("listening on http://{}", server.address());
    if let Some(link) = server.setup_link() {
        println!("create the first account at {link}");
    }
    if let Some(address) = server.metrics_address() {
        println!("metrics on http://{address}/metrics");
    }
    // Whoever waits for these lines through a pipe must get them now.
    let _ = std::io::stdout().flush();
    server.run(stop).await.map_err(|error| format!("the server stopped: {error}"))
}

/// TERM from a supervisor, INT from a terminal.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn log_to_standard_error(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn line(said: String) -> String {
    said + "\n"
}
