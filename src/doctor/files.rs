//! Who can read the server's files.

use super::Report;
use crate::config::Config;
use crate::platform::data_folder;

/// Checks the modes of the database and of the files that hold secrets.
pub fn check_modes(config: &Config, report: &mut Report) {
    const CHECK: &str = "file modes";
    let open = data_folder::too_open(config);
    for (path, mode) in &open {
        let path = path.display();
        report.wrong(
            CHECK,
            format_args!("other users of this machine can use {path} (mode {mode:04o}): chmod 600 {path}"),
        );
    }
    if open.is_empty() {
        report.ok(CHECK, "other users of this machine cannot use the database and the secrets");
    }
}
