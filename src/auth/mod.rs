//! Proving who you are: signing in and out, two-factor authentication, the session, the first account, sign-up and
//! links that set a password.

pub mod credential_checker;
pub mod credentials_form;
mod extract;
pub mod one_time_links;
pub mod recent_sign_in;
mod remembered_browser;
pub mod session;
mod session_end;
mod set_password;
mod setup;
mod sign_in;
pub mod sign_in_again;
mod sign_up;
pub mod throttle;
pub mod two_factor;

use axum::Router;
use dockpass_core::timestamp::Timestamp;

use crate::app::App;
use crate::error::Error;
use crate::platform::database::Db;
use crate::platform::session_store;

pub fn routes() -> Router<App> {
    Router::new()
        .merge(setup::routes())
        .merge(sign_up::routes())
        .merge(set_password::routes())
        .merge(sign_in::routes())
        .merge(session_end::routes())
        .merge(two_factor::challenge::routes())
}

pub async fn tidy(db: &Db, now: Timestamp) -> Result<(), Error> {
    let mut tx = db.write().await?;
    session_store::forget_ended(&mut tx, now).await?;
    throttle::tidy(&mut tx, now).await?;
    one_time_links::actions::forget_password_links(&mut tx, now).await?;
    Ok(tx.commit().await?)
}
