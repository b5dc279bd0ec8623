//! `POST /admin/setup-steps/dismiss`.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;

use super::actions::{self, SetupStep};
use super::rows::title;
use crate::app::App;
use crate::auth::session::{Administrator, begin_change};
use crate::error::Error;
use crate::web::forms::PostedForm;
use crate::web::page::redirect;

pub fn routes() -> Router<App> {
    Router::new().route("/admin/setup-steps/dismiss", post(dismiss))
}

#[derive(Debug, Deserialize)]
struct DismissForm {
    step: String,
}

async fn dismiss(
    State(app): State<App>,
    Administrator(me): Administrator,
    PostedForm(form): PostedForm<DismissForm>,
) -> Result<Response, Error> {
    let step = SetupStep::named(&form.step).ok_or(Error::Invalid)?;
    let mut tx = begin_change(&app, &me.account).await?;
    actions::dismiss(&mut tx, step, me.page.now).await?;
    tx.commit().await?;
    let key = if step.is_confirmed_by_hand(&app.config) { "setup_steps.marked_done" } else { "setup_steps.dismissed" };
    me.leave_notice(&me.page.t1(key, "name", title(step, me.page.words))).await?;
    // The list is in a closed part of the page, which browsers open for an address that points into it.
    Ok(redirect(&me.page, "/settings/tokens#setup-steps"))
}
