//! `dockpass doctor`, which checks the set-up and explains what is wrong.

mod catalog;
mod clock;
mod environment_variables;
mod files;
mod notifications;
mod registry_config;
mod registry_probe;
mod report;
mod server;
mod setup_steps;

use std::path::PathBuf;

use clap::Args;
use dockpass_core::timestamp::Timestamp;
use url::Url;

use crate::config::Config;
use crate::platform::clock as system_clock;
use crate::platform::database::Db;
use crate::platform::registry_url;
use crate::platform::rng::SystemRng;
use crate::registry::keys::actions::Keys;
use crate::registry::public_url;

pub use self::environment_variables::UnknownVariable;
use self::registry_config::RegistryFile;
pub use self::report::Report;

/// `dockpass doctor …`
#[derive(Debug, Args)]
pub struct DoctorCommand {
    /// URL of the registry for its clients, such as `https://hub.example.com`
    #[arg(long, value_parser = registry_url::parse)]
    pub registry_url: Option<Url>,
    /// Configuration file of the registry, to check what the registry itself does not reveal [default:
    /// /etc/docker/registry/config.yml where it exists]
    #[arg(long)]
    pub registry_config: Option<PathBuf>,
    /// Print JSON for monitoring: docs/operating.md names its fields
    #[arg(long)]
    pub json: bool,
}

/// What the checks compare with.
struct Expected<'a> {
    config: &'a Config,
    /// Without a trailing slash, or why it is not known.
    public_url: Result<String, String>,
    /// `None` if the keys cannot be decrypted.
    keys: Option<&'a Keys>,
    /// `None` if it cannot be read.
    db: Option<&'a Db>,
    now: Timestamp,
    rng: SystemRng,
}

impl Expected<'_> {
    fn realm(&self) -> Option<String> {
        self.public_url.as_ref().ok().map(|url| format!("{url}/token"))
    }
}

/// Checks everything that these settings allow. `db` is the database, or the reason why it cannot be opened.
pub async fn run(
    command: &DoctorCommand,
    config: &Config,
    db: &Result<Db, String>,
    unknown: &[UnknownVariable],
    now: Timestamp,
    rng: SystemRng,
) -> Report {
    let mut report = Report::default();
    let public_url = public_url::find(config).await;
    if let Some(sentence) = system_clock::complaint(now) {
        report.wrong("clock", sentence);
    }
    server::check_settings(config, public_url.as_deref().ok(), &mut report);
    environment_variables::check(unknown, &mut report);
    let keys = server::check_keys(config, db, now, rng, &mut report).await;
    files::check_modes(config, &mut report);
    let readable = db.as_ref().ok().filter(|_| keys.is_some());
    let expected = Expected { config, public_url, keys: keys.as_ref(), db: readable, now, rng };
    server::check_public_url(&expected, &mut report).await;
    let file = RegistryFile::open(command.registry_config.as_deref());
    let verdict = file.as_ref().and_then(|file| registry_config::check(file, &expected, &mut report));
    notifications::check(&expected, file.as_ref().filter(|_| verdict.is_some()), &mut report).await;
    match &command.registry_url {
        Some(url) => registry_probe::check(url, &expected, verdict, &mut report).await,
        None => report.skipped("registry", "give its address with --registry-url to check it"),
    }
    setup_steps::list(&expected, &mut report).await;
    report
}
