//! A data folder that cannot be written, as in a container that is given a home to read.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    server::Server,
    workstation::{PROGRAM, Said, Workstation},
};

/// Someone who may not write where the permissions say so, as root may.
fn ask(workstation: &Workstation, verb: &str, input: &str) -> Said {
    let is_root = fs::metadata(workstation.home.path()).unwrap().uid() == 0;
    let without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", &PROGRAM];
    let words = if is_root { &without[..] } else { &without[3..] };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(verb).env_clear().env("HOME", workstation.home.path()).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap().into()
}

fn secret(said: Said) -> String {
    let said: Value = serde_json::from_str(&said.done()).unwrap();
    said["Secret"].as_str().unwrap().to_owned()
}

/// Signed in, with a token that is due.
fn due(server: &Server) -> Workstation {
    let workstation = Workstation::new();
    workstation.login(&server.host());
    workstation.ages(&server.host());
    workstation
}

#[test]
fn what_is_kept_is_given_and_listed_and_nothing_is_renewed() {
    let server = Server::start();
    let workstation = due(&server);
    workstation.keeps_read_only(true);
    assert_eq!(secret(ask(&workstation, "get", &server.host())), "dp_dev_1");
    let hosts: Value = serde_json::from_str(&ask(&workstation, "list", "").done()).unwrap();
    assert_eq!(hosts, json!({ server.host(): "alice" }));
    assert_eq!(server.refreshes(), 0);
    let refused = ask(&workstation, "erase", &server.host()).failed();
    assert!(refused.contains("/lock cannot be opened: Permission denied"), "{refused}");
    assert!(server.revoked().is_empty(), "what is not forgotten here is not ended there");
    workstation.keeps_read_only(false);
    assert_eq!(secret(ask(&workstation, "get", &server.host())), "dp_dev_2");
}

#[test]
fn a_lock_that_cannot_be_had_is_as_good_as_a_read_only_folder() {
    let server = Server::start();
    let workstation = due(&server);
    let lock = workstation.file().with_file_name("lock");
    fs::remove_file(&lock).unwrap();
    // Nothing that can be locked for writing.
    fs::create_dir(&lock).unwrap();
    assert_eq!(secret(ask(&workstation, "get", &server.host())), "dp_dev_1");
    assert_eq!((workstation.list(), server.refreshes()), (json!({ server.host(): "alice" }), 0));
}
