//! Account settings, and closing one's own account.

mod actions;
mod activity;
mod close_account;
mod general;
mod preferences;
mod security;
mod sessions;
mod two_factor;

use axum::Router;

use crate::app::App;

pub fn routes() -> Router<App> {
    Router::new()
        .merge(general::routes())
        .merge(preferences::routes())
        .merge(security::routes())
        .merge(two_factor::routes())
        .merge(sessions::routes())
        .merge(activity::routes())
        .merge(close_account::routes())
}
