//! Accounts: the first one, signing in and out, and what an account settles for itself.

pub mod actions;
pub mod factor;
pub mod fresh;
pub mod links;
pub mod log;
pub mod login;
pub mod newcomer;
pub mod preferences;
pub mod security;
pub mod session;
pub mod sessions;
pub mod set_password;
pub mod settings;
pub mod setup;
pub mod signup;
mod store;
pub mod throttle;

use axum::Router;

use crate::state::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(setup::routes())
        .merge(signup::routes())
        .merge(set_password::routes())
        .merge(login::routes())
        .merge(settings::routes())
        .merge(preferences::routes())
        .merge(security::routes())
        .merge(factor::routes())
        .merge(sessions::routes())
        .merge(log::routes())
}
