//! Backups of the SQLite database: copies while servers run, which are opened and checked before they count.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::{fmt, io};

use dockpass_core::timestamp::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::data_folder::{self, with_suffix};
use super::database::DatabaseLocation;
use super::migrations;
use crate::config::Config;

/// Writes a consistent copy of the database to `file`, whether servers run or not, and verifies it before it replaces an
/// earlier one at once. The copy does not include the secret key file. Returns the sentence to print; errors are sentences too.
pub async fn back_up(config: &Config, file: &Path, now: Timestamp) -> Result<String, String> {
    let path = sqlite_path(config)?;
    // A link stays a link, and the database cannot be replaced by its own backup.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if fs::canonicalize(path).is_ok_and(|path| path == *file) {
        return Err(format!("{} is the database itself: choose another file", file.display()));
    }
    if file.is_dir() {
        return Err(format!("{} is a folder: name a file in it, or give --keep", file.display()));
    }
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(format!("{} is not a file: a backup can only replace a file", file.display()));
    }
    let draft = with_suffix(file, ".writing");
    let _lock = copy(path, SqliteConnectOptions::new().filename(path), &draft).await?;
    let verified = verify(&draft).await.map_err(|reason| {
        let _ = fs::remove_file(&draft);
        format!("{} cannot be backed up: its copy {reason}", path.display())
    });
    let contents = verified?;
    data_folder::replace(&draft, file).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    if let Err(error) = note_backup(config, path, now).await {
        tracing::warn!(
            "the backup is complete, but the database could not be told, so the step “Back up the database” stays: {error}"
        );
    }
    Ok(format!(
        "backup written to {} and verified: {contents}. It does not contain the secret key file {}: keep a copy of that \
         elsewhere, because the backup is useless without it",
        file.display(),
        config.secret_key_file.display()
    ))
}

/// Tells the server when the last backup was made. From now on, one that is too old is said again, even if the step was
/// dismissed.
async fn note_backup(config: &Config, database: &Path, now: Timestamp) -> Result<(), String> {
    // No restore may replace the database meanwhile.
    let _lock = data_folder::occupy(config)?;
    let noted = async {
        let options = SqliteConnectOptions::new().filename(database);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let sql = "INSERT INTO setup_step (name, done_at) VALUES ('backup', $1)
                   ON CONFLICT (name) DO UPDATE SET done_at = $1, dismissed_at = NULL";
        let noted = sqlx::query(sql).bind(now.millis()).execute(&mut connection).await;
        connection.close().await?;
        noted
    };
    noted.await.map(|_| ()).map_err(|error: sqlx::Error| error.to_string())
}

/// Writes a backup that is named by the time into `folder`, then deletes the oldest such files until `most` are left. If the
/// copy cannot be written or verified, nothing is deleted. On PostgreSQL it only says so, because timers run it there too.
pub async fn back_up_into(config: &Config, folder: &Path, most: usize, now: Timestamp) -> Result<String, String> {
    if let Err(sentence) = sqlite_path(config) {
        return Ok(format!("no backup was made, because {sentence}"));
    }
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    data_folder::create_folder(folder).map_err(failed)?;
    let time = now.rfc3339().replace(['-', ':', 'Z'], "");
    let name = format!("dockpass-{time}.{:03}Z.db", now.millis().rem_euclid(1000));
    let sentence = back_up(config, &folder.join(&name), now).await?;
    let entries = fs::read_dir(folder).map_err(failed)?.flatten();
    let mut earlier: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    earlier.retain(|other| is_named_by_time(other) && *other != name);
    earlier.sort_unstable();
    let surplus = (earlier.len() + 1).saturating_sub(most);
    earlier.iter().take(surplus).try_for_each(|old| fs::remove_file(folder.join(old))).map_err(failed)?;
    let kept = earlier.len() + 1 - surplus;
    let backups = if kept == 1 { "1 backup".to_owned() } else { format!("{kept} backups") };
    Ok(format!("{sentence}. {} holds {backups}, at most {most}", folder.display()))
}

fn is_named_by_time(name: &str) -> bool {
    let time = name.strip_prefix("dockpass-").and_then(|rest| rest.strip_suffix("Z.db"));
    time.is_some_and(|time| time.len() == 19 && time.bytes().all(|byte| byte.is_ascii_digit() || b"T.".contains(&byte)))
}

pub(super) fn sqlite_path(config: &Config) -> Result<&Path, String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) => Ok(path),
        DatabaseLocation::Postgres(_) => {
            Err("the database is PostgreSQL: use pg_dump and pg_restore, and keep the secret key file".to_owned())
        }
    }
}

/// Writes one consistent state of a database into a draft, which is locked until the file is dropped.
pub(super) async fn copy(database: &Path, options: SqliteConnectOptions, draft: &Path) -> Result<File, String> {
    let unwritable = |error: &dyn std::fmt::Display| format!("{} cannot be written: {error}", draft.display());
    let failed = |error: sqlx::Error| format!("{} cannot be backed up: {error}", database.display());
    let mut connection = SqliteConnection::connect_with(&options.read_only(true)).await.map_err(failed)?;
    let file = create_draft(draft).map_err(|error| unwritable(&error))?;
    // VACUUM INTO takes an empty file, and does not block writers.
    let query = sqlx::query("VACUUM INTO $1").bind(draft.display().to_string());
    let copied = query.execute(&mut connection).await.map_err(|error| unwritable(&error));
    let synced = copied.and_then(|_| file.sync_all().map_err(|error| unwritable(&error)));
    if synced.is_err() {
        let _ = fs::remove_file(draft);
    }
    synced.map(|()| file)
}

/// An empty file that only this user can read, even while it is written. A draft that a killed process left is used again.
fn create_draft(path: &Path) -> io::Result<File> {
    let busy = || io::Error::other("another process writes it");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.try_lock().map_err(|_| busy())?;
    // That process may have renamed its draft since it was opened here.
    if fs::metadata(path)?.ino() != file.metadata()?.ino() {
        return Err(busy());
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

/// A file that no server uses: a backup, or a copy of a stopped server's database. SQLite would create a log beside such a
/// copy, and the folder may be read-only.
pub(super) fn closed_database(file: &Path) -> SqliteConnectOptions {
    let has_log = ["-wal", "-journal"].iter().any(|suffix| with_suffix(file, suffix).exists());
    SqliteConnectOptions::new().filename(file).immutable(!has_log)
}

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DatabaseContents {
    accounts: i64,
    tokens: i64,
}

impl DatabaseContents {
    pub async fn count(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let sql = "SELECT (SELECT COUNT(*) FROM account), (SELECT COUNT(*) FROM token)";
        let (accounts, tokens) = sqlx::query_as(sql).fetch_one(connection).await?;
        Ok(Self { accounts, tokens })
    }
}

impl fmt::Display for DatabaseContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = |number: i64| if number == 1 { "" } else { "s" };
        let Self { accounts, tokens } = *self;
        write!(f, "{accounts} account{} and {tokens} token{}", ending(accounts), ending(tokens))
    }
}

/// Opens a copy and checks that it is whole and has all tables. The error is the part of a sentence after the file's name.
pub(super) async fn verify(file: &Path) -> Result<DatabaseContents, String> {
    let refuse = |error: sqlx::Error| format!("is not a Dockpass backup: {error}");
    let options = closed_database(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(refuse)?;
    let missing = migrations::missing_tables(&mut connection).await.map_err(refuse)?;
    if !missing.is_empty() {
        return Err(format!("is incomplete: it has no table {}", missing.join(", ")));
    }
    let (result,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.map_err(refuse)?;
    if result != "ok" {
        return Err(format!("is damaged: {result}"));
    }
    DatabaseContents::count(&mut connection).await.map_err(refuse)
}
