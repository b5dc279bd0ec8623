//! Personal access tokens: made, seen once, managed.

pub mod actions;
mod manage;
pub mod pages;
mod store;
pub mod usage;
mod view;

use axum::Router;

use crate::state::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    pages::routes().merge(manage::routes())
}
