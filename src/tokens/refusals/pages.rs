//! "Recent refusals", above the table of tokens.

use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::post};

use super::actions;
use crate::{app::App, auth::session::SignedIn, error::Error, tokens::list::table::changed};

/// `/settings/tokens/refusals`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/refusals/clear", post(clear))
}

async fn clear(State(app): State<App>, me: SignedIn, headers: HeaderMap) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    actions::dismiss(&mut tx, &me.account).await?;
    let notice = me.page.t("refusals.cleared").into_owned();
    changed(tx, &app, me, &headers, notice).await
}
