//! Restores the SQLite database from a backup.

use std::fs::{self, File, Permissions};
use std::io::{self, IsTerminal, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dockpass_core::timestamp::Timestamp;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use time::OffsetDateTime;

use super::backup::{DatabaseContents, closed_database, copy, sqlite_path, verify};
use super::data_folder::{self, newest_kept, with_suffix};
use super::database::is_damage;
use crate::config::Config;

const LOGS: [&str; 2] = ["-wal", "-shm"];

/// Replaces the database with a backup, while no server runs, after it has said what it replaces. At a terminal it can ask; a
/// script is not asked, because nothing is lost. The earlier database is kept as `….replaced-1` and so on. At
/// every moment one of the two is at the database's path. Returns the sentence to print; errors are sentences too.
pub async fn restore(config: &Config, file: &Path, is_asking: bool) -> Result<String, String> {
    let path = sqlite_path(config)?;
    let contents = verify(file).await.map_err(|reason| format!("{} {reason}", file.display()))?;
    let _lock = data_folder::occupy_exclusively(config)?;
    if path.exists() {
        say(&format!(
            "This replaces {}, {}\nwith the backup {}, {}.\nThe replaced database is kept beside it as {}.\n",
            path.display(),
            described(path, contents_of(path).await),
            file.display(),
            described(file, Ok(contents)),
            next_kept(path).display(),
        ));
        if is_asking {
            confirm()?;
        }
    }
    let draft = with_suffix(path, ".restoring");
    let _draft_lock = copy(file, closed_database(file), &draft).await?;
    let failed = |error: io::Error| format!("{} cannot be replaced: {error}", path.display());
    let kept = match path.exists() {
        true => Some(keep(path).await?),
        false => move_leftover_log(path).map(|()| None).map_err(failed)?,
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

/// When a database was last written, and what it holds.
fn described(path: &Path, contents: sqlx::Result<DatabaseContents>) -> String {
    let written =
        ["", LOGS[0]].iter().filter_map(|suffix| fs::metadata(with_suffix(path, suffix)).ok()?.modified().ok());
    let at = Timestamp::from(OffsetDateTime::from(written.max().unwrap_or(SystemTime::UNIX_EPOCH))).rfc3339();
    match contents {
        Ok(contents) => format!("last written at {at}: {contents}"),
        Err(error) => format!("last written at {at}, whose content cannot be read ({error})"),
    }
}

/// Counts what the database holds. Only for reading: a connection that may write deletes the log of a damaged database.
async fn contents_of(path: &Path) -> sqlx::Result<DatabaseContents> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let contents = DatabaseContents::count(&mut connection).await;
    connection.close().await?;
    contents
}

/// Asks at a terminal whether to go on.
fn confirm() -> Result<(), String> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    say("Replace it? [y/N] ");
    let mut answer = String::new();
    let is_read = io::stdin().read_line(&mut answer).is_ok();
    if is_read && answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err("nothing was changed".to_owned()) }
}

fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn next_kept(path: &Path) -> PathBuf {
    with_suffix(path, &format!(".replaced-{}", newest_kept(path).map_or(1, |(number, _)| number + 1)))
}

/// Gives the database a second name, and leaves no log beside it: SQLite finds a log by the database's name, and would read
/// it into the restored database.
async fn keep(path: &Path) -> Result<PathBuf, String> {
    let kept = next_kept(path);
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
fn move_leftover_log(path: &Path) -> io::Result<()> {
    let owner = newest_kept(path).map_or_else(|| with_suffix(path, ".lost"), |(_, kept)| kept);
    let mut lost = LOGS.into_iter().filter(|suffix| with_suffix(path, suffix).exists());
    lost.try_for_each(|suffix| fs::rename(with_suffix(path, suffix), with_suffix(&owner, suffix)))
}
