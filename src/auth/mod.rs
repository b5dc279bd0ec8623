//! Proving who you are: signing in and out, two-factor authentication, the session, the first account, sign-up and
//! links that set a password.

pub mod actions;
pub mod credentials_form;
mod extract;
pub mod one_time_links;
pub mod recent_sign_in;
mod remembered_browser;
pub mod session;
mod set_password;
mod setup;
mod sign_in;
mod sign_up;
mod store;
pub mod throttle;
pub mod two_factor;

use axum::Router;

use crate::app::App;

/// The feature's pages.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(setup::routes())
        .merge(sign_up::routes())
        .merge(set_password::routes())
        .merge(sign_in::routes())
        .merge(two_factor::challenge::routes())
}
