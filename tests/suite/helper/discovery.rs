//! Finding the token server.

use serde_json::json;

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

#[test]
fn a_realm_elsewhere_must_use_https() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.realm = Some("http://hub.example.com/token".to_owned()));
    let said = workstation.run(&["login", &server.host()]).fail();
    let host = server.host();
    assert_eq!(said, format!("{host} names the token server http://hub.example.com, which does not use https"));
}

#[test]
fn endpoints_of_another_server_are_not_used() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    for endpoint in ["device_authorization_endpoint", "token_endpoint", "revocation_endpoint"] {
        server.configure(|script| script.metadata = json!({ endpoint: "https://elsewhere.example.com/x" }));
        let said = workstation.run(&["login", &server.host()]).fail();
        assert!(said.ends_with("names endpoints of another server, which are not used"), "{said}");
    }
    assert!(server.requests("/oauth/device/code").is_empty());
}

#[test]
fn metadata_of_another_server_are_not_used() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    for (issuer, said) in [("https://elsewhere.example.com", "https://elsewhere.example.com/"), ("urn:x", "urn:x")] {
        server.configure(|script| script.metadata = json!({ "issuer": issuer }));
        let sentence =
            format!("http://{} gives the metadata of another server, {said}, which is not used", server.host());
        assert_eq!(workstation.run(&["login", &server.host()]).fail(), sentence);
    }
    assert!(server.requests("/oauth/device/code").is_empty());
    // An issuer is optional and may have a path.
    for issuer in [json!(null), json!(format!("http://{}/dockpass", server.host()))] {
        server.configure(|script| script.metadata = json!({ "issuer": issuer }));
        workstation.login(&server.host());
    }
}

#[test]
fn a_registry_without_device_sign_in_is_told_from_an_unreachable_one() {
    let (mut server, workstation) = (FakeServer::start(), Workstation::new());
    server.configure(|script| script.metadata = json!({ "token_endpoint": null }));
    let (host, login) = (server.host(), |host: &str| workstation.run(&["login", host]).fail());
    assert_eq!(login(&host), format!("http://{host} does not offer device sign-in"));
    server.stop();
    assert!(login(&host).starts_with(&format!("{host} cannot be reached: Connection refused")), "{}", login(&host));
    assert_eq!(login("a b"), "that is not a registry host: write host or host:port");
    assert_eq!(login(""), "no credentials server URL");
}
