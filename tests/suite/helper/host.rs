//! Hosts as people and clients write them.

use serde_json::{Value, json};

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::{NOT_FOUND, Workstation};

const HUB: &str = "https://index.docker.io/v1/";

#[test]
fn the_scheme_and_the_registry_path_are_dropped() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.login(&format!("https://{}/v2/", server.host()));
    assert_eq!(workstation.list(), json!({ server.host(): "alice" }));
    assert_eq!(workstation.call("get", &format!("http://{}/", server.host())).code, Some(0));
    let said = workstation.run(&["login", &format!("{}/alice/app", server.host())]).fail();
    assert_eq!(said, "that is not a registry host: write host or host:port");
}

fn secret(workstation: &Workstation, address: &str) -> String {
    let said: Value = serde_json::from_str(&workstation.call("get", address).succeed()).unwrap();
    said["Secret"].as_str().unwrap().to_owned()
}

#[test]
fn docker_hubs_three_secrets_are_stored_separately() {
    let workstation = Workstation::new();
    let kept = [("", "dckr_pat_x"), ("access-token", "an.access.token"), ("refresh-token", "a.refresh.token")];
    for (path, secret) in kept {
        assert_eq!(workstation.store(&format!("{HUB}{path}"), "alice", secret).code, Some(0));
    }
    for (path, expected) in kept {
        assert_eq!(secret(&workstation, &format!("{HUB}{path}")), expected);
    }
    let listed = json!({
        HUB: "alice",
        "index.docker.io/v1/access-token": "alice",
        "index.docker.io/v1/refresh-token": "alice",
    });
    assert_eq!(workstation.list(), listed);
    workstation.call("erase", &format!("{HUB}access-token")).succeed();
    assert_eq!(workstation.call("get", &format!("{HUB}access-token")).stdout, NOT_FOUND);
    assert_eq!(secret(&workstation, HUB), "dckr_pat_x");
}

#[test]
fn every_spelling_of_docker_hub_is_one_host() {
    let workstation = Workstation::new();
    workstation.store(HUB, "alice", "dckr_pat_x");
    for address in ["index.docker.io", "https://index.docker.io", "index.docker.io/v1", "https://INDEX.docker.io/v2/"] {
        assert_eq!(secret(&workstation, address), "dckr_pat_x", "{address}");
    }
}
