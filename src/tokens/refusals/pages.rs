//! "Recent refusals", above the table of tokens.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;

use super::actions;
use crate::app::App;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::tokens::list::table::changed;
use crate::tokens::return_to::ReturnTo;

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/refusals/clear", post(clear))
}

async fn clear(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    actions::dismiss(&mut tx, &me.account).await?;
    let notice = me.page.t("refusals.cleared").into_owned();
    changed(tx, &app, me, &ReturnTo::list(), notice).await
}
