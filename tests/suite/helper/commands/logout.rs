//! `logout HOST`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::helper::fake_server::FakeServer;
use crate::helper::workstation::Workstation;

#[test]
fn logout_also_removes_the_host_from_dockers_config() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.write_docker_config("{\n  \"auths\": {}\n}\n");
    workstation.login(&host);
    assert!(workstation.docker_config().contains(&format!("\"{host}\": \"dockpass\"")));
    assert_eq!(workstation.run(&["logout", &host]).succeed(), format!("signed out of {host}\n"));
    assert_eq!(server.revoked(), ["dp_ref_1", "dp_dev_1"]);
    assert_eq!(workstation.docker_config(), "{\n  \"auths\": {}\n}\n");
    assert_eq!(workstation.run(&["logout", &host]).succeed(), format!("you were not signed in to {host}\n"));
}

#[test]
fn a_broken_docker_config_does_not_hide_that_the_person_is_signed_out() {
    let (server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.sign_in(&server);
    workstation.write_docker_config("{");
    let broken = format!(
        "{} is not a JSON object: it was left unchanged",
        workstation.home.path().join(".docker/config.json").display()
    );
    assert_eq!(workstation.run(&["logout", &host]).fail(), format!("{broken}; you are signed out anyway"));
    assert_eq!((server.revoked(), workstation.list()), (vec!["dp_ref_1".to_owned(), "dp_dev_1".to_owned()], json!({})));
    assert_eq!(workstation.run(&["logout", &host]).fail(), broken);
    assert_eq!(workstation.docker_config(), "{");
}

#[test]
fn while_the_server_is_unreachable_the_token_is_removed_here() {
    let (mut server, workstation) = (FakeServer::start(), Workstation::new());
    let host = server.host();
    workstation.sign_in(&server);
    server.configure(|script| script.revoke_status = Some(503));
    let said = workstation.call("erase", &host);
    let left = "the token is still valid on the server, where you can delete it:";
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    assert!(said.stderr.starts_with(&format!("docker-credential-dockpass: {left} http://{host}")), "{said:?}");
    workstation.sign_in(&server);
    server.stop();
    let began = Instant::now();
    let said = workstation.run(&["logout", &host]).succeed();
    assert!(said.starts_with(left) && said.ends_with(&format!("\nsigned out of {host}\n")), "{said}");
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!(workstation.list(), json!({}));
}
