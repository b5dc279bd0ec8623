//! A live copy of the SQLite database, and back.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::database::DatabaseLocation;
use crate::config::Config;

/// Held shared by every server and exclusively by `restore`, so that no database is replaced under a server.
const LOCK_FILE: &str = "dockpass.lock";

/// Takes the data folder for a server's life.
///
/// # Errors
/// When the folder cannot be made or locked, or is being restored.
pub fn occupy(config: &Config) -> Result<File, String> {
    make_data_folder(&config.data).map_err(|error| format!("{}: {error}", config.data.display()))?;
    let lock = lock_file(config).map_err(|error| format!("{}: {error}", config.data.display()))?;
    lock.try_lock_shared().map_err(|_| format!("{} is being restored: wait for it", config.data.display()))?;
    Ok(lock)
}

/// For commands that read: a wrong `--data` must not make an empty database and answer from it.
///
/// # Errors
/// A sentence that names the file that is not there.
pub fn must_exist(config: &Config) -> Result<(), String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) if !path.exists() => Err(format!(
            "there is no database {}: give the server's --data or --database-url (it is made when the server first starts)",
            path.display()
        )),
        _ => Ok(()),
    }
}

/// Makes the data folder, readable by its owner alone.
fn make_data_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn lock_file(config: &Config) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(config.data.join(LOCK_FILE))
}

fn database(config: &Config) -> Result<&Path, String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) => Ok(path),
        DatabaseLocation::Postgres(_) => {
            Err("the database is PostgreSQL: use pg_dump and pg_restore, and keep the secret key file".to_owned())
        }
    }
}

/// Writes a whole and consistent copy to `file`, while servers run or not. The secret key file is not in it.
///
/// # Errors
/// A sentence that says what is in the way.
pub async fn back_up(config: &Config, file: &Path) -> Result<String, String> {
    let path = database(config)?;
    // Made empty and private first: password hashes must not stand in a file that others may read, not even while it
    // is written. VACUUM INTO takes an empty file.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{} is there already: name another file", file.display()),
        _ => format!("{} cannot be written: {error}", file.display()),
    })?;
    let failed = |error: sqlx::Error| format!("{} cannot be backed up: {error}", path.display());
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
    // VACUUM INTO writes one consistent state and leaves the source alone, writers included.
    sqlx::query("VACUUM INTO $1")
        .bind(file.display().to_string())
        .execute(&mut connection)
        .await
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    Ok(format!(
        "{} written; keep the secret key file {} elsewhere: without it the backup opens nothing",
        file.display(),
        config.secret_key_file.display()
    ))
}

/// Puts a backup in the database's place, while no server runs. What was there stays beside it with `.replaced-1` and so on.
///
/// # Errors
/// A sentence that says what is in the way; then nothing was changed.
pub async fn restore(config: &Config, file: &Path) -> Result<String, String> {
    let path = database(config)?;
    check(file).await?;
    make_data_folder(&config.data).map_err(|error| format!("{}: {error}", config.data.display()))?;
    let lock = lock_file(config).map_err(|error| format!("{}: {error}", config.data.display()))?;
    lock.try_lock().map_err(|_| "a server is running on this data folder: stop it first".to_owned())?;
    let failed = |error: io::Error| format!("{} cannot be replaced: {error}", path.display());
    let draft = beside(path, ".restoring");
    fs::copy(file, &draft)
        .and_then(|_| restrict(&draft))
        .and_then(|()| File::open(&draft)?.sync_all())
        .map_err(failed)?;
    let kept = kept_name(path);
    for suffix in ["", "-wal", "-shm"] {
        match fs::rename(beside(path, suffix), beside(&kept, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::rename(&draft, path).map_err(failed)?;
    let mut said = format!("{} restored from {}", path.display(), file.display());
    if kept.exists() {
        said += &format!("; what was there is {}", kept.display());
    }
    if !config.secret_key_file.exists() {
        said += &format!("; put the secret key file of the backed-up server at {}", config.secret_key_file.display());
    }
    Ok(said)
}

/// A name beside the database that nothing has yet: a second restore must not replace what the first one kept. The
/// write-ahead log goes with it under the name that SQLite looks for.
fn kept_name(path: &Path) -> PathBuf {
    let mut names = (1..).map(|number| beside(path, &format!(".replaced-{number}")));
    names.find(|name| !name.exists()).unwrap_or_else(|| beside(path, ".replaced"))
}

async fn check(file: &Path) -> Result<(), String> {
    let refuse = |error: sqlx::Error| format!("{} is no backup of Dockpass: {error}", file.display());
    let options = SqliteConnectOptions::new().filename(file).read_only(true).journal_mode(SqliteJournalMode::Delete);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(refuse)?;
    sqlx::query("SELECT id FROM account LIMIT 1").execute(&mut connection).await.map_err(refuse)?;
    let (said,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.map_err(refuse)?;
    if said == "ok" { Ok(()) } else { Err(format!("{} is damaged: {said}", file.display())) }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn restrict(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}
