//! `kill -9` at random moments under load, on SQLite.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dockpass::platform::database::DatabaseLocation;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::harness::disk::Disk;
use crate::harness::program::{Program, command};
use crate::{Dice, half_states, kills};

/// Far beyond what the clients do.
pub const LIMITS: [&str; 6] =
    ["--max-tokens", "50000", "--token-creations-per-hour", "50000", "--auto-token-slots", "1000"];
pub const CLIENTS: usize = 4;

pub fn clients(settings: &[&str]) -> Vec<Client> {
    (1..=CLIENTS).map(|number| Client::new(&format!("client{number}"), settings)).collect()
}

/// All clients work until the server is gone; they begin at once.
pub fn set_to_work(clients: Vec<Client>, base: &str) -> JoinSet<Client> {
    let mut working = JoinSet::new();
    for mut client in clients {
        let base = base.to_owned();
        working.spawn(async move {
            client.work(&base, || false).await;
            client
        });
    }
    working
}

/// What every failure must leave: checks with the server running again.
pub async fn check(clients: &mut [Client], program: &Program, location: &DatabaseLocation, all: bool) {
    half_states::check(location).await;
    for client in &mut *clients {
        client.check(program, all).await;
    }
}

pub fn summary(clients: &[Client]) -> String {
    let (shown, deleted) = clients.iter().map(Client::counts).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    format!("{shown} tokens were shown and {deleted} of them deleted")
}

fn start(data: &Path) -> Program {
    Program::start(data, &LIMITS)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_keeps_what_it_showed_and_nothing_that_it_deleted() {
    let kills = kills(6);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let location = DatabaseLocation::Sqlite(data.join("dockpass.db"));
    let mut clients = clients(&["--data", data.to_str().unwrap()]);
    let mut dice = Dice::new();
    for round in 1..=kills {
        if round % 5 == 0 {
            // In the middle of its start, too.
            let mut starting = command(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]).spawn().unwrap();
            sleep(Duration::from_millis(dice.below(400) as u64)).await;
            starting.kill().unwrap();
            starting.wait().unwrap();
        }
        let program = start(&data);
        check(&mut clients, &program, &location, round % 20 == 0).await;
        if round % 20 == 0 {
            clients.iter_mut().for_each(Client::forget_session);
        }
        let working = set_to_work(clients, &program.base);
        sleep(Duration::from_millis(20 + dice.below(1200) as u64)).await;
        // Dropping it kills it.
        drop(program);
        clients = working.join_all().await;
    }
    let program = start(&data);
    check(&mut clients, &program, &location, true).await;
    println!("killed {kills} times on SQLite: {}", summary(&clients));
    assert!(clients.iter().all(|client| client.unavailable == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_on_a_full_disk_keeps_what_it_showed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(disk) = Disk::mount(&data) else {
        println!("NOT RUN: the test that kills a server on a full disk: this user may not mount one");
        return;
    };
    let location = DatabaseLocation::Sqlite(data.join("dockpass.db"));
    let mut clients = vec![Client::new("alice", &["--data", data.to_str().unwrap()])];
    for _ in 0..2 {
        let program = start(&data);
        let is_over = AtomicBool::new(false);
        let work = clients[0].work(&program.base, || is_over.load(Ordering::Relaxed));
        let fill = async {
            sleep(Duration::from_secs(2)).await;
            disk.fill();
            sleep(Duration::from_secs(2)).await;
            is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(work, fill);
        assert!(clients[0].unavailable > 0, "the disk was full");
        drop(program);
        disk.clear();
        let program = start(&data);
        check(&mut clients, &program, &location, true).await;
    }
}
