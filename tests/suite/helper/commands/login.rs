//! `login HOST`.

use serde_json::{Value, json};

use crate::helper::fake_server::{FakeServer, refusal};
use crate::helper::workstation::{Workstation, finish_all};

#[test]
fn a_sign_in_prints_code_and_address_and_stores_the_token() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.polls.push_back(refusal("authorization_pending")));
    let host = server.host();
    let said = workstation.login(&host);
    let home = workstation.home.path().display();
    let expected = [
        format!("to sign in to {host}, open http://{host}/device and enter the code WDJB-MJHT"),
        format!("or open http://{host}/device?user_code=WDJB-MJHT and compare the code"),
        "waiting for your approval, 10:00 left".to_owned(),
        format!("signed in to {host} as alice"),
        format!("the token is stored in {home}/.local/share/dockpass/credentials.json (no keyring is available)"),
        format!("docker now uses this program for {host}: {home}/.docker/config.json"),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    assert_eq!(workstation.get(&host), ("alice".to_owned(), "dp_dev_1".to_owned()));
    assert_eq!(workstation.mode(".local/share/dockpass"), 0o700);
    assert_eq!(workstation.mode(".local/share/dockpass/credentials.json"), 0o600);
    let begun = server.requests("/oauth/device/code");
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].fields["client_id"], "docker-credential-dockpass");
    assert!(!begun[0].fields["device_name"].is_empty());
    for poll in server.requests("/oauth/token") {
        let expected = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": "a-secret-device-code",
            "client_id": "docker-credential-dockpass",
        });
        assert_eq!(json!(poll.fields), expected);
    }
}

#[test]
fn a_second_sign_in_revokes_the_first() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.login(&server.host());
    let said = workstation.login(&server.host());
    assert!(said.contains("docker") && said.contains("already uses"), "{said}");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
}

#[test]
fn an_invalid_code_or_address_reaches_neither_terminal_nor_browser() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    for change in [
        json!({ "user_code": "\u{1b}[2J" }),
        json!({ "verification_uri": "file:///etc/passwd" }),
        json!({ "verification_uri_complete": "https://elsewhere.example.com/" }),
    ] {
        server.configure(|script| script.code = change);
        let said = workstation.run(&["login", &server.host()]).fail();
        assert!(said.ends_with("answers with an invalid code or address"), "{said}");
    }
}

#[test]
fn a_token_that_cannot_be_stored_is_revoked() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.block_writes();
    let said = workstation.run(&["login", &server.host()]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.lines().last().unwrap().contains("credentials.json cannot be written"), "{}", said.stdout);
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn two_sign_ins_at_once_both_succeed() {
    let (one, two, workstation) = (FakeServer::start(), FakeServer::start(), Workstation::new());
    let login = |server: &FakeServer| workstation.command(&["login", &server.host()]).spawn().unwrap();
    let outputs = finish_all(vec![login(&one), login(&two)]);
    assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
    assert_eq!(workstation.list(), json!({ one.host(): "alice", two.host(): "alice" }));
    let config: Value = serde_json::from_str(&workstation.docker_config()).unwrap();
    assert_eq!(config, json!({ "credHelpers": { one.host(): "dockpass", two.host(): "dockpass" } }));
}
