//! Repositories: whose they are, who else may have them, and what became of them last.

pub mod actions;
mod address;
mod manage;
mod pages;
pub mod passwords;
mod sharing;
mod store;
mod view;

use axum::Router;

use crate::state::App;

pub use store::Listed;

/// The feature's pages.
pub fn routes() -> Router<App> {
    pages::routes().merge(manage::routes()).merge(sharing::routes())
}
