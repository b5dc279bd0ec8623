//! Personal access tokens: made, seen once, managed.

pub mod actions;
mod address;
mod calendar;
mod chart;
mod detail;
pub mod generated;
mod manage;
mod new;
pub mod overview;
pub mod pages;
pub mod present;
pub mod refusals;
mod selected;
mod settled;
mod store;
pub mod tester;
pub mod uses;
mod view;

use axum::{Router, extract::DefaultBodyLimit};

use crate::state::App;

/// In bytes: as many repositories as a token can be limited to, with the longest names, encoded for a form.
const LARGEST_FORM: usize = 512 * 1024;

/// The feature's pages.
pub fn routes() -> Router<App> {
    pages::routes()
        .merge(new::routes())
        .merge(manage::routes())
        // Outside of this the limit of all other forms stands.
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .merge(selected::routes())
        .merge(calendar::routes())
        .merge(refusals::pages::routes())
}

/// What calendar programs read.
pub fn feed_routes() -> Router<App> {
    calendar::feed_routes()
}
