//! The data folder and its lock.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::database::DatabaseLocation;
use crate::config::Config;

/// Servers share this lock. `dockpass restore` takes it exclusively, so that it never replaces the database of a running
/// server.
const LOCK_FILE: &str = "dockpass.lock";

/// Creates the data folder if it is missing, and takes the shared lock. Dropping the file releases it.
pub fn occupy(config: &Config) -> Result<File, String> {
    let lock = open_lock(config)?;
    lock.try_lock_shared()
        .map_err(|_| format!("{} is being restored: wait until that is done", config.data.display()))?;
    Ok(lock)
}

/// Creates the data folder if it is missing, and takes the exclusive lock.
pub fn occupy_exclusively(config: &Config) -> Result<File, String> {
    let lock = open_lock(config)?;
    lock.try_lock().map_err(|_| "a server is running on this data folder: stop it first".to_owned())?;
    Ok(lock)
}

/// Checks that the SQLite database exists. Without this check a command with a wrong `--data` would create an empty
/// database and answer from it.
pub fn must_exist(config: &Config) -> Result<(), String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) if !path.exists() => Err(format!(
            "there is no database {}: give the server's --data or --database-url (the server creates it at its first start)",
            path.display()
        )),
        _ => Ok(()),
    }
}

fn open_lock(config: &Config) -> Result<File, String> {
    let failed = |error: io::Error| format!("{}: {error}", config.data.display());
    create_folder(&config.data).map_err(failed)?;
    let path = config.data.join(LOCK_FILE);
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)
}

fn create_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
