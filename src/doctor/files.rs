//! Who can read the server's files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Report;
use crate::config::Config;
use crate::platform::database::DatabaseLocation;

/// Checks the modes of the database, the secret key file and the file of `--events-secret-file`.
pub fn check_modes(config: &Config, report: &mut Report) {
    const CHECK: &str = "file modes";
    let mut files = vec![config.secret_key_file.as_path()];
    if let DatabaseLocation::Sqlite(path) = &config.database {
        files.push(path);
    }
    files.extend(config.events_secret_file.as_deref());
    let mut is_right = true;
    for file in files {
        if let Some(mode) = open_mode(file) {
            is_right = false;
            let path = file.display();
            report.wrong(
                CHECK,
                format_args!("every user of this machine can use {path} (mode {mode:04o}): chmod 600 {path}"),
            );
        }
    }
    if is_right {
        report.ok(CHECK, "other users of this machine cannot use the database and the secrets");
    }
}

/// The mode of a file that everyone can use; `None` for a file that is missing or protected, by itself or by its folder.
fn open_mode(file: &Path) -> Option<u32> {
    let mode = |path: &Path| fs::metadata(path).map(|found| found.permissions().mode() & 0o7777).ok();
    let own = mode(file).filter(|own| own & 0o007 != 0)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    mode(folder).is_none_or(|folder| folder & 0o001 != 0).then_some(own)
}
