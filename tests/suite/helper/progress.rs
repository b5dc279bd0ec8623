//! What a person sees during the wait.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::helper::fake_server::{FakeServer, refusal};
use crate::helper::workstation::{PROGRAM, Workstation};

#[test]
fn an_unreachable_server_is_shown_instead_of_the_wait_for_an_approval() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.polls.extend([(502, json!("bad gateway")), refusal("authorization_pending")]));
    let said = workstation.login(&server.host());
    let shown: Vec<&str> =
        said.lines().filter_map(|line| line.strip_suffix(" left")?.rsplit_once(", ")).map(|(what, _)| what).collect();
    let waiting = "waiting for your approval";
    assert_eq!(shown, [waiting, "the server cannot be reached, trying again", waiting], "{said}");
}

#[test]
fn on_a_terminal_a_line_moves_during_the_pauses_and_the_polls() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.poll_delay = Duration::from_secs(2));
    let program = format!("{} login {}", *PROGRAM, server.host());
    // script provides the terminal.
    let mut command = Command::new("script");
    command.args(["-qec", &program, "/dev/null"]).env_clear().env("HOME", workstation.home.path()).env("TERM", "xterm");
    command.env("PATH", "/usr/bin:/bin").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    // The pause of one second has time for five or six frames, the poll for ten more.
    assert!(said.matches("waiting for your approval, ").count() >= 8, "{said:?}");
    assert!(said.contains("\r\u{1b}[2K/ waiting") && said.contains("\r\u{1b}[2K- waiting"), "{said:?}");
    assert!(said.contains("\r\u{1b}[2Ksigned in to"), "{said:?}");
}
