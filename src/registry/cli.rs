//! `dockpass registry-config`, which writes what a CNCF distribution registry needs to trust this server, and
//! `dockpass keys`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, Subcommand, ValueEnum};
use data_encoding::BASE64URL_NOPAD;
use dockpass_core::timestamp::Timestamp;
use rand_core::Rng as _;
use url::Url;

use super::keys::actions::{self as keys, Keys};
use crate::config::{Config, Settings};
use crate::platform::database::Db;
use crate::platform::rng::SystemRng;
use crate::platform::{data_folder, text_input};

/// `dockpass registry-config …`
#[derive(Debug, Args)]
pub struct RegistryConfigCommand {
    /// Major version of the registry (CNCF distribution)
    #[arg(long, value_enum)]
    pub registry_version: RegistryVersion,
    /// Folder for bundle.pem and jwks.json; it is created if it is missing
    #[arg(long)]
    pub out: PathBuf,
    /// For a registry without a configuration: write a whole one, config.yml, into the folder, and create the file of
    /// --events-secret-file and the database if they are missing
    #[arg(long)]
    pub new_registry: bool,
    /// Address of this server to which the registry sends notifications [default: the public URL]
    #[arg(long, value_name = "URL")]
    pub notify_url: Option<Url>,
}

/// `dockpass keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Create a new signing key; running servers use it at once, and registries need no change
    Rotate,
}

/// A major version of distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegistryVersion {
    /// distribution 2.8
    #[value(name = "2")]
    Two,
    /// distribution 3
    #[value(name = "3")]
    Three,
}

/// Creates the file of the secret for notifications if it is missing. Errors are sentences.
pub fn create_events_secret(settings: &Settings, rng: SystemRng) -> Result<(), String> {
    let Some(path) = settings.events_secret_file.as_deref().filter(|path| !path.exists()) else { return Ok(()) };
    let mut secret = [0; 32];
    rng.generator().fill_bytes(&mut secret);
    let create = || {
        path.parent().map_or(Ok(()), data_folder::create_folder)?;
        data_folder::write_private(path, &format!("{}\n", BASE64URL_NOPAD.encode(&secret)))
    };
    create().map_err(|error: io::Error| format!("{} cannot be created: {error}", path.display()))
}

/// Writes the files and returns the YAML for the registry's configuration, or a sentence if that is a file too.
pub fn run(command: &RegistryConfigCommand, config: &Config, public_url: &str, keys: &Keys) -> Result<String, String> {
    let folder = write(&command.out, keys)
        .map_err(|error| format!("the files cannot be written to {}: {error}", command.out.display()))?;
    let mut yaml = format!(
        "auth:\n  token:\n    realm: {}\n    service: {}\n    issuer: {}\n    rootcertbundle: {}\n",
        quoted(&format!("{public_url}/token")),
        quoted(&config.registry_service),
        quoted(&config.issuer),
        quoted(&folder.join("bundle.pem").display().to_string()),
    );
    if command.registry_version == RegistryVersion::Three {
        // Version 3 gets both, because with only `jwks` it refuses tokens with `x5c`.
        yaml += &format!("    jwks: {}\n", quoted(&folder.join("jwks.json").display().to_string()));
        yaml += "    signingalgorithms: [ES256]\n";
    }
    if let Some(secret) = events_secret(config)? {
        let server = command.notify_url.as_ref().map_or(public_url, |url| url.as_str().trim_end_matches('/'));
        yaml += &notifications(&format!("{server}/registry/events"), &secret);
    }
    if !command.new_registry {
        return Ok(yaml);
    }
    let file = folder.join("config.yml");
    // The secret is in it, so it is not printed: containers keep their output.
    data_folder::write_private(&file, &format!("{WHOLE_CONFIGURATION}{yaml}"))
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    Ok(format!("{} written\n", file.display()))
}

/// The secret of the registry's notifications, if the settings name its file.
pub fn events_secret(config: &Config) -> Result<Option<String>, String> {
    let Some(file) = &config.events_secret_file else { return Ok(None) };
    let text = text_input::read_file(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Ok(Some(text.trim().to_owned()))
}

/// What a registry needs beside its `auth:` and `notifications:`. Its `REGISTRY_…` variables win.
const WHOLE_CONFIGURATION: &str = "version: 0.1
http:
  addr: :5000
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
";

/// The registry repeats a failed notification five times at once, then every two seconds. References name the manifests of
/// a pushed index.
fn notifications(url: &str, secret: &str) -> String {
    format!(
        "notifications:\n  events:\n    includereferences: true\n  endpoints:\n    - name: dockpass\n      url: {}\n\
         \x20     headers:\n        Authorization: [{}]\n      timeout: 2s\n      threshold: 5\n      backoff: 2s\n",
        quoted(url),
        quoted(&format!("Bearer {secret}")),
    )
}

/// Runs `dockpass keys …`, whether servers run or not. Returns the lines to print.
pub async fn run_keys(
    command: &KeysCommand,
    db: &Db,
    config: &Config,
    now: Timestamp,
    rng: SystemRng,
) -> Result<String, String> {
    let KeysCommand::Rotate = command;
    let rotated = async {
        let encryptor = keys::load(db, &config.secret_key_file, now, rng).await?.encryptor;
        keys::rotate(db, &encryptor, now, rng).await
    };
    let generation = rotated.await.map_err(|error| error.to_string())?;
    Ok(format!(
        "signing key {generation} created: running servers sign with it within 10 seconds; registries need no change\n"
    ))
}

fn write(folder: &Path, keys: &Keys) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    fs::write(folder.join("bundle.pem"), &keys.root_pem)?;
    fs::write(folder.join("jwks.json"), keys.signing_keys.jwks())?;
    Ok(folder)
}

/// A YAML scalar in double quotes. JSON strings are valid YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
