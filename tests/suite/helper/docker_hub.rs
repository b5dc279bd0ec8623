//! What docker keeps for its own Hub where this program is its `credsStore`: three secrets under one host.

use serde_json::{Value, json};

use super::workstation::{NOT_FOUND, Workstation};

const HUB: &str = "https://index.docker.io/v1/";

fn secret(workstation: &Workstation, address: &str) -> String {
    let said: Value = serde_json::from_str(&workstation.ask("get", address).done()).unwrap();
    said["Secret"].as_str().unwrap().to_owned()
}

#[test]
fn its_three_secrets_are_kept_apart_and_docker_finds_them_again() {
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
    workstation.ask("erase", &format!("{HUB}access-token")).done();
    assert_eq!(workstation.ask("get", &format!("{HUB}access-token")).stdout, NOT_FOUND);
    assert_eq!(secret(&workstation, HUB), "dckr_pat_x");
}

#[test]
fn every_spelling_of_the_hub_is_one() {
    let workstation = Workstation::new();
    workstation.store(HUB, "alice", "dckr_pat_x");
    for address in ["index.docker.io", "https://index.docker.io", "index.docker.io/v1", "https://INDEX.docker.io/v2/"] {
        assert_eq!(secret(&workstation, address), "dckr_pat_x", "{address}");
    }
}
