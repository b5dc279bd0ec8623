//! What an administrator sees and does: `/admin/accounts`, and `dockpass account …` at the shell.
//!
//! An administrator never sees anyone's secrets and never signs in as anyone.

mod actions;
pub mod cli;
mod list;
mod manage;
mod store;

use axum::Router;

use crate::app::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    list::routes().merge(manage::routes())
}
