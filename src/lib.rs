//! Dockpass: personal access tokens for a self-hosted container registry.
//!
//! # The map of the house
//!
//! | Room | Holds |
//! |---|---|
//! | [`core`] | the rules: secrets, levels, scopes, expiry, passwords. It decides and never asks |
//! | [`platform`] | the outside world, one thing a file: database, clock, chance, keys, sessions |
//! | [`web`] | what all pages and endpoints share: errors, forms, words, headers. It knows no feature |
//! | [`activity`], [`accounts`], [`repositories`], [`tokens`], [`people`], [`registry`], [`device`] | the features, each with the same rooms |
//! | [`config`], [`state`], [`router`], [`server`], [`backup`] | settings, what handlers share, all routes, start and stop |
//!
//! In every feature `store.rs` holds its SQL, `actions.rs` its verbs, and doors lead in: `pages.rs` and its like for
//! the browser, `endpoint.rs` for machines, `shell.rs` for the operator.
//!
//! `src/bin/docker-credential-dockpass` is a program of its own, the credential helper: it knows the server by HTTP
//! alone, and uses nothing of this library.
//!
//! # The law of imports
//!
//! ```text
//! main → server → router → doors → actions → store → platform::db
//!                            ↓        ↓        ↓
//!                           web      core ← ← ←
//! features, one way:  activity ← accounts ← repositories ← tokens ← people, registry, device
//! ```
//!
//! `core` uses neither HTTP nor SQL nor a clock; SQL stands in `store.rs` and `platform` alone; `web` knows no
//! feature; no room reaches into a feature to its right. `tests/suite/house.rs` reads the sources and holds them to it.

pub mod accounts;
pub mod activity;
pub mod backup;
pub mod config;
pub mod core;
pub mod device;
pub mod error;
pub mod people;
pub mod platform;
pub mod registry;
pub mod repositories;
pub mod router;
pub mod server;
pub mod state;
pub mod tokens;
pub mod web;

rust_i18n::i18n!("templates/locales", fallback = "en");
