//! Standard input, output and error.

use std::process::Stdio;

use serde_json::json;

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

#[test]
fn missing_input_is_named_in_dockers_words() {
    let workstation = Workstation::new();
    for command in ["get", "erase"] {
        for nothing in ["", "\n", "  "] {
            assert_eq!(workstation.call(command, nothing).fail(), "no credentials server URL");
        }
    }
    assert_eq!(workstation.store("", "alice", "x").fail(), "no credentials server URL");
    assert_eq!(workstation.store("hub", "", "x").fail(), "no credentials username");
    assert_eq!(workstation.call("store", "{}").fail(), "no credentials server URL");
}

#[test]
fn broken_input_is_refused_and_never_quoted() {
    let workstation = Workstation::new();
    for input in [
        "",
        "dp_pat_secret",
        "\"dp_pat_secret\"",
        "{\"ServerURL\":\"hub\",\"Username\":\"alice\",\"Secret\":[\"dp_pat_secret\"]}",
        "{\"ServerURL\":\"hub\",\"Username\":{\"dp_pat_secret\":1}}",
        "{\"ServerURL\":\"hub\",\"Username\":\"alice\",\"Secret\":\"dp_pat_secret",
    ] {
        assert_eq!(workstation.call("store", input).fail(), "the credentials on standard input are not JSON");
    }
    for command in ["get", "store", "erase"] {
        let said = |bytes: &[u8]| {
            let output = workstation.start(command, bytes).wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(said(b"\xff\xfe"), (Some(1), "standard input is not text\n".to_owned()));
        assert_eq!(said(&[b'x'; 100_000]), (Some(1), "standard input is too long\n".to_owned()));
    }
    assert!(!workstation.home.path().join(".local").exists());
}

#[test]
fn a_closed_standard_output_causes_no_panic() {
    let workstation = Workstation::new();
    workstation.store("hub", "alice", "x");
    for (arguments, input) in [(&["get"][..], "hub"), (&["list"], ""), (&["version"], ""), (&["--help"], "")] {
        let mut command = workstation.command(arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut process = command.stdin(Stdio::piped()).stdout(writer).spawn().unwrap();
        drop(command);
        let _ = std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.as_bytes());
        let output = process.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code().is_some() && !stderr.contains("panicked"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_closed_standard_error_does_not_fail_the_command() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    server.configure(|script| script.revoke_status = Some(503));
    for (name, input) in [
        ("store", json!({ "ServerURL": host, "Username": "alice", "Secret": "dp_dev_x" }).to_string()),
        ("erase", host.clone()),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = workstation.command(&[name]);
        let mut process = command.stdin(Stdio::piped()).stderr(writer).spawn().unwrap();
        drop(command);
        std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.as_bytes()).unwrap();
        assert_eq!(process.wait_with_output().unwrap().status.code(), Some(0), "{name}");
    }
    assert_eq!(server.revoked(), ["dp_dev_x"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let workstation = Workstation::new();
    let input = json!({ "ServerURL": "hub", "Username": "alice", "Secret": "dp_pat_x" });
    assert_eq!(workstation.call("store", &format!("\u{feff}{input}\r\n")).code, Some(0));
    let said = workstation.call("get", "\u{feff}hub\r\n").succeed();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said).unwrap(), input);
    let stored = std::fs::read_to_string(workstation.file()).unwrap();
    std::fs::write(workstation.file(), format!("\u{feff}{}\r\n", stored.replace('\n', "\r\n"))).unwrap();
    assert_eq!(workstation.get("hub").1, "dp_pat_x");
}
