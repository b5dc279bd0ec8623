//! `kill -9` of the server and of its PostgreSQL, which has its defaults.

use std::sync::Arc;
use std::time::Duration;

use dockpass::platform::database::DatabaseLocation;
use reqwest::StatusCode;
use tokio::time::{sleep, timeout};

use crate::harness::program::{Program, command};
use crate::kill::{LIMITS, check, clients, random_moment, set_to_work, summary};
use crate::postgres::Postgres;
use crate::{Dice, is_long};

#[tokio::test(flavor = "multi_thread")]
async fn with_its_database_killed_too_a_server_keeps_what_it_showed_and_nothing_that_it_deleted() {
    let kills = if is_long() { 20 } else { 2 };
    let folder = tempfile::tempdir().unwrap();
    let (data, postgres) = (folder.path().join("data"), Postgres::create());
    let (data, url) = (data.to_str().unwrap(), postgres.url());
    let location: DatabaseLocation = url.parse().unwrap();
    let settings = ["--data", data, "--database-url", &url];
    let answers = Arc::default();
    let mut clients = clients(&settings, &answers);
    let mut dice = Dice::new();
    let start = || Program::spawn(command(&["--listen", "127.0.0.1:0"]).args(settings).args(LIMITS));
    let mut program = start();
    for round in 1..=kills {
        check(&mut clients, &program, &location, round % 5 == 0).await;
        let working = set_to_work(clients, &program.base);
        random_moment(&mut dice, &answers).await;
        postgres.kill();
        if round % 2 == 0 {
            // The server lives on, and says that it cannot answer.
            let ready = program.browser().get("/readyz").await;
            assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.body);
            postgres.start();
            let recovered = async {
                while program.browser().get("/readyz").await.status != StatusCode::OK {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(Duration::from_secs(60), recovered).await.expect("it comes back by itself");
            // Under load again before it goes too.
            random_moment(&mut dice, &answers).await;
            drop(program);
        } else {
            drop(program);
            postgres.start();
        }
        clients = working.join_all().await;
        program = start();
    }
    check(&mut clients, &program, &location, true).await;
    drop(program);
    postgres.check_files();
    println!("killed {kills} times with PostgreSQL: {}", summary(&clients));
}
