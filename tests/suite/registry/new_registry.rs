//! `dockpass registry-config --new-registry`, which a service that runs once calls before the server's first start.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::program::{command, run};

#[test]
fn it_creates_all_that_a_registry_and_the_server_need() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, secret, out) = (path("data"), path("data/events.secret"), path("registry"));
    let settings = ["--data", &data, "--events-secret-file", &secret, "--public-url", "https://hub.example.com"];
    let rest = ["registry-config", "--registry-version", "3", "--out", &out, "--new-registry"];
    let notify = ["--notify-url", "http://dockpass:8080"];
    let arguments = [&settings[..], &rest, &notify].concat();
    let output = run(&arguments);
    assert!(output.status.success(), "{output:?}");

    let created = fs::read_to_string(&secret).unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(created.trim().len() >= 43 && !said.contains(created.trim()), "{said}");
    let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data"), mode("data/events.secret"), mode("registry/config.yml")), (0o700, 0o600, 0o600));
    let text = fs::read_to_string(path("registry/config.yml")).unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(config["version"], 0.1);
    assert_eq!(config["storage"]["delete"]["enabled"], true);
    assert_eq!(config["auth"]["token"]["realm"], "https://hub.example.com/token");
    assert_eq!(config["notifications"]["endpoints"][0]["url"], "http://dockpass:8080/registry/events");
    let header = &config["notifications"]["endpoints"][0]["headers"]["Authorization"][0];
    assert_eq!(header, &format!("Bearer {}", created.trim()));
    assert!(fs::exists(path("registry/bundle.pem")).unwrap() && fs::exists(path("data/dockpass.db")).unwrap());

    // It runs again at each start of the containers.
    assert!(run(&arguments).status.success());
    assert_eq!(fs::read_to_string(&secret).unwrap(), created);
    assert_eq!(fs::read_to_string(path("registry/config.yml")).unwrap(), text);
}

#[test]
fn without_the_flag_it_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["--data", "data", "--public-url", "https://hub.example.com"];
    let rest = ["registry-config", "--registry-version", "3", "--out", "registry"];
    let output = command(&[&settings[..], &rest].concat()).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn before_the_first_start_the_default_realm_is_no_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let rest = ["registry-config", "--registry-version", "2", "--out", "registry", "--new-registry"];
    // No server listens on this port, which needs rights.
    let settings = ["--data", "data", "--listen", "127.0.0.1:7"];
    let output = command(&[&settings[..], &rest].concat()).current_dir(folder.path()).output().unwrap();
    let (said, complained) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let end = "/registry/config.yml written\nits realm is http://127.0.0.1:7/token: give --public-url for another\n";
    assert!(output.status.success() && said.ends_with(end) && complained.is_empty(), "{said} {complained}");
}
