//! The folders.

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

#[test]
fn the_standard_variables_name_the_folders() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let (docker, data) = (workstation.home.path().join("docker"), workstation.home.path().join("data"));
    let mut command = workstation.command(&["login", &server.host()]);
    assert!(command.env("DOCKER_CONFIG", &docker).env("XDG_DATA_HOME", &data).output().unwrap().status.success());
    assert!(docker.join("config.json").exists() && data.join("dockpass/credentials.json").exists());
    assert!(!workstation.home.path().join(".docker").exists() && !workstation.home.path().join(".local").exists());
}

#[test]
fn empty_and_relative_variables_are_ignored() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let mut command = workstation.command(&["login", &server.host()]);
    assert!(command.env("DOCKER_CONFIG", "").env("XDG_DATA_HOME", "data").output().unwrap().status.success());
    assert!(workstation.file().exists() && workstation.home.path().join(".docker/config.json").exists());
}

#[test]
fn a_relative_home_folder_is_refused() {
    let workstation = Workstation::new();
    let output = workstation.command(&["list"]).env("HOME", "home").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(1), "there is no home folder: set HOME to its absolute path\n")
    );
}
