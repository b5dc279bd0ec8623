//! Backups of the SQLite database: a copy while servers run, and the way back.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection, SqliteConnection};

use super::data_folder;
use super::database::DatabaseLocation;
use crate::config::Config;

/// Writes a consistent copy of the database to `file`, whether servers run or not. The copy does not include the secret
/// key file. Returns the sentence to print.
pub async fn back_up(config: &Config, file: &Path) -> Result<String, String> {
    let path = sqlite_path(config)?;
    // Created empty and private first, because others must not read the password hashes even while they are written.
    // VACUUM INTO accepts an empty file.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{} already exists: choose another file", file.display()),
        _ => format!("{} cannot be written: {error}", file.display()),
    })?;
    let failed = |error: sqlx::Error| format!("{} cannot be backed up: {error}", path.display());
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
    // VACUUM INTO copies one consistent state and does not block writers.
    sqlx::query("VACUUM INTO $1")
        .bind(file.display().to_string())
        .execute(&mut connection)
        .await
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    Ok(format!(
        "backup written to {}; keep a copy of the secret key file {} elsewhere: the backup is useless without it",
        file.display(),
        config.secret_key_file.display()
    ))
}

/// Replaces the database with a backup, while no server runs. The earlier database is kept as `….replaced-1` and so on.
/// Returns the sentence to print.
pub async fn restore(config: &Config, file: &Path) -> Result<String, String> {
    let path = sqlite_path(config)?;
    check_backup(file).await?;
    let _lock = data_folder::occupy_exclusively(config)?;
    let failed = |error: io::Error| format!("{} cannot be replaced: {error}", path.display());
    let draft = with_suffix(path, ".restoring");
    fs::copy(file, &draft)
        .and_then(|_| fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)))
        .and_then(|()| File::open(&draft)?.sync_all())
        .map_err(failed)?;
    let replaced = unused_name(path);
    // SQLite finds the write-ahead log by the database's name, so it is renamed too.
    for suffix in ["", "-wal", "-shm"] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&replaced, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::rename(&draft, path).map_err(failed)?;
    let mut sentence = format!("{} restored from {}", path.display(), file.display());
    if replaced.exists() {
        sentence += &format!("; the earlier database is {}", replaced.display());
    }
    if !config.secret_key_file.exists() {
        let key_file = config.secret_key_file.display();
        sentence += &format!("; copy the secret key file of the backed-up server to {key_file}");
    }
    Ok(sentence)
}

fn sqlite_path(config: &Config) -> Result<&Path, String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) => Ok(path),
        DatabaseLocation::Postgres(_) => {
            Err("the database is PostgreSQL: use pg_dump and pg_restore, and keep the secret key file".to_owned())
        }
    }
}

/// A second restore must not overwrite the database that the first one kept.
fn unused_name(path: &Path) -> PathBuf {
    let mut names = (1..).map(|number| with_suffix(path, &format!(".replaced-{number}")));
    names.find(|name| !name.exists()).unwrap_or_else(|| with_suffix(path, ".replaced"))
}

async fn check_backup(file: &Path) -> Result<(), String> {
    let refuse = |error: sqlx::Error| format!("{} is not a Dockpass backup: {error}", file.display());
    let options = SqliteConnectOptions::new().filename(file).read_only(true).journal_mode(SqliteJournalMode::Delete);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(refuse)?;
    sqlx::query("SELECT id FROM account LIMIT 1").execute(&mut connection).await.map_err(refuse)?;
    let (result,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.map_err(refuse)?;
    if result == "ok" { Ok(()) } else { Err(format!("{} is damaged: {result}", file.display())) }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
