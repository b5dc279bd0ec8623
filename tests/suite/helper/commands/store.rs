//! `store`, as `docker login` calls it.

use serde_json::json;

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

#[test]
fn a_personal_access_token_is_removed_but_not_revoked() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    let said = workstation.store(&host, "alice", "dp_pat_x");
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert!(said.stderr.contains("credentials are stored in") && said.stderr.contains("credentials.json"), "{said:?}");
    assert_eq!(workstation.store("other.example.com", "bob", "pass word").succeed(), "", "said once");
    assert_eq!(workstation.get(&host), ("alice".to_owned(), "dp_pat_x".to_owned()));
    assert_eq!(workstation.list(), json!({ host.clone(): "alice", "other.example.com": "bob" }));
    assert_eq!(workstation.mode(".local/share/dockpass/credentials.json"), 0o600);
    workstation.call("erase", &host).succeed();
    assert_eq!(workstation.list(), json!({ "other.example.com": "bob" }));
    assert!(server.requests("/oauth/revoke").is_empty() && server.requests("/v2/").is_empty());
}

#[test]
fn a_personal_access_token_replaces_a_sign_in_and_revokes_it() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.store(&server.host(), "alice", "dp_pat_x").succeed();
    assert_eq!(workstation.get(&server.host()).1, "dp_pat_x");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn docker_login_with_the_token_from_get_keeps_the_session() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.make_due(&server.host());
    let previous = workstation.stored()["entries"][server.host()]["secrets"]["secret"].as_str().unwrap().to_owned();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
    let before = workstation.stored();
    workstation.store(&server.host(), "alice", "dp_dev_2").succeed();
    workstation.store(&server.host(), "alice", &previous).succeed();
    assert_eq!(workstation.stored(), before);
    assert!(server.revoked().is_empty() && !before.to_string().contains(&previous));
    workstation.store(&server.host(), "bob", "dp_dev_2").succeed();
    assert_eq!(server.revoked(), ["dp_ref_2", "dp_dev_2"], "another user's sign-in is another one");
}

#[test]
fn an_auto_generated_token_from_elsewhere_replaces_a_sign_in_and_revokes_it() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    workstation.store(&server.host(), "alice", "dp_dev_elsewhere").succeed();
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_elsewhere");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}
