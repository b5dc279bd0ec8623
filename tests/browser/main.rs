//! The journeys of people through the pages, in Debian's Chromium: `cargo test --test browser`.
//!
//! Each journey audits its pages with axe-core. At its end the browser's console must be empty. With
//! `DOCKPASS_TEST_SCREENSHOTS=FOLDER` it also saves screenshots of the pages.

#![allow(clippy::unwrap_used, reason = "tests are sentences by their names, and may panic")]

#[path = "../harness/mod.rs"]
mod harness;

mod accounts;
mod admin_accounts;
mod audit;
mod bulk_actions;
mod contrast_and_motion;
mod detail;
mod device;
mod driver;
mod failures;
mod form_errors;
mod general;
mod generate;
mod keyboard_only;
mod menus;
mod patterns;
mod readme_screenshot;
mod recent_sign_in;
mod refusals;
mod repositories;
mod repository_choices;
mod security_settings;
mod setup_steps;
mod shown_once;
mod shown_pages;
mod sign_in_again;
mod table;
mod times;
mod token_dialog;
mod tokens_page;
mod top_bar;
mod two_factor;
mod window;
mod without_javascript;
mod words;
