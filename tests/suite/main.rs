//! The product through HTTP: a file for each route. All of it runs on SQLite, and on PostgreSQL where
//! `DOCKPASS_TEST_POSTGRES` names one.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod backup;
mod chinese;
mod csrf;
mod headers;
mod house;
mod jwks;
mod log;
mod login;
mod once;
mod powerless;
mod preferences;
mod program;
mod races;
mod session;
mod setup;
mod token;
mod token_form;
mod token_jwt;
mod token_refusals;
mod token_used;
mod tokens;
mod tokens_delete;
mod tokens_foreign;
mod tokens_id;
mod tokens_new;
mod tokens_post;
mod tokens_switch;
mod v2;
