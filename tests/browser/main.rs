//! The journeys of people through the pages, in Debian's Chromium: `cargo test --test browser`.
//!
//! Each journey saves screenshots under `target/screens/` and audits the pages with axe-core. At its end the browser's
//! console must be empty.

#![allow(clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod accounts;
mod audit;
mod detail;
mod device;
mod driver;
mod factor;
mod frame;
mod fresh;
mod gallery;
mod general;
mod generate;
mod manage;
mod menus;
mod once;
mod people;
mod plain;
mod refusals;
mod repositories;
mod selection;
mod table;
mod times;

mod whereabouts;
mod window;
mod words;
