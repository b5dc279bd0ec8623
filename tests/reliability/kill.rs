//! `kill -9` at random moments under load, on SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dockpass::platform::database::DatabaseLocation;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{Answers, Client};
use crate::harness::disk::Disk;
use crate::harness::program::{Program, command};
use crate::{Dice, half_states, kills};

/// Far beyond what the clients do.
pub const LIMITS: [&str; 6] =
    ["--max-tokens", "50000", "--token-creations-per-hour", "50000", "--auto-token-slots", "1000"];
pub const CLIENTS: usize = 4;

pub fn clients(settings: &[&str], answers: &Arc<Answers>) -> Vec<Client> {
    (1..=CLIENTS).map(|number| Client::new(&format!("client{number}"), settings, answers)).collect()
}

/// All clients work at once until the server is gone.
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

/// A random moment under load: after so many answers and a little more.
pub async fn random_moment(dice: &mut Dice, answers: &Answers) {
    answers.wait_for(1 + dice.below(80)).await;
    sleep(Duration::from_micros(dice.below(20_000) as u64)).await;
}

/// Checks what every failure must leave, with the server running again. Clients without a session sign in.
pub async fn check(clients: &mut [Client], program: &Program, location: &DatabaseLocation, all: bool) {
    half_states::check(location).await;
    for client in &mut *clients {
        client.check(program, all).await;
        client.be_signed_in(program, all).await;
    }
}

/// In words, what the clients have done; it must be something.
pub fn summary(clients: &[Client]) -> String {
    let (shown, deleted) = clients.iter().map(Client::counts).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert!(shown > CLIENTS && deleted > 0, "{shown} tokens were shown and {deleted} deleted");
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
    let answers = Arc::default();
    let mut clients = clients(&["--data", data.to_str().unwrap()], &answers);
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
        let working = set_to_work(clients, &program.base);
        random_moment(&mut dice, &answers).await;
        // Dropping it kills it.
        drop(program);
        clients = working.join_all().await;
    }
    let program = start(&data);
    check(&mut clients, &program, &location, true).await;
    println!("killed {kills} times on SQLite: {}", summary(&clients));
    assert_eq!(answers.unavailable(), 0);
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
    let answers = Arc::default();
    let mut clients = vec![Client::new("alice", &["--data", data.to_str().unwrap()], &answers)];
    for _ in 0..2 {
        let program = start(&data);
        clients[0].be_signed_in(&program, false).await;
        let is_over = AtomicBool::new(false);
        let work = clients[0].work(&program.base, || is_over.load(Ordering::Relaxed));
        let fill = async {
            answers.wait_for(30).await;
            disk.fill();
            answers.wait_for_unavailable(3).await;
            is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(work, fill);
        drop(program);
        disk.clear();
        let program = start(&data);
        check(&mut clients, &program, &location, true).await;
    }
    assert!(clients[0].counts().0 > 0, "tokens were shown");
}
