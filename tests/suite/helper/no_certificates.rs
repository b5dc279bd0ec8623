//! A system without the certificates of authorities, as in small containers: https cannot even be set up.

use serde_json::{Value, json};

use super::{
    desk::{Desk, Said},
    server::Server,
};

const NOTHING: &str = "https cannot be set up: unexpected error: No CA certificates were loaded from the system";

fn desk() -> Desk {
    let mut desk = Desk::new();
    // An empty bundle, whatever the computer of the tests has.
    desk.variables.push(("SSL_CERT_FILE", "/dev/null"));
    desk
}

/// Signed in at a server that is reached by https.
fn signed_in(desk: &Desk, server: &Server) {
    desk.login(&server.host());
    let mut kept = desk.kept();
    for endpoint in ["token_endpoint", "revocation_endpoint"] {
        kept["entries"][server.host()]["session"][endpoint] = "https://hub.example.com/".into();
    }
    std::fs::write(desk.file(), kept.to_string()).unwrap();
}

fn still_stands(said: &Said) -> String {
    let left = "the token still stands on the server, where you can delete it:";
    let sentence = format!("docker-credential-dockpass: {left} https://hub.example.com cannot be reached: {NOTHING}\n");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), sentence.as_str()), "{said:?}");
    said.stdout.clone()
}

#[test]
fn a_server_on_this_computer_needs_none() {
    let (server, desk) = (Server::start(), desk());
    desk.login(&server.host());
    desk.ages(&server.host());
    assert_eq!(desk.get(&server.host()).1, "dp_dev_2");
    assert_eq!(desk.run(&["logout", &server.host()]).done(), format!("signed out of {}\n", server.host()));
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_2"]);
}

#[test]
fn a_login_elsewhere_says_what_is_missing() {
    let said = desk().run(&["login", "hub.example.com"]).failed();
    assert_eq!(said, format!("hub.example.com cannot be reached: {NOTHING}"));
}

#[test]
fn a_token_that_is_due_is_given_as_it_is() {
    let (server, desk) = (Server::start(), desk());
    signed_in(&desk, &server);
    desk.ages(&server.host());
    assert_eq!(desk.get(&server.host()).1, "dp_dev_1");
}

#[test]
fn what_is_to_be_forgotten_or_replaced_is_and_what_stands_is_said() {
    let (server, desk) = (Server::start(), desk());
    let host = server.host();
    signed_in(&desk, &server);
    assert_eq!(still_stands(&desk.ask("erase", &host)), "");
    assert_eq!(desk.list(), json!({}));
    signed_in(&desk, &server);
    assert_eq!(still_stands(&desk.store(&host, "alice", "dp_pat_x")), "");
    assert_eq!(desk.get(&host).1, "dp_pat_x");
    signed_in(&desk, &server);
    let said = desk.run(&["logout", &host]).done();
    assert!(said.contains(NOTHING) && said.ends_with(&format!("\nsigned out of {host}\n")), "{said}");
    let config: Value = serde_json::from_str(&desk.docker_config()).unwrap();
    assert_eq!((desk.list(), config), (json!({}), json!({})));
}
