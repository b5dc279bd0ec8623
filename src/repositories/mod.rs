//! Repositories: whose they are, who else may have them, and what became of them last.

pub mod actions;
mod list;
mod list_query;
mod manage;
pub mod passwords;
mod rows;
mod sharing;
mod store;

use axum::Router;

use crate::app::App;

pub use store::ListedRepository;

/// The feature's pages.
pub fn routes() -> Router<App> {
    list::routes().merge(manage::routes()).merge(sharing::routes())
}
