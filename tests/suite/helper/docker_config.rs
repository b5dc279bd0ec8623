//! docker's `config.json`, which belongs to docker and to the person.

use std::fs;

use super::{server::Server, workstation::Workstation};

const BEFORE: &str = "{\n\t\"auths\": {\n\t\t\"b.example.com\": {},\n\t\t\"a.example.com\": {}\n\t},\n\t\
    \"credsStore\": \"desktop\",\n\t\"psFormat\": \"table {{.ID}}\\t\\u003cx\\u003e\",\n\t\"odd\": 1.50e3\n}";

#[test]
fn the_host_is_added_and_every_other_byte_stays() {
    let (server, workstation) = (Server::start(), Workstation::new());
    workstation.write_docker_config(BEFORE);
    let said = workstation.login(&server.host());
    let added = format!(",\n\t\"credHelpers\": {{\n\t\t\"{}\": \"dockpass\"\n\t}}\n}}", server.host());
    assert_eq!(workstation.docker_config(), BEFORE.strip_suffix("\n}").unwrap().to_owned() + added.as_str());
    let backup = workstation.home.path().join(".docker/config.json.bak");
    assert_eq!(fs::read_to_string(&backup).unwrap(), BEFORE);
    assert!(said.ends_with(&format!("(as it was: {})\n", backup.display())), "{said}");
    assert_eq!(fs::read_dir(backup.parent().unwrap()).unwrap().count(), 2, "nothing else is left there");
}

#[test]
fn another_helper_is_replaced_and_named() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let config =
        |helper: &str| format!("{{\"credHelpers\": {{\"{}\": \"{helper}\", \"x\": \"pass\"}}}}", server.host());
    workstation.write_docker_config(&config("pass"));
    assert!(workstation.login(&server.host()).ends_with("it asked docker-credential-pass before\n"));
    assert_eq!(workstation.docker_config(), config("dockpass"));
}

#[test]
fn what_is_no_json_is_refused_before_anybody_approves_anything() {
    let (server, workstation) = (Server::start(), Workstation::new());
    for (text, what) in [
        ("{\"auths\": {},}", "is no JSON object"),
        ("[]", "is no JSON object"),
        ("{\"credHelpers\": []}", "has a credHelpers that is no object"),
    ] {
        workstation.write_docker_config(text);
        let said = workstation.run(&["login", &server.host()]).failed();
        let path = workstation.home.path().join(".docker/config.json");
        assert_eq!(said, format!("{} {what}: it was left as it is", path.display()));
        assert_eq!(workstation.docker_config(), text);
    }
    assert!(server.asked("/v2/").is_empty());
    assert_eq!(fs::read_dir(workstation.home.path().join(".docker")).unwrap().count(), 1);
}

/// A sign-in that has read docker's file and waits for its approval.
fn begun(server: &Server, workstation: &Workstation) -> std::process::Child {
    let login = workstation.command(&["login", &server.host()]).spawn().unwrap();
    while server.asked("/oauth/device/code").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    login
}

#[test]
fn a_config_that_breaks_while_somebody_approves_does_not_cost_the_sign_in() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let login = begun(&server, &workstation);
    workstation.write_docker_config("{");
    let output = login.wait_with_output().unwrap();
    let (said, host) = (String::from_utf8(output.stdout).unwrap(), server.host());
    assert_eq!(output.status.code(), Some(1));
    let by_hand = format!("the sign-in stands: put \"credHelpers\": {{\"{host}\": \"dockpass\"}} there yourself\n");
    assert!(said.contains(&format!("signed in to {host} as alice\n")) && said.ends_with(&by_hand), "{said}");
    assert_eq!((workstation.docker_config().as_str(), workstation.get(&host).1.as_str()), ("{", "dp_dev_1"));
}

#[test]
fn what_docker_writes_while_somebody_approves_is_kept() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let login = begun(&server, &workstation);
    workstation.write_docker_config(BEFORE);
    assert!(login.wait_with_output().unwrap().status.success());
    let added = format!(",\n\t\"credHelpers\": {{\n\t\t\"{}\": \"dockpass\"\n\t}}\n}}", server.host());
    assert_eq!(workstation.docker_config(), BEFORE.strip_suffix("\n}").unwrap().to_owned() + added.as_str());
}

#[test]
fn the_standard_variables_say_where_files_belong() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let (docker, data) = (workstation.home.path().join("docker"), workstation.home.path().join("data"));
    let mut command = workstation.command(&["login", &server.host()]);
    assert!(command.env("DOCKER_CONFIG", &docker).env("XDG_DATA_HOME", &data).output().unwrap().status.success());
    assert!(docker.join("config.json").exists() && data.join("dockpass/credentials.json").exists());
    assert!(!workstation.home.path().join(".docker").exists() && !workstation.home.path().join(".local").exists());
}
