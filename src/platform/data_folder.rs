//! The data folder: its lock, its files, and who can read them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::database::DatabaseLocation;
use crate::config::Config;

/// Servers share this lock. `dockpass restore` and `migrate-to` take it exclusively, so that they never replace or copy the
/// database of a running server.
const LOCK_FILE: &str = "dockpass.lock";

/// Creates the data folder if it is missing, takes the shared lock and closes the files to other users. Dropping the file
/// releases the lock. Errors are sentences.
pub fn occupy(config: &Config) -> Result<File, String> {
    let lock = open_lock(config)?;
    lock.try_lock_shared().map_err(|_| {
        format!("{} is being restored or copied to PostgreSQL: wait until that is done", config.data.display())
    })?;
    refuse_half_restored(config)?;
    close_to_others(config);
    Ok(lock)
}

/// Creates the data folder if it is missing, and takes the exclusive lock. Errors are sentences.
pub fn occupy_exclusively(config: &Config) -> Result<File, String> {
    let lock = open_lock(config)?;
    lock.try_lock().map_err(|_| "a server is running on this data folder: stop it first".to_owned())?;
    Ok(lock)
}

/// Checks that the SQLite database exists. Without this check a command with a wrong `--data` would create an empty
/// database and answer from it.
pub fn must_exist(config: &Config) -> Result<(), String> {
    refuse_half_restored(config)?;
    match &config.database {
        DatabaseLocation::Sqlite(path) if !path.exists() => {
            let folder = folder_of(path);
            let found = match folder.read_dir().map(|mut entries| entries.next().is_none()) {
                Ok(true) => "is empty",
                Ok(false) => "has other files, but no database",
                Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist",
                Err(_) => "cannot be read",
            };
            let advice = "give the server's --data or --database-url, or start the server once, which creates it";
            Err(format!(
                "there is no database {}, because the folder {} {found}: {advice}",
                path.display(),
                folder.display()
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses to begin with an empty database where a restore lost its way. Today's `restore` leaves a database at the path at
/// every moment, except in a folder that had none.
fn refuse_half_restored(config: &Config) -> Result<(), String> {
    let DatabaseLocation::Sqlite(path) = &config.database else { return Ok(()) };
    let (draft, kept) = (with_suffix(path, ".restoring"), newest_kept(path).map(|(_, kept)| kept));
    let found = kept.as_deref().or_else(|| draft.exists().then_some(draft.as_path()));
    let Some(found) = found.filter(|_| !path.exists()) else { return Ok(()) };
    let mut sentence = format!(
        "there is no database {}, but {} is beside it: a restore did not finish. Run `dockpass restore FILE` again",
        path.display(),
        found.display()
    );
    if let Some(kept) = kept {
        sentence += &format!(", or rename {} to {}", kept.display(), path.display());
        let log = with_suffix(&kept, "-wal");
        if log.exists() {
            sentence += &format!(" and {} to {}", log.display(), with_suffix(path, "-wal").display());
        }
    }
    Err(sentence + "; to begin with an empty database, move the files of the restore away")
}

/// The database that the latest restore replaced, and its number.
pub(super) fn newest_kept(path: &Path) -> Option<(u32, PathBuf)> {
    let begin = with_suffix(path.file_name()?.as_ref(), ".replaced-");
    let entries = fs::read_dir(folder_of(path)).ok()?.flatten();
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix(begin.to_str()?)?.parse().ok();
    let newest = entries.filter_map(number).max()?;
    Some((newest, with_suffix(path, &format!(".replaced-{newest}"))))
}

/// The files that other users can read or write, with their modes. A group may read the files of secrets, because they are
/// mounted into containers like that.
pub fn too_open(config: &Config) -> Vec<(PathBuf, u32)> {
    let mut files = vec![(config.secret_key_file.clone(), 0o027)];
    files.extend(config.events_secret_file.clone().map(|file| (file, 0o027)));
    if let DatabaseLocation::Sqlite(path) = &config.database {
        files.extend(["", "-wal", "-shm"].map(|suffix| (with_suffix(path, suffix), 0o077)));
        files.extend(newest_kept(path).map(|(_, kept)| (kept, 0o077)));
    }
    let is_open = |(path, forbidden): (PathBuf, u32)| {
        let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o777;
        (mode & forbidden != 0).then_some((path, mode))
    };
    files.into_iter().filter_map(is_open).collect()
}

fn close_to_others(config: &Config) {
    for (path, mode) in too_open(config) {
        let closed = fs::set_permissions(&path, Permissions::from_mode(0o600));
        let path = path.display();
        match closed {
            Ok(()) => tracing::warn!("{path} was open to other users (mode {mode:o}): its mode is 600 now"),
            Err(error) => tracing::warn!("{path} is open to other users (mode {mode:o}), and stays so: {error}"),
        }
    }
}

fn open_lock(config: &Config) -> Result<File, String> {
    let failed = |error: io::Error| format!("{}: {error}", config.data.display());
    create_folder(&config.data).map_err(failed)?;
    let path = config.data.join(LOCK_FILE);
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)
}

/// Creates a folder and those above it, for this user only.
pub fn create_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only this user can read, and replaces an earlier one at once.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = with_suffix(path, ".writing");
    // An earlier draft may be open to others.
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    replace(&draft, path)
}

/// Renames a file over another, and returns when a power cut cannot undo it.
pub(super) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    File::open(folder_of(to))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
