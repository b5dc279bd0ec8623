//! What a command of root leaves to the server's user. `packaging/test` tries the same with the Debian package.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::PASSWORD;
use crate::harness::program::{run, run_with_input};

/// Debian's nobody.
const OWNER: u32 = 65534;

/// A data folder of another user below a folder that everyone can enter; `None` if root does not run the tests.
fn foreign_folder() -> Option<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().unwrap();
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        println!("NOT RUN: only root can work as the owner of a data folder");
        return None;
    }
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(OWNER), Some(OWNER)).unwrap();
    Some((folder, data))
}

fn owner(path: &Path) -> (u32, u32) {
    let found = fs::metadata(path).unwrap();
    (found.uid(), found.gid())
}

#[test]
fn what_root_creates_in_the_data_folder_belongs_to_its_owner() {
    let Some((folder, data)) = foreign_folder() else { return };
    let data_argument = data.to_str().unwrap();
    let added = run_with_input(&["--data", data_argument, "account", "add", "alice", "--password-stdin"], PASSWORD);
    assert!(added.status.success(), "{added:?}");
    let listed = run(&["--data", data_argument, "account", "list"]);
    assert!(listed.status.success() && String::from_utf8_lossy(&listed.stdout).contains("alice"), "{listed:?}");
    let files: Vec<PathBuf> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(owner(&file), (OWNER, OWNER), "{}", file.display());
    }

    // Root keeps what it can do outside of the data folder, where it names a place for the registry's files.
    let private = folder.path().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o700)).unwrap();
    let out = private.join("registry");
    let registry = ["registry-config", "--registry-version", "2", "--out", out.to_str().unwrap()];
    let url = ["--public-url", "https://hub.example.com"];
    let written = run(&[&["--data", data_argument][..], &url, &registry].concat());
    assert!(written.status.success(), "{written:?}");
    assert_eq!(owner(&out.join("bundle.pem")), (0, 0));
    assert_eq!(owner(&data.join("secret.key")), (OWNER, OWNER));

    let backup = private.join("backup.db");
    let refused = run(&["--data", data_argument, "backup", backup.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("ermission denied") && said.contains("owner of the data folder, the user 65534"), "{said}");
}
