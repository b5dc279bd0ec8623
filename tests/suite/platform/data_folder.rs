//! Who can use the data folder, and read its files.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use dockpass::config::Config;
use dockpass::platform::data_folder::too_open;

use crate::harness::program::{Program, run};
use crate::harness::settings;

#[test]
fn the_files_are_private_in_a_folder_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let mut settings = settings(&data);
    settings.database_url = None;
    let config = Config::check(&settings).unwrap();
    let files = ["dockpass.db", "dockpass.db-wal", "dockpass.db-shm", "secret.key"].map(|name| data.join(name));
    let is_private = |file: &PathBuf| fs::metadata(file).unwrap().permissions().mode() & 0o777 == 0o600;

    let program = Program::start(&data, &[]);
    assert!(files.iter().all(is_private), "created private");
    assert_eq!(too_open(&config), []);
    // Killed, it leaves all four.
    drop(program);

    let open =
        |mode: u32| files.iter().for_each(|file| fs::set_permissions(file, Permissions::from_mode(mode)).unwrap());
    open(0o644);
    assert_eq!(too_open(&config).len(), 4);
    open(0o640);
    assert!(too_open(&config).iter().all(|(file, mode)| !file.ends_with("secret.key") && *mode == 0o640));
    open(0o644);
    let program = Program::start(&data, &[]);
    assert!(files.iter().all(is_private), "mended");
    let log = program.stop().log;
    assert_eq!(log.matches("was open to other users (mode 644): its mode is 600 now").count(), 4, "{log}");
}

#[test]
fn no_server_starts_while_the_folder_is_restored_or_copied() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Program::start(&data, &[]).stop();
    let lock = File::open(data.join("dockpass.lock")).unwrap();
    lock.lock().unwrap();
    let refused = run(&["--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("is being restored or copied to PostgreSQL: wait"), "{said}");
    drop(lock);
    Program::start(&data, &[]).stop();
}
