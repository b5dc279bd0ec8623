//! The product through HTTP: a file for each route. All of it runs on SQLite, and on PostgreSQL where
//! `DOCKPASS_TEST_POSTGRES` names one.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod account_shell;
mod activity;
mod admin_accounts;
mod backup;
mod calendar;
mod chinese;
mod closing;
mod csrf;
mod factor_races;
mod fresh;
mod general;
mod headers;
mod house;
mod jwks;
mod log;
mod login;
mod login_code;
mod once;
mod password;
mod powerless;
mod preferences;
mod program;
mod quota;
mod races;
mod recovery_codes;
mod require_2fa;
mod routes;
mod session;
mod sessions;
mod set_password;
mod setup;
mod signup;
mod throttle;
mod token;
mod token_agrees;
mod token_detail;
mod token_form;
mod token_jwt;
mod token_reach;
mod token_recent;
mod token_refusals;
mod token_second_factor;
mod token_used;
mod tokens;
mod tokens_delete;
mod tokens_foreign;
mod tokens_id;
mod tokens_like;
mod tokens_new;
mod tokens_post;
mod tokens_selected;
mod tokens_switch;
mod tokens_table;
mod two_factor;
mod v2;
