//! Dockpass: personal access tokens for a self-hosted container registry.
//!
//! | Module | Holds |
//! |---|---|
//! | [`dockpass_core`] | the rules: tokens, scopes, permissions, expiry, passwords. No I/O, no clock |
//! | [`platform`] | the outside world, one thing a file: database, clock, random numbers, keys, sessions |
//! | [`web`] | what all handlers share and no feature: pages, forms, errors, translations, headers |
//! | [`activity`], [`accounts`], [`auth`], [`repositories`], [`setup_steps`], [`tokens`], [`settings`], [`admin`], [`devices`], [`registry`], [`doctor`] | the features |
//! | [`command_line`], [`config`], [`app`], [`router`], [`server`], [`healthcheck`] | arguments, settings, what handlers share, all routes, start and stop, whether it is ready |
//!
//! Every feature has the same files: `store.rs` holds its SQL, `actions.rs` its verbs, `pages.rs` (and one file per
//! larger page) its HTML handlers, `endpoint.rs` its machine-facing handlers, `cli.rs` its shell commands.
//!
//! # Who may use whom
//!
//! ```text
//! handlers → actions → store → platform::database
//!    ↓          ↓        ↓
//!   web   dockpass_core ← ←
//! features, each may use those to its left:
//! activity ← accounts ← auth ← repositories ← setup_steps ← tokens ← settings, admin, devices, registry ← doctor
//! ```
//!
//! `docs/architecture.md` is the long form of this page; `tests/suite/architecture.rs` checks it.

pub mod accounts;
pub mod activity;
pub mod admin;
pub mod app;
pub mod auth;
pub mod command_line;
pub mod config;
pub mod devices;
pub mod doctor;
pub mod error;
pub mod healthcheck;
pub mod platform;
pub mod registry;
pub mod repositories;
pub mod router;
pub mod server;
pub mod settings;
pub mod setup_steps;
pub mod tokens;
pub mod web;

rust_i18n::i18n!("templates/locales");
