//! Opening the browser.

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

#[test]
fn the_browser_opens_only_with_a_display_and_without_no_browser() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let opened = workstation.home.path().join("opened");
    let opener = workstation.home.path().join("bin/xdg-open");
    std::fs::create_dir(opener.parent().unwrap()).unwrap();
    std::fs::write(&opener, format!("#!/bin/sh\necho \"$1\" >> {}\n", opened.display())).unwrap();
    std::fs::set_permissions(&opener, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let login = |more: &[&str], display: &str| {
        let mut command = workstation.command(&["login", &server.host()]);
        let path = format!("{}:/usr/bin:/bin", opener.parent().unwrap().display());
        let said = command.args(more).env("PATH", path).env("DISPLAY", display).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    assert!(!login(&["--no-browser"], ":1").contains("opening your browser"));
    assert!(!login(&[], "").contains("opening your browser"));
    assert!(!opened.exists());
    let said = login(&[], ":1");
    assert!(said.contains("opening your browser") && said.contains("WDJB-MJHT"), "{said}");
    assert!(said.ends_with("docker-credential-dockpass is not on your PATH: put it there, or docker cannot find it\n"));
    let url = format!("http://{}/device?user_code=WDJB-MJHT\n", server.host());
    assert_eq!(std::fs::read_to_string(opened).unwrap(), url);
}
