//! `get`: what every pull and push asks for.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::helper::fake_server::{FakeServer, refusal, refusal_with};
use crate::helper::workstation::{NOT_FOUND, PROGRAM, ProgramOutput, Workstation};

#[test]
fn a_host_that_nobody_signed_in_to_is_not_found() {
    let workstation = Workstation::new();
    let said = workstation.call("get", "hub.example.com");
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(1), NOT_FOUND, ""));
    assert!(!workstation.home.path().join(".local").exists(), "get creates no folder");
    assert!(workstation.store("other.example.com", "alice", "dp_pat_x").code == Some(0));
    assert_eq!(workstation.call("get", "hub.example.com").stdout, NOT_FOUND);
}

#[test]
fn a_fresh_token_is_given_without_asking_the_server() {
    let (mut server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    server.stop();
    // docker asks twice for each command.
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn a_token_that_is_a_day_old_is_refreshed_once() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    for _ in 0..2 {
        assert_eq!(workstation.get(&server.host()), ("alice".to_owned(), "dp_dev_2".to_owned()));
    }
    let requests = server.requests("/oauth/token");
    let expected = json!({
        "grant_type": "refresh_token",
        "refresh_token": "dp_ref_1",
        "client_id": "docker-credential-dockpass",
    });
    assert_eq!(json!(requests[0].fields), expected);
    assert_eq!(requests.len(), 1);
    workstation.make_due(&server.host());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_3");
    assert_eq!(server.requests("/oauth/token")[1].fields["refresh_token"], "dp_ref_2");
}

#[test]
fn while_the_server_is_unreachable_the_present_token_is_given() {
    let (mut server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    server.stop();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn after_a_failed_refresh_the_next_calls_back_off() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    let invalid = json!({ "access_token": "" });
    server.configure(|script| script.refreshes.extend([(503, json!({})), (200, invalid), refusal("invalid_client")]));
    for refreshes in 1..=3 {
        assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
        assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
        assert_eq!(server.refreshes(), refreshes, "the second call asks no server");
        workstation.set_session(&server.host(), "back_off_until", 0);
    }
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
}

#[test]
fn a_server_that_hangs_does_not_hold_up_a_pull_for_long() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    server.configure(|script| script.refresh_delay = Duration::from_secs(20));
    let began = Instant::now();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
    assert_eq!(server.refreshes(), 1, "docker's second call does not wait again");
}

#[test]
fn an_expired_sign_in_is_removed_and_the_person_is_told() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.sign_in(&server);
    workstation.store("other.example.com", "bob", "dp_pat_x");
    workstation.make_due(&host);
    server.configure(|script| script.refreshes.push_back(refusal("invalid_grant")));
    let said = workstation.call("get", &host);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), NOT_FOUND));
    assert_eq!(said.stderr, format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}\n"));
    assert_eq!(workstation.list(), json!({ "other.example.com": "bob" }));
    let again = workstation.call("get", &host);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (NOT_FOUND, ""));
    workstation.login(&host);
    assert_eq!(workstation.get(&host).1, "dp_dev_2");
}

#[test]
fn an_expired_sign_in_keeps_the_chosen_storage() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.sign_in(&server);
    workstation.make_due(&host);
    server.configure(|script| script.refreshes.push_back(refusal("invalid_grant")));
    assert_eq!(workstation.call("get", &host).fail(), NOT_FOUND.trim_end());
    assert_eq!(workstation.stored(), json!({ "version": 1, "storage": "file", "entries": {} }));
    workstation.call("erase", &host).succeed();
    assert!(!workstation.file().exists(), "after a sign-out the next sign-in chooses again");
}

#[test]
fn a_sign_in_that_was_copied_to_another_computer_is_named_as_such() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.sign_in(&server);
    workstation.make_due(&host);
    let words = "this sign-in is used on another computer too";
    server.configure(|script| script.refreshes.push_back(refusal_with("invalid_grant", words)));
    let said = workstation.call("get", &host);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), NOT_FOUND));
    assert_eq!(said.stderr, format!("{words}: run docker-credential-dockpass login {host}\n"));
    assert_eq!(workstation.list(), json!({}));
}

/// The present token is given with a warning, and the server is not asked for another one.
fn is_not_refreshed(server: &FakeServer, said: &ProgramOutput) {
    assert_eq!((said.code, server.refreshes()), (Some(0), 0), "{said:?}");
    let warning = said.stderr.contains("credentials.json cannot be written: ");
    assert!(said.stdout.contains("\"dp_dev_1\"") && warning, "{said:?}");
}

#[test]
fn a_token_is_not_refreshed_where_the_new_one_cannot_be_stored() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    workstation.block_writes();
    is_not_refreshed(&server, &workstation.call("get", &server.host()));
}

#[test]
fn a_token_is_not_refreshed_on_a_full_disk() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    // Like a disk with two free blocks: writes beyond them fail.
    let script = format!("trap '' XFSZ; ulimit -f 2; printf %s {} | {} get", server.host(), *PROGRAM);
    let mut command = std::process::Command::new("sh");
    let command =
        command.args(["-c", &script]).env_clear().env("HOME", workstation.home.path()).env("PATH", "/usr/bin:/bin");
    is_not_refreshed(&server, &command.output().unwrap().into());
    assert_eq!(std::fs::read_dir(workstation.file().parent().unwrap()).unwrap().count(), 2, "file and lock");
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
}
