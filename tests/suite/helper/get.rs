//! `get`: what every pull and push asks for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    server::{Server, refusal},
    workstation::{NOT_FOUND, Workstation},
};

#[test]
fn a_host_that_nobody_signed_in_to_is_not_found() {
    let workstation = Workstation::new();
    let said = workstation.ask("get", "hub.example.com");
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(1), NOT_FOUND, ""));
    assert!(!workstation.home.path().join(".local").exists(), "a question makes no folders");
    assert!(workstation.store("other.example.com", "alice", "dp_pat_x").code == Some(0));
    assert_eq!(workstation.ask("get", "hub.example.com").stdout, NOT_FOUND);
}

#[test]
fn a_fresh_token_is_given_without_asking_the_server() {
    let (mut server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    server.goes_away();
    // docker asks twice for each command.
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn a_token_that_is_a_day_old_is_renewed_once() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    for _ in 0..2 {
        assert_eq!(workstation.get(&server.host()), ("alice".to_owned(), "dp_dev_2".to_owned()));
    }
    let asked = server.asked("/oauth/token");
    let expected = json!({
        "grant_type": "refresh_token",
        "refresh_token": "dp_ref_1",
        "client_id": "docker-credential-dockpass",
    });
    assert_eq!(json!(asked[1].fields), expected);
    assert_eq!(asked.len(), 2);
}

#[test]
fn while_the_server_is_away_the_present_token_is_given() {
    let (mut server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    server.goes_away();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn a_server_that_stumbles_is_left_in_peace_for_a_while() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    let odd = json!({ "access_token": "" });
    server.say(|script| script.refreshes.extend([(503, json!({})), (200, odd), refusal("invalid_client")]));
    for refreshes in 1..=3 {
        assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
        assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
        assert_eq!(server.refreshes(), refreshes, "the second question asks nobody");
        workstation.change(&server.host(), "rests_until", 0);
    }
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
}

#[test]
fn a_server_that_hangs_does_not_hold_up_a_pull_for_long() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    server.say(|script| script.refresh_takes = Duration::from_secs(20));
    let began = Instant::now();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
    assert_eq!(server.refreshes(), 1, "docker's second question does not wait again");
}

#[test]
fn an_expired_session_is_forgotten_and_said_to_the_person() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    workstation.login(&host);
    workstation.store("other.example.com", "bob", "dp_pat_x");
    workstation.ages(&host);
    server.say(|script| script.refreshes.push_back(refusal("invalid_grant")));
    let said = workstation.ask("get", &host);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), NOT_FOUND));
    assert_eq!(said.stderr, format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}\n"));
    assert_eq!(workstation.list(), json!({ "other.example.com": "bob" }));
    let again = workstation.ask("get", &host);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (NOT_FOUND, ""));
    workstation.login(&host);
    assert_eq!(workstation.get(&host).1, "dp_dev_2");
}

#[test]
fn an_expired_session_leaves_where_secrets_are_kept_as_it_was_chosen() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    workstation.login(&host);
    workstation.ages(&host);
    server.say(|script| script.refreshes.push_back(refusal("invalid_grant")));
    assert_eq!(workstation.ask("get", &host).failed(), NOT_FOUND.trim_end());
    assert_eq!(workstation.kept(), json!({ "version": 1, "storage": "file", "entries": {} }));
    workstation.ask("erase", &host).done();
    assert!(!workstation.file().exists(), "whoever signs out may choose anew");
}

#[test]
fn a_token_that_cannot_be_kept_is_given_all_the_same() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    std::fs::create_dir_all(workstation.file().parent().unwrap().join(".credentials.json.dockpass/x")).unwrap();
    let said = workstation.ask("get", &server.host());
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.contains("\"dp_dev_2\"") && said.stderr.contains("cannot be written"), "{said:?}");
}
