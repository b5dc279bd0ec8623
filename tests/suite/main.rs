//! The product through HTTP: a file for each route. All of it runs on SQLite, and on PostgreSQL where
//! `DOCKPASS_TEST_POSTGRES` names one.

#![allow(clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod accounts;
mod admin;
mod architecture;
mod auth;
mod devices;
mod doctor;
mod healthcheck;
mod helper;
mod hostile_input;
mod hourly_cleanup;
mod locales;
mod logging;
mod platform;
mod program;
mod registry;
mod repositories;
mod routes;
mod settings;
mod setup_steps;
mod tokens;
mod web;
