//! The outside world, one thing a file: time, chance, the database, the keys.

pub mod certificates;
pub mod clock;
pub mod collector;
pub mod db;
pub mod entropy;
pub mod hasher;
pub mod keyring;
pub mod limits;
pub mod metrics;
pub mod migrations;
pub mod sessions;
pub mod signer;
pub mod vault;
