//! `erase`, as registry clients call it, and `logout HOST`; `store` of what a person typed.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    server::Server,
    workstation::{NOT_FOUND, Workstation},
};

#[test]
fn erase_ends_the_token_on_the_server_too() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    assert_eq!(workstation.ask("erase", &server.host()).done(), "");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
    assert_eq!(workstation.ask("get", &server.host()).stdout, NOT_FOUND);
    assert!(!workstation.file().exists());
    // docker erases twice, and old podmans crash at a refusal.
    assert_eq!(workstation.ask("erase", &server.host()).done(), "");
    assert_eq!(server.revoked().len(), 2);
}

#[test]
fn logout_tells_docker_as_well() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    workstation.write_docker_config("{\n  \"auths\": {}\n}\n");
    workstation.login(&host);
    assert!(workstation.docker_config().contains(&format!("\"{host}\": \"dockpass\"")));
    assert_eq!(workstation.run(&["logout", &host]).done(), format!("signed out of {host}\n"));
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
    assert_eq!(workstation.docker_config(), "{\n  \"auths\": {}\n}\n");
    assert_eq!(workstation.run(&["logout", &host]).done(), format!("there was no sign-in to {host}\n"));
}

#[test]
fn a_config_of_dockers_that_is_broken_does_not_hide_that_the_sign_out_stands() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    workstation.login(&host);
    workstation.write_docker_config("{");
    let odd = format!(
        "{} is no JSON object: it was left as it is",
        workstation.home.path().join(".docker/config.json").display()
    );
    assert_eq!(workstation.run(&["logout", &host]).failed(), format!("{odd}; the sign-out stands"));
    assert_eq!((server.revoked(), workstation.list()), (vec!["dp_ref_1".to_owned(), "dp_dev_1".to_owned()], json!({})));
    assert_eq!(workstation.run(&["logout", &host]).failed(), odd);
    assert_eq!(workstation.docker_config(), "{");
}

#[test]
fn with_the_server_away_the_token_is_forgotten_here() {
    let (mut server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    workstation.login(&host);
    server.say(|script| script.revoke_status = Some(503));
    let said = workstation.ask("erase", &host);
    let left = "the token still stands on the server, where you can delete it:";
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert!(said.stderr.starts_with(&format!("docker-credential-dockpass: {left} http://{host}")), "{said:?}");
    workstation.login(&host);
    server.goes_away();
    let began = Instant::now();
    let said = workstation.run(&["logout", &host]).done();
    assert!(said.starts_with(left) && said.ends_with(&format!("\nsigned out of {host}\n")), "{said}");
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!(workstation.list(), json!({}));
}

#[test]
fn what_ended_by_its_refresh_token_does_not_stand_any_more() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    server.say(|script| (script.revoke_status, script.revokes) = (Some(503), Some("dp_ref_1")));
    assert_eq!(workstation.ask("erase", &server.host()).done(), "");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn a_personal_access_token_is_only_forgotten() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    let said = workstation.store(&host, "alice", "dp_pat_x");
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert!(said.stderr.contains("credentials are stored in") && said.stderr.contains("credentials.json"), "{said:?}");
    assert_eq!(workstation.store("other.example.com", "bob", "pass word").done(), "", "said once");
    assert_eq!(workstation.get(&host), ("alice".to_owned(), "dp_pat_x".to_owned()));
    assert_eq!(workstation.list(), json!({ host.clone(): "alice", "other.example.com": "bob" }));
    assert_eq!(workstation.mode(".local/share/dockpass/credentials.json"), 0o600);
    workstation.ask("erase", &host).done();
    assert_eq!(workstation.list(), json!({ "other.example.com": "bob" }));
    assert!(server.asked("/oauth/revoke").is_empty() && server.asked("/v2/").is_empty());
}

#[test]
fn a_personal_access_token_takes_the_place_of_a_sign_in_and_ends_it() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.store(&server.host(), "alice", "dp_pat_x").done();
    assert_eq!(workstation.get(&server.host()).1, "dp_pat_x");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn docker_login_with_what_get_gave_keeps_the_session() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    let given = workstation.kept()["entries"][server.host()]["secrets"]["secret"].as_str().unwrap().to_owned();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
    let before = workstation.kept();
    workstation.store(&server.host(), "alice", "dp_dev_2").done();
    workstation.store(&server.host(), "alice", &given).done();
    assert_eq!(workstation.kept(), before);
    assert!(server.revoked().is_empty() && !before.to_string().contains(&given));
}

#[test]
fn an_auto_generated_token_from_elsewhere_takes_the_place_of_a_sign_in_and_ends_it() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.login(&server.host());
    workstation.store(&server.host(), "alice", "dp_dev_elsewhere").done();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_elsewhere");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn an_auto_generated_token_from_elsewhere_is_ended_by_the_hosts_own_challenge() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.store(&server.host(), "alice", "dp_dev_x");
    workstation.ask("erase", &server.host()).done();
    assert_eq!(server.revoked(), ["dp_dev_x"]);
}
