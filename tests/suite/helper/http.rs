//! Requests on a system without CA certificates, as in small containers: https cannot be set up.

use serde_json::{Value, json};

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::{ProgramOutput, Workstation};

const NO_CERTIFICATES: &str =
    "https cannot be set up: unexpected error: No CA certificates were loaded from the system";

fn workstation() -> Workstation {
    let mut workstation = Workstation::new();
    // An empty bundle of CA certificates.
    workstation.variables.push(("SSL_CERT_FILE", "/dev/null"));
    workstation
}

/// Signs in; from then on the server's endpoints use https.
fn signed_in(workstation: &Workstation, server: &FakeServer) {
    workstation.login(&server.host());
    let mut stored = workstation.stored();
    for endpoint in ["token_endpoint", "revocation_endpoint"] {
        stored["entries"][server.host()]["session"][endpoint] = "https://hub.example.com/".into();
    }
    std::fs::write(workstation.file(), stored.to_string()).unwrap();
}

fn is_still_valid(said: &ProgramOutput) -> String {
    let left = "the token is still valid on the server, where you can delete it:";
    let sentence =
        format!("docker-credential-dockpass: {left} https://hub.example.com cannot be reached: {NO_CERTIFICATES}\n");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), sentence.as_str()), "{said:?}");
    said.stdout.clone()
}

#[test]
fn a_server_on_this_computer_needs_no_certificates() {
    let (server, workstation) = (FakeServer::start(), workstation());
    workstation.login(&server.host());
    workstation.make_due(&server.host());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
    assert_eq!(workstation.run(&["logout", &server.host()]).succeed(), format!("signed out of {}\n", server.host()));
    assert_eq!(server.revoked(), ["dp_ref_2", "dp_dev_2"]);
}

#[test]
fn a_sign_in_elsewhere_says_what_is_missing() {
    let said = workstation().run(&["login", "hub.example.com"]).fail();
    assert_eq!(said, format!("hub.example.com cannot be reached: {NO_CERTIFICATES}"));
}

#[test]
fn a_token_that_cannot_be_refreshed_is_still_given() {
    let (server, workstation) = (FakeServer::start(), workstation());
    signed_in(&workstation, &server);
    workstation.make_due(&server.host());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn removing_and_replacing_work_and_say_that_the_token_is_still_valid() {
    let (server, workstation) = (FakeServer::start(), workstation());
    let host = server.host();
    signed_in(&workstation, &server);
    assert_eq!(is_still_valid(&workstation.call("erase", &host)), "");
    assert_eq!(workstation.list(), json!({}));
    signed_in(&workstation, &server);
    assert_eq!(is_still_valid(&workstation.store(&host, "alice", "dp_pat_x")), "");
    assert_eq!(workstation.get(&host).1, "dp_pat_x");
    signed_in(&workstation, &server);
    let said = workstation.run(&["logout", &host]).succeed();
    assert!(said.contains(NO_CERTIFICATES) && said.ends_with(&format!("\nsigned out of {host}\n")), "{said}");
    let config: Value = serde_json::from_str(&workstation.docker_config()).unwrap();
    assert_eq!((workstation.list(), config), (json!({}), json!({})));
}
