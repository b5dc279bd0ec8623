//! People: what an administrator sees and does, and closing one's own account.
//!
//! Right of `tokens`, for it counts and deletes them. It never shows anyone's secrets and never signs in as anyone.

mod actions;
mod closing;
mod manage;
mod pages;
pub mod shell;
mod store;

use axum::Router;

use crate::state::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    pages::routes().merge(manage::routes()).merge(closing::routes())
}
