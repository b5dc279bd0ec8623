//! A system without the certificates of authorities, as in small containers: https cannot even be set up.

use serde_json::{Value, json};

use super::{
    server::Server,
    workstation::{Said, Workstation},
};

const NOTHING: &str = "https cannot be set up: unexpected error: No CA certificates were loaded from the system";

fn workstation() -> Workstation {
    let mut workstation = Workstation::new();
    // An empty bundle, whatever the computer of the tests has.
    workstation.variables.push(("SSL_CERT_FILE", "/dev/null"));
    workstation
}

/// Signed in at a server that is reached by https.
fn signed_in(workstation: &Workstation, server: &Server) {
    workstation.login(&server.host());
    let mut kept = workstation.kept();
    for endpoint in ["token_endpoint", "revocation_endpoint"] {
        kept["entries"][server.host()]["session"][endpoint] = "https://hub.example.com/".into();
    }
    std::fs::write(workstation.file(), kept.to_string()).unwrap();
}

fn still_stands(said: &Said) -> String {
    let left = "the token still stands on the server, where you can delete it:";
    let sentence = format!("docker-credential-dockpass: {left} https://hub.example.com cannot be reached: {NOTHING}\n");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), sentence.as_str()), "{said:?}");
    said.stdout.clone()
}

#[test]
fn a_server_on_this_computer_needs_none() {
    let (server, workstation) = (Server::start(), workstation());
    workstation.login(&server.host());
    workstation.ages(&server.host());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_2");
    assert_eq!(workstation.run(&["logout", &server.host()]).done(), format!("signed out of {}\n", server.host()));
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_2"]);
}

#[test]
fn a_login_elsewhere_says_what_is_missing() {
    let said = workstation().run(&["login", "hub.example.com"]).failed();
    assert_eq!(said, format!("hub.example.com cannot be reached: {NOTHING}"));
}

#[test]
fn a_token_that_is_due_is_given_as_it_is() {
    let (server, workstation) = (Server::start(), workstation());
    signed_in(&workstation, &server);
    workstation.ages(&server.host());
    assert_eq!(workstation.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn what_is_to_be_forgotten_or_replaced_is_and_what_stands_is_said() {
    let (server, workstation) = (Server::start(), workstation());
    let host = server.host();
    signed_in(&workstation, &server);
    assert_eq!(still_stands(&workstation.ask("erase", &host)), "");
    assert_eq!(workstation.list(), json!({}));
    signed_in(&workstation, &server);
    assert_eq!(still_stands(&workstation.store(&host, "alice", "dp_pat_x")), "");
    assert_eq!(workstation.get(&host).1, "dp_pat_x");
    signed_in(&workstation, &server);
    let said = workstation.run(&["logout", &host]).done();
    assert!(said.contains(NOTHING) && said.ends_with(&format!("\nsigned out of {host}\n")), "{said}");
    let config: Value = serde_json::from_str(&workstation.docker_config()).unwrap();
    assert_eq!((workstation.list(), config), (json!({}), json!({})));
}
