//! Private files, and files that are replaced in one step.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Error;

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

/// Creates a folder that only its owner can enter, and the missing ones above it.
pub fn create_private_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).map_err(|error| Error::file(folder, "created", &error))
}

/// Waits until no other process of this program writes in a folder; dropping the file ends the lock.
pub fn lock(folder: &Path) -> Result<File, Error> {
    create_private_folder(folder)?;
    let path = folder.join("lock");
    let mut options = private_options();
    let file = options.read(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| Error::file(&path, "opened", &error))?;
    file.lock().map_err(|error| Error::file(&path, "locked", &error))?;
    Ok(file)
}

/// Writes a file that must not exist yet; without permissions only its owner can read it.
pub fn create_new(path: &Path, content: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = private_options().create_new(true).open(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.sync_all()
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    options.mode(0o600);
    options
}

/// A new file that takes the place of another in one step: readers see the old content or the new one.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates the new file beside its place; without permissions only its owner can read it.
    pub fn create(path: &Path, permissions: Option<Permissions>) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = format!(".{}.dockpass", path.file_name().unwrap_or_default().to_string_lossy());
        // A process that was killed leaves its file, with the secrets in it: the name is fixed, so that it is removed.
        match fs::remove_file(folder.join(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempfile_in(folder)?;
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        Ok(Self { file, path: path.to_owned() })
    }

    /// Takes space, so that [`Self::commit`] does not fail on a full disk.
    pub fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        io::copy(&mut io::repeat(b' ').take(bytes), &mut self.file).map(drop)
    }

    /// Writes the content and moves the file to its place.
    pub fn commit(mut self, content: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(content)?;
        let position = self.file.stream_position()?;
        self.file.as_file().set_len(position)?;
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path)?;
        Ok(())
    }
}

pub fn read_if_exists(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a symbolic link leads; unlike `canonicalize`, also where no file exists there yet.
pub fn follow_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_in_one_step_with_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        AtomicFile::create(&path, None).unwrap().commit(b"one").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), 0o600));
        // Left by a process that was killed.
        fs::write(folder.path().join(".file.dockpass"), "half").unwrap();
        let mut file = AtomicFile::create(&path, Some(Permissions::from_mode(0o640))).unwrap();
        file.reserve(10_000).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        file.commit(b"two").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"two".to_vec(), 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
