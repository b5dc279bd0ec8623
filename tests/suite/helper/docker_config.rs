//! docker's `config.json`, which belongs to docker and to the person.

use std::fs;

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

const BEFORE: &str = "{\n\t\"auths\": {\n\t\t\"b.example.com\": {},\n\t\t\"a.example.com\": {}\n\t},\n\t\
    \"credsStore\": \"desktop\",\n\t\"psFormat\": \"table {{.ID}}\\t\\u003cx\\u003e\",\n\t\"odd\": 1.50e3\n}";

#[test]
fn the_host_is_added_and_every_other_byte_stays() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    workstation.write_docker_config(BEFORE);
    let said = workstation.login(&server.host());
    let added = format!(",\n\t\"credHelpers\": {{\n\t\t\"{}\": \"dockpass\"\n\t}}\n}}", server.host());
    assert_eq!(workstation.docker_config(), BEFORE.strip_suffix("\n}").unwrap().to_owned() + added.as_str());
    let backup = workstation.home.path().join(".docker/config.json.bak");
    assert_eq!(fs::read_to_string(&backup).unwrap(), BEFORE);
    assert!(said.ends_with(&format!("(backup: {})\n", backup.display())), "{said}");
    assert_eq!(fs::read_dir(backup.parent().unwrap()).unwrap().count(), 2, "nothing else is left there");
}

#[test]
fn another_helper_is_replaced_and_named() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let config =
        |helper: &str| format!("{{\"credHelpers\": {{\"{}\": \"{helper}\", \"x\": \"pass\"}}}}", server.host());
    workstation.write_docker_config(&config("pass"));
    assert!(workstation.login(&server.host()).ends_with("before, docker used docker-credential-pass\n"));
    assert_eq!(workstation.docker_config(), config("dockpass"));
}

#[test]
fn invalid_files_are_refused_before_anybody_approves_anything() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    for (text, what) in [
        ("{\"auths\": {},}", "is not a JSON object"),
        ("[]", "is not a JSON object"),
        ("{\"credHelpers\": []}", "has a credHelpers that is not an object"),
    ] {
        workstation.write_docker_config(text);
        let said = workstation.run(&["login", &server.host()]).fail();
        let path = workstation.home.path().join(".docker/config.json");
        assert_eq!(said, format!("{} {what}: it was left unchanged", path.display()));
        assert_eq!(workstation.docker_config(), text);
    }
    assert!(server.requests("/v2/").is_empty());
    assert_eq!(fs::read_dir(workstation.home.path().join(".docker")).unwrap().count(), 1);
}

/// Starts a sign-in; it has read docker's file and waits for its approval.
fn start_login(server: &FakeServer, workstation: &Workstation) -> std::process::Child {
    let login = workstation.command(&["login", &server.host()]).spawn().unwrap();
    server.wait_for("/oauth/device/code");
    login
}

#[test]
fn a_file_that_breaks_during_the_wait_does_not_cost_the_sign_in() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let login = start_login(&server, &workstation);
    workstation.write_docker_config("{");
    let output = login.wait_with_output().unwrap();
    let (said, host) = (String::from_utf8(output.stdout).unwrap(), server.host());
    assert_eq!(output.status.code(), Some(1));
    let by_hand = format!("you are signed in anyway: add \"credHelpers\": {{\"{host}\": \"dockpass\"}} yourself\n");
    assert!(said.contains(&format!("signed in to {host} as alice\n")) && said.ends_with(&by_hand), "{said}");
    assert_eq!((workstation.docker_config().as_str(), workstation.get(&host).1.as_str()), ("{", "dp_dev_1"));
}

#[test]
fn what_docker_writes_during_the_wait_is_kept() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let login = start_login(&server, &workstation);
    workstation.write_docker_config(BEFORE);
    assert!(login.wait_with_output().unwrap().status.success());
    let added = format!(",\n\t\"credHelpers\": {{\n\t\t\"{}\": \"dockpass\"\n\t}}\n}}", server.host());
    assert_eq!(workstation.docker_config(), BEFORE.strip_suffix("\n}").unwrap().to_owned() + added.as_str());
}
