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

use axum::Router;

use crate::state::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    pages::routes()
        .merge(new::routes())
        .merge(selected::routes())
        .merge(calendar::routes())
        .merge(refusals::pages::routes())
        .merge(manage::routes())
}

/// What calendar programs read.
pub fn feed_routes() -> Router<App> {
    calendar::feed_routes()
}
