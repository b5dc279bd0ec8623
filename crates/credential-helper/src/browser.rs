//! Opens the person's browser, if this computer has a display.

use std::env;
use std::process::{Command, Stdio};

use url::Url;

/// Starts the system's opener; whether the browser opened cannot be known.
pub fn open(url: &Url) -> bool {
    let Some(program) = opener() else { return false };
    let mut command = Command::new(program);
    command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C ends this program's wait, not the browser.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().is_ok()
}

#[cfg(target_os = "macos")]
fn opener() -> Option<&'static str> {
    env::var_os("SSH_CONNECTION").is_none().then_some("open")
}

#[cfg(not(target_os = "macos"))]
fn opener() -> Option<&'static str> {
    let has = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    (has("DISPLAY") || has("WAYLAND_DISPLAY")).then_some("xdg-open")
}
