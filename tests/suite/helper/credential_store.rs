//! The stored credentials: foreign files, read-only folders and many processes at once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::{PROGRAM, ProgramOutput, Workstation, finish_all};

#[test]
fn a_foreign_file_is_a_sentence_for_every_command_and_stays() {
    let workstation = Workstation::new();
    fs::create_dir_all(workstation.file().parent().unwrap()).unwrap();
    for foreign in [
        "",
        "[]",
        "dp_dev_secret",
        "{\"version\":1,\"dp_dev_secret\"",
        "{\"version\":\"dp_dev_secret\"}",
        "{\"version\":9,\"storage\":\"file\",\"entries\":{}}",
    ] {
        fs::write(workstation.file(), foreign).unwrap();
        let store = "{\"ServerURL\":\"hub\",\"Username\":\"alice\",\"Secret\":\"x\"}";
        for (command, input) in [("get", "hub"), ("erase", "hub"), ("list", ""), ("store", store)] {
            let said = workstation.call(command, input);
            // docker shows only standard error of a failed get.
            let on_stderr =
                if command == "get" { format!("docker-credential-dockpass: {}", said.stdout) } else { "".into() };
            assert_eq!(said.stderr, on_stderr);
            let sentence = said.fail();
            assert!(sentence.ends_with("move it away and sign in again"), "{sentence}");
            assert!(!sentence.contains("dp_dev"));
        }
        assert_eq!(fs::read_to_string(workstation.file()).unwrap(), foreign);
    }
}

/// Calls a command without root's right to ignore permissions.
fn call_unprivileged(workstation: &Workstation, command: &str, input: &str) -> ProgramOutput {
    let is_root = fs::metadata(workstation.home.path()).unwrap().uid() == 0;
    let without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", &PROGRAM];
    let words = if is_root { &without[..] } else { &without[3..] };
    let mut process = Command::new(words[0]);
    process
        .args(&words[1..])
        .arg(command)
        .env_clear()
        .env("HOME", workstation.home.path())
        .env("PATH", "/usr/bin:/bin");
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    process.wait_with_output().unwrap().into()
}

fn secret(said: ProgramOutput) -> String {
    let said: Value = serde_json::from_str(&said.succeed()).unwrap();
    said["Secret"].as_str().unwrap().to_owned()
}

/// A workstation that is signed in with a token that is due.
fn with_due_token(server: &FakeServer) -> Workstation {
    let workstation = Workstation::new();
    workstation.sign_in(server);
    workstation.make_due(&server.host());
    workstation
}

#[test]
fn a_read_only_folder_is_read_and_nothing_is_refreshed() {
    let server = FakeServer::start();
    let workstation = with_due_token(&server);
    workstation.set_read_only(true);
    assert_eq!(secret(call_unprivileged(&workstation, "get", &server.host())), "dp_dev_1");
    let hosts: Value = serde_json::from_str(&call_unprivileged(&workstation, "list", "").succeed()).unwrap();
    assert_eq!(hosts, json!({ server.host(): "alice" }));
    assert_eq!(server.refreshes(), 0);
    let refused = call_unprivileged(&workstation, "erase", &server.host()).fail();
    assert!(refused.contains("/lock cannot be opened: Permission denied"), "{refused}");
    assert!(server.revoked().is_empty(), "what is not removed here is not revoked");
    workstation.set_read_only(false);
    assert_eq!(secret(call_unprivileged(&workstation, "get", &server.host())), "dp_dev_2");
}

#[test]
fn without_a_lock_the_folder_is_treated_as_read_only() {
    let server = FakeServer::start();
    let workstation = with_due_token(&server);
    let lock = workstation.file().with_file_name("lock");
    fs::remove_file(&lock).unwrap();
    // A folder cannot be opened for writing.
    fs::create_dir(&lock).unwrap();
    assert_eq!(secret(call_unprivileged(&workstation, "get", &server.host())), "dp_dev_1");
    assert_eq!((workstation.list(), server.refreshes()), (json!({ server.host(): "alice" }), 0));
}

#[test]
fn of_many_processes_that_find_a_token_due_one_refreshes_it() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.sign_in(&server);
    workstation.make_due(&host);
    server.configure(|script| script.refresh_delay = Duration::from_millis(300));
    let processes = (0..12).map(|_| workstation.start("get", host.as_bytes())).collect();
    for output in finish_all(processes) {
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["Secret"], "dp_dev_2");
    }
    assert_eq!(server.refreshes(), 1);
}

#[test]
fn many_processes_that_write_lose_nothing() {
    let workstation = Workstation::new();
    let hosts: Vec<String> = (0..24).map(|n| format!("hub{n}.example.com")).collect();
    let store = |host: &String| {
        let input = json!({ "ServerURL": host, "Username": "alice", "Secret": format!("dp_pat_{host}") });
        workstation.start("store", input.to_string().as_bytes())
    };
    assert!(finish_all(hosts.iter().map(store).collect()).iter().all(|output| output.status.success()));
    assert_eq!(workstation.list().as_object().unwrap().len(), hosts.len());
    // Some are erased, some are stored again, and some are read at the same time.
    let (erased, kept) = hosts.split_at(8);
    let erase = erased.iter().map(|host| workstation.start("erase", host.as_bytes()));
    let again = kept.iter().map(store);
    let get = kept.iter().map(|host| workstation.start("get", host.as_bytes()));
    let all: Vec<Child> = erase.chain(again).chain(get).collect();
    for output in finish_all(all) {
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(workstation.list().as_object().unwrap().keys().collect::<Vec<_>>().len(), kept.len());
    for host in kept {
        assert_eq!(workstation.get(host).1, format!("dp_pat_{host}"));
    }
}
