//! The second factor: an authenticator, and recovery codes for when it is lost.

pub mod actions;
pub mod challenge;
pub mod pages;
mod store;

use axum::Router;

use crate::state::App;

/// The pages that set it up, and those that ask for it.
pub fn routes() -> Router<App> {
    pages::routes().merge(challenge::routes())
}
