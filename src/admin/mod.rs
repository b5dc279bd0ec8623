//! Administration: `/admin/…`, and `dockpass account …` at the shell.
//!
//! Administrators never see the secrets of others and never sign in as others.

mod actions;
pub mod cli;
mod import;
mod list;
mod log;
mod manage;
mod store;

use axum::Router;

use crate::app::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    list::routes().merge(manage::routes()).merge(log::routes())
}
