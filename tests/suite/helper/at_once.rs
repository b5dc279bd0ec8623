//! Many programs at once, as a parallel build calls them.

use std::{
    process::{Child, Output},
    time::Duration,
};

use serde_json::{Value, json};

use super::{server::Server, workstation::Workstation};

fn ends(processes: Vec<Child>) -> Vec<Output> {
    processes.into_iter().map(|process| process.wait_with_output().unwrap()).collect()
}

#[test]
fn of_many_that_find_a_session_due_one_renews_it() {
    let (server, workstation) = (Server::start(), Workstation::new());
    let host = server.host();
    workstation.login(&host);
    workstation.ages(&host);
    server.say(|script| script.refresh_takes = Duration::from_millis(300));
    let processes = (0..12).map(|_| workstation.start("get", host.as_bytes())).collect();
    for output in ends(processes) {
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["Secret"], "dp_dev_2");
    }
    assert_eq!(server.refreshes(), 1);
}

#[test]
fn of_many_that_write_none_loses_anything() {
    let workstation = Workstation::new();
    let hosts: Vec<String> = (0..24).map(|n| format!("hub{n}.example.com")).collect();
    let store = |host: &String| {
        let input = json!({ "ServerURL": host, "Username": "alice", "Secret": format!("dp_pat_{host}") });
        workstation.start("store", input.to_string().as_bytes())
    };
    assert!(ends(hosts.iter().map(store).collect()).iter().all(|output| output.status.success()));
    assert_eq!(workstation.list().as_object().unwrap().len(), hosts.len());
    // Some go, some come again, some are read meanwhile.
    let (gone, kept) = hosts.split_at(8);
    let erase = gone.iter().map(|host| workstation.start("erase", host.as_bytes()));
    let again = kept.iter().map(store);
    let get = kept.iter().map(|host| workstation.start("get", host.as_bytes()));
    let all: Vec<Child> = erase.chain(again).chain(get).collect();
    for output in ends(all) {
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(workstation.list().as_object().unwrap().keys().collect::<Vec<_>>().len(), kept.len());
    for host in kept {
        assert_eq!(workstation.get(host).1, format!("dp_pat_{host}"));
    }
}

#[test]
fn two_sign_ins_at_once_both_stand() {
    let (one, two, workstation) = (Server::start(), Server::start(), Workstation::new());
    let login = |server: &Server| workstation.command(&["login", &server.host()]).spawn().unwrap();
    let outputs = ends(vec![login(&one), login(&two)]);
    assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
    assert_eq!(workstation.list(), json!({ one.host(): "alice", two.host(): "alice" }));
    let config: Value = serde_json::from_str(&workstation.docker_config()).unwrap();
    assert_eq!(config, json!({ "credHelpers": { one.host(): "dockpass", two.host(): "dockpass" } }));
}
