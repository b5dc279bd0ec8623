//! What `benches/run` measures Dockpass against, and with: bare handlers of axum that do the same work and nothing else, and
//! clients.
//!
//! The handlers write one line for each request, with the fields of ours, through tracing-subscriber with its defaults.

#![allow(clippy::unwrap_used, reason = "a bench may panic")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

mod clients;
mod fill;
mod page;
mod token;

use axum::Router;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tokio::net::TcpListener;

const USAGE: &str = "usage: yardsticks token-database|token-memory ADDRESS FILE JWT-HEADER
       yardsticks page ADDRESS FILE HTML
       yardsticks fill-account URL USERNAME FIRST LAST
       yardsticks fill URL TOKENS
       yardsticks first-answer URL COMMAND…
       yardsticks attack URL TOKEN-USER SECRET PERSON PASSWORD VICTIM SECONDS";

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["token-database", address, file, header] => serve(address, token::by_database(open(file).await, header)).await,
        ["token-memory", address, file, header] => {
            serve(address, token::by_memory(&open(file).await, header).await).await;
        }
        ["page", address, file, html] => serve(address, page::routes(open(file).await, html)).await,
        ["fill-account", url, username, first, last] => {
            fill::account(url, username, first.parse().unwrap(), last.parse().unwrap()).await;
        }
        ["fill", url, tokens] => fill::other_accounts(url, tokens.parse().unwrap()).await,
        ["first-answer", url, program, ref more @ ..] => clients::first_answer(url, program, more),
        ["attack", url, user, secret, person, password, victim, seconds] => {
            let probes = clients::Probes { url, user, secret, person, password };
            clients::attack(&probes, victim, seconds.parse().unwrap()).await;
        }
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}

/// Says where it listens, as Dockpass does, and serves until it is killed.
async fn serve(address: &str, routes: Router) {
    let listener = TcpListener::bind(address).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), routes)
        .await
        .unwrap();
}

/// Dockpass's database, as fast as sqlx reads it: four connections were faster than two or eight.
async fn open(file: &str) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("mmap_size", "268435456");
    SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_with(options).await.unwrap()
}
