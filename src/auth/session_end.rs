//! `/settings/session`: when this browser's session ends, for the notice that the script shows shortly before.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::session::{AnySession, SessionEnd, SignedIn};
use crate::app::App;
use crate::error::Error;
use crate::web::page::private;

pub fn routes() -> Router<App> {
    Router::new().route("/settings/session", get(show).post(extend)).route("/settings/session/new", post(renewed))
}

/// Tells how long the session lasts, and does not extend it.
async fn show(State(app): State<App>, session: AnySession) -> Result<Response, Error> {
    session.account(&app).await?.ok_or(Error::SignedOut)?;
    Ok(answer(&app, session.end(&app).await?))
}

/// "Stay signed in".
async fn extend(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    Ok(answer(&app, me.stay(&app).await?))
}

/// Comes after "Sign in again" ([`super::sign_in_again`]): there is nothing left to do.
async fn renewed(_: SignedIn) -> Response {
    private(())
}

fn answer(app: &App, end: SessionEnd) -> Response {
    let seconds = (end.at - app.clock.now()).whole_seconds().max(0);
    private(Json(json!({"seconds_left": seconds, "can_extend": end.can_extend()})).into_response())
}
