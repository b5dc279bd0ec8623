//! Personal access tokens: generated, shown once, managed.

pub mod actions;
pub mod authenticate;
mod bulk;
mod calendar;
mod chart;
mod detail;
mod edit;
pub mod explain_permission;
mod fields;
mod first_use;
pub mod list;
mod list_query;
mod new;
pub mod refusals;
mod repository_choices;
mod return_to;
mod rows;
mod store;
pub mod usage;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::app::App;
use crate::web::forms::LARGEST_TOKEN_FORM;

/// The feature's pages.
pub fn routes() -> Router<App> {
    list::pages::routes()
        .merge(new::routes())
        .merge(edit::routes())
        // The routes below keep the smaller limit of all other forms.
        .layer(DefaultBodyLimit::max(LARGEST_TOKEN_FORM))
        .merge(bulk::routes())
        .merge(calendar::routes())
        .merge(first_use::routes())
        .merge(refusals::pages::routes())
        .merge(repository_choices::routes())
}

/// The calendar that calendar programs read.
pub fn feed_routes() -> Router<App> {
    calendar::feed_routes()
}
