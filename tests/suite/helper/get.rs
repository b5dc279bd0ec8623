//! `get`: what every pull and push asks for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    desk::{Desk, NOT_FOUND},
    server::{Server, refusal},
};

#[test]
fn a_host_that_nobody_signed_in_to_is_not_found() {
    let desk = Desk::new();
    let said = desk.ask("get", "hub.example.com");
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(1), NOT_FOUND, ""));
    assert!(!desk.home.path().join(".local").exists(), "a question makes no folders");
    assert!(desk.store("other.example.com", "alice", "dp_pat_x").code == Some(0));
    assert_eq!(desk.ask("get", "hub.example.com").stdout, NOT_FOUND);
}

#[test]
fn a_fresh_token_is_given_without_asking_the_server() {
    let (mut server, desk) = (Server::start(), Desk::new());
    desk.login(&server.host());
    server.goes_away();
    // docker asks twice for each command.
    assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
    assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn a_token_that_is_a_day_old_is_renewed_once() {
    let (server, desk) = (Server::start(), Desk::new());
    desk.login(&server.host());
    desk.ages(&server.host());
    for _ in 0..2 {
        assert_eq!(desk.get(&server.host()), ("alice".to_owned(), "dp_dev_2".to_owned()));
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
    let (mut server, desk) = (Server::start(), Desk::new());
    desk.login(&server.host());
    desk.ages(&server.host());
    server.goes_away();
    assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn a_server_that_stumbles_is_left_in_peace_for_a_while() {
    let (server, desk) = (Server::start(), Desk::new());
    desk.login(&server.host());
    desk.ages(&server.host());
    let odd = json!({ "access_token": "" });
    server.say(|script| script.refreshes.extend([(503, json!({})), (200, odd), refusal("invalid_client")]));
    for refreshes in 1..=3 {
        assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
        assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
        assert_eq!(server.refreshes(), refreshes, "the second question asks nobody");
        desk.change(&server.host(), "rests_until", 0);
    }
    assert_eq!(desk.get(&server.host()).1, "dp_dev_2");
}

#[test]
fn a_server_that_hangs_does_not_hold_up_a_pull_for_long() {
    let (server, desk) = (Server::start(), Desk::new());
    desk.login(&server.host());
    desk.ages(&server.host());
    server.say(|script| script.refresh_takes = Duration::from_secs(20));
    let began = Instant::now();
    assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
    assert_eq!(server.refreshes(), 1, "docker's second question does not wait again");
}

#[test]
fn an_expired_session_is_forgotten_and_said_to_the_person() {
    let (server, desk) = (Server::start(), Desk::new());
    let host = server.host();
    desk.login(&host);
    desk.store("other.example.com", "bob", "dp_pat_x");
    desk.ages(&host);
    server.say(|script| script.refreshes.push_back(refusal("invalid_grant")));
    let said = desk.ask("get", &host);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), NOT_FOUND));
    assert_eq!(said.stderr, format!("the sign-in to {host} expired: run docker-credential-dockpass login {host}\n"));
    assert_eq!(desk.list(), json!({ "other.example.com": "bob" }));
    let again = desk.ask("get", &host);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (NOT_FOUND, ""));
    desk.login(&host);
    assert_eq!(desk.get(&host).1, "dp_dev_2");
}

#[test]
fn an_expired_session_leaves_where_secrets_are_kept_as_it_was_chosen() {
    let (server, desk) = (Server::start(), Desk::new());
    let host = server.host();
    desk.login(&host);
    desk.ages(&host);
    server.say(|script| script.refreshes.push_back(refusal("invalid_grant")));
    assert_eq!(desk.ask("get", &host).failed(), NOT_FOUND.trim_end());
    assert_eq!(desk.kept(), json!({ "version": 1, "storage": "file", "entries": {} }));
    desk.ask("erase", &host).done();
    assert!(!desk.file().exists(), "whoever signs out may choose anew");
}

#[test]
fn a_token_that_cannot_be_kept_is_given_all_the_same() {
    let (server, desk) = (Server::start(), Desk::new());
    desk.login(&server.host());
    desk.ages(&server.host());
    std::fs::create_dir_all(desk.file().parent().unwrap().join(".credentials.json.dockpass/x")).unwrap();
    let said = desk.ask("get", &server.host());
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.contains("\"dp_dev_2\"") && said.stderr.contains("cannot be written"), "{said:?}");
}
