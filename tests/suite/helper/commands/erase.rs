//! `erase`, as registry clients call it.

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::{NOT_FOUND, Workstation};

#[test]
fn erase_revokes_the_token() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    assert_eq!(workstation.call("erase", &server.host()).succeed(), "");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
    assert_eq!(workstation.call("get", &server.host()).stdout, NOT_FOUND);
    assert!(!workstation.file().exists());
    // docker erases twice, and podman 4 crashes when a helper fails here.
    assert_eq!(workstation.call("erase", &server.host()).succeed(), "");
    assert_eq!(server.revoked().len(), 2);
}

#[test]
fn one_revoked_token_ends_the_session() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.sign_in(&server);
    server.configure(|script| (script.revoke_status, script.revokes) = (Some(503), Some("dp_ref_1")));
    assert_eq!(workstation.call("erase", &server.host()).succeed(), "");
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
}

#[test]
fn an_auto_generated_token_from_elsewhere_is_revoked_at_the_server_that_the_challenge_names() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.store(&server.host(), "alice", "dp_dev_x");
    workstation.call("erase", &server.host()).succeed();
    assert_eq!(server.revoked(), ["dp_dev_x"]);
}
