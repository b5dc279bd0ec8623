//! What comes in by mistake: every one is a sentence on standard output and exit 1, and no secret is in it.

use std::{fs, process::Stdio};

use serde_json::json;

use super::{server::Server, workstation::Workstation};

#[test]
fn what_is_missing_is_said_in_dockers_words() {
    let workstation = Workstation::new();
    for verb in ["get", "erase"] {
        for nothing in ["", "\n", "  "] {
            assert_eq!(workstation.ask(verb, nothing).failed(), "no credentials server URL");
        }
    }
    assert_eq!(workstation.store("", "alice", "x").failed(), "no credentials server URL");
    assert_eq!(workstation.store("hub", "", "x").failed(), "no credentials username");
    assert_eq!(workstation.ask("store", "{}").failed(), "no credentials server URL");
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
        assert_eq!(workstation.ask("store", input).failed(), "the credentials on standard input are not JSON");
    }
    for verb in ["get", "store", "erase"] {
        let said = |bytes: &[u8]| {
            let output = workstation.start(verb, bytes).wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(said(b"\xff\xfe"), (Some(1), "standard input is not text\n".to_owned()));
        assert_eq!(said(&[b'x'; 100_000]), (Some(1), "standard input is too long\n".to_owned()));
    }
    assert!(!workstation.home.path().join(".local").exists());
}

#[test]
fn a_broken_file_is_a_sentence_for_every_verb_and_stays() {
    let workstation = Workstation::new();
    fs::create_dir_all(workstation.file().parent().unwrap()).unwrap();
    for broken in ["", "{\"version\":1,\"dp_dev_secret\"", "{\"version\":9,\"storage\":\"file\",\"entries\":{}}"] {
        fs::write(workstation.file(), broken).unwrap();
        let store = "{\"ServerURL\":\"hub\",\"Username\":\"alice\",\"Secret\":\"x\"}";
        for (verb, input) in [("get", "hub"), ("erase", "hub"), ("list", ""), ("store", store)] {
            let said = workstation.ask(verb, input);
            // docker shows what stands on standard error of a failed get, and nothing else.
            let on_stderr =
                if verb == "get" { format!("docker-credential-dockpass: {}", said.stdout) } else { "".into() };
            assert_eq!(said.stderr, on_stderr);
            let sentence = said.failed();
            assert!(sentence.ends_with("move it away and sign in again"), "{sentence}");
            assert!(!sentence.contains("dp_dev"));
        }
        assert_eq!(fs::read_to_string(workstation.file()).unwrap(), broken);
    }
}

#[test]
fn nobody_who_listens_is_no_reason_to_panic() {
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
fn a_standard_error_that_nobody_reads_does_not_undo_what_was_done() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    server.say(|script| script.revoke_status = Some(503));
    for (verb, input) in [
        ("store", json!({ "ServerURL": host, "Username": "alice", "Secret": "dp_dev_x" }).to_string()),
        ("erase", host.clone()),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = workstation.command(&[verb]);
        let mut process = command.stdin(Stdio::piped()).stderr(writer).spawn().unwrap();
        drop(command);
        std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.as_bytes()).unwrap();
        assert_eq!(process.wait_with_output().unwrap().status.code(), Some(0), "{verb}");
    }
    assert_eq!(server.revoked(), ["dp_dev_x"]);
}

#[test]
fn a_wrong_command_line_is_one_sentence() {
    let workstation = Workstation::new();
    for (arguments, sentence) in [
        (&[][..], "a command is missing"),
        (&["gett"], "unrecognized subcommand 'gett'"),
        (&["login"], "HOST is missing"),
        (&["login", "--no-browser"], "HOST is missing"),
        (&["logout"], "HOST is missing"),
        (&["logout", "a", "b"], "unexpected argument 'b' found"),
    ] {
        assert_eq!(workstation.run(arguments).failed(), format!("{sentence}: see docker-credential-dockpass --help"));
    }
    assert_eq!(
        workstation.run(&["version"]).done(),
        format!("docker-credential-dockpass {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(workstation.run(&["--help"]).done().contains("login"));
    assert_eq!(workstation.run(&["list"]).done(), "{}\n");
}
