//! The outside world, one thing per file: time, randomness, the database, the keys.

pub mod backup;
pub mod certificates;
pub mod clock;
pub mod data_folder;
pub mod database;
pub mod encryption;
pub mod environment_file;
pub mod fair_queue;
pub mod http_client;
pub mod http_server;
pub mod journal;
pub mod jwt;
pub mod log;
pub mod metrics;
pub mod migrate_to;
pub mod migrations;
pub mod open_database;
pub mod password_hasher;
pub mod rate_limits;
pub mod restore;
pub mod rng;
pub mod run_as_owner;
pub mod session_store;
pub mod signing_keys;
pub mod text_input;
pub mod write_health;
