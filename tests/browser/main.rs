//! The journeys of people through the pages, in Debian's Chromium: `cargo test --test browser`.
//!
//! Each leaves pictures of its pages under `target/screens/`, and each picture's page was audited by axe-core. A
//! journey ends with a look at the browser's console, which must be empty.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

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
