//! Backups of the SQLite database: a copy while servers run, and the way back.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dockpass_core::timestamp::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::data_folder::{self, newest_kept, with_suffix};
use super::database::{DatabaseLocation, is_damage};
use crate::config::Config;

const LOGS: [&str; 2] = ["-wal", "-shm"];

/// Writes a consistent copy of the database to `file`, whether servers run or not, and replaces an earlier one at once. The
/// copy does not include the secret key file. Returns the sentence to print; errors are sentences too.
pub async fn back_up(config: &Config, file: &Path) -> Result<String, String> {
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
    data_folder::replace(&draft, file).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    Ok(format!(
        "backup written to {}; keep a copy of the secret key file {} elsewhere: the backup is useless without it",
        file.display(),
        config.secret_key_file.display()
    ))
}

/// Writes a backup that is named by the time into `folder`, then deletes the oldest such files until `most` are left.
pub async fn back_up_into(config: &Config, folder: &Path, most: usize, now: Timestamp) -> Result<String, String> {
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    data_folder::create_folder(folder).map_err(failed)?;
    let time = now.rfc3339().replace(['-', ':', 'Z'], "");
    let name = format!("dockpass-{time}.{:03}Z.db", now.millis().rem_euclid(1000));
    let sentence = back_up(config, &folder.join(&name)).await?;
    let entries = fs::read_dir(folder).map_err(failed)?.flatten();
    let mut earlier: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    earlier.retain(|other| is_named_by_time(other) && *other != name);
    earlier.sort_unstable();
    let surplus = (earlier.len() + 1).saturating_sub(most);
    earlier.iter().take(surplus).try_for_each(|old| fs::remove_file(folder.join(old))).map_err(failed)?;
    Ok(sentence)
}

fn is_named_by_time(name: &str) -> bool {
    let time = name.strip_prefix("dockpass-").and_then(|rest| rest.strip_suffix("Z.db"));
    time.is_some_and(|time| time.len() == 19 && time.bytes().all(|byte| byte.is_ascii_digit() || b"T.".contains(&byte)))
}

/// Asks at a terminal whether to go on. A script is not asked.
pub fn confirm_restore(config: &Config) -> Result<(), String> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    eprint!("Replace {} with the backup? [y/N] ", sqlite_path(config)?.display());
    let mut answer = String::new();
    let is_read = io::stdin().read_line(&mut answer).is_ok();
    if is_read && answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err("nothing was changed".to_owned()) }
}

/// Replaces the database with a backup, while no server runs. The earlier database is kept as `….replaced-1` and so on. At
/// every moment one of the two is at the database's path. Returns the sentence to print; errors are sentences too.
pub async fn restore(config: &Config, file: &Path) -> Result<String, String> {
    let path = sqlite_path(config)?;
    check_backup(file).await?;
    let _lock = data_folder::occupy_exclusively(config)?;
    let draft = with_suffix(path, ".restoring");
    let _draft_lock = copy(file, closed_database(file), &draft).await?;
    let failed = |error: io::Error| format!("{} cannot be replaced: {error}", path.display());
    let kept = match path.exists() {
        true => Some(keep(path).await?),
        false => put_lost_log_away(path).map(|()| None).map_err(failed)?,
    };
    data_folder::replace(&draft, path).map_err(failed)?;
    let mut sentence = format!("{} restored from {}", path.display(), file.display());
    if let Some(kept) = kept {
        sentence += &format!("; the earlier database is {}", kept.display());
    }
    if !config.secret_key_file.exists() {
        let key_file = config.secret_key_file.display();
        sentence += &format!("; copy the secret key file of the backed-up server to {key_file}");
    }
    Ok(sentence)
}

/// Gives the database a second name, and leaves no log beside it: SQLite finds a log by the database's name, and would read
/// it into the restored database.
async fn keep(path: &Path) -> Result<PathBuf, String> {
    let kept = with_suffix(path, &format!(".replaced-{}", newest_kept(path).map_or(1, |(number, _)| number + 1)));
    let failed = |error: io::Error| format!("{} cannot be kept as {}: {error}", path.display(), kept.display());
    let copy_file = |suffix: &str| {
        let copy = with_suffix(&kept, suffix);
        fs::copy(with_suffix(path, suffix), &copy)?;
        fs::set_permissions(&copy, Permissions::from_mode(0o600))?;
        File::open(copy)?.sync_all()
    };
    match fold_log(path).await {
        // Some file systems have no hard links.
        Ok(()) => fs::hard_link(path, &kept).or_else(|_| copy_file("")).map_err(failed)?,
        Err(error) if is_damage(&error) => {
            copy_file("").map_err(failed)?;
            for suffix in LOGS.into_iter().filter(|suffix| with_suffix(path, suffix).exists()) {
                copy_file(suffix).and_then(|()| fs::remove_file(with_suffix(path, suffix))).map_err(failed)?;
            }
        }
        Err(error) => return Err(format!("{} cannot be replaced: {error}", path.display())),
    }
    Ok(kept)
}

/// Writes the log back into the database's file and deletes it.
async fn fold_log(path: &Path) -> sqlx::Result<()> {
    let options = SqliteConnectOptions::new().filename(path);
    // A connection that may write deletes the log of a damaged database when it is closed.
    let mut reader = SqliteConnection::connect_with(&options.clone().read_only(true)).await?;
    sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&mut reader).await?;
    reader.close().await?;
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await?;
    connection.close().await?;
    if mode == "delete" { Ok(()) } else { Err(sqlx::Error::Protocol("another program uses it".to_owned())) }
}

/// Earlier versions renamed the database before its log. Killed in between, they left the log to the next database.
fn put_lost_log_away(path: &Path) -> io::Result<()> {
    let owner = newest_kept(path).map_or_else(|| with_suffix(path, ".lost"), |(_, kept)| kept);
    let mut lost = LOGS.into_iter().filter(|suffix| with_suffix(path, suffix).exists());
    lost.try_for_each(|suffix| fs::rename(with_suffix(path, suffix), with_suffix(&owner, suffix)))
}

fn sqlite_path(config: &Config) -> Result<&Path, String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) => Ok(path),
        DatabaseLocation::Postgres(_) => {
            Err("the database is PostgreSQL: use pg_dump and pg_restore, and keep the secret key file".to_owned())
        }
    }
}

/// Writes one consistent state of a database into a draft, which is locked until the file is dropped.
async fn copy(database: &Path, options: SqliteConnectOptions, draft: &Path) -> Result<File, String> {
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
fn closed_database(file: &Path) -> SqliteConnectOptions {
    let has_log = ["-wal", "-journal"].iter().any(|suffix| with_suffix(file, suffix).exists());
    SqliteConnectOptions::new().filename(file).immutable(!has_log)
}

async fn check_backup(file: &Path) -> Result<(), String> {
    let refuse = |error: sqlx::Error| format!("{} is not a Dockpass backup: {error}", file.display());
    let mut connection =
        SqliteConnection::connect_with(&closed_database(file).read_only(true)).await.map_err(refuse)?;
    sqlx::query("SELECT id FROM account LIMIT 1").execute(&mut connection).await.map_err(refuse)?;
    let (result,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.map_err(refuse)?;
    if result == "ok" { Ok(()) } else { Err(format!("{} is damaged: {result}", file.display())) }
}
