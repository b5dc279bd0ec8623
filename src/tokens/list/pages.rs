//! The table of tokens.

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::{
    Router,
    extract::{RawQuery, State},
    response::{Redirect, Response},
    routing::get,
};
use axum_htmx::HxPushUrl;
use dockpass_core::refusal::SuggestedFix;

use super::table::Table;
use crate::{
    app::App,
    auth::session::SignedIn,
    error::Error,
    tokens::list_query,
    web::page::{Page, private},
};

/// `/settings/tokens`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens", get(list))
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/list.html", blocks = ["table"])]
struct TokensPage {
    page: Page,
    table: Table,
    notice: Option<String>,
    /// Whether the table replaces another one wherever it stands on the page.
    out_of_band: bool,
}

async fn list(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let listing = list_query::parse(query.as_deref().unwrap_or_default());
    let address = HxPushUrl(format!("/settings/tokens{}", list_query::query(&listing)));
    // A whole token that was typed into the filter leaves the address bar at once.
    let holds_secret = query.as_deref().is_some_and(|query| query.contains("text=dp_") && !address.0.ends_with(query));
    if holds_secret && !me.page.is_fragment {
        return Ok(private(Redirect::to(&address.0)));
    }
    let table = Table::read(&mut app.db.read().await?, &app, &me.account, &me.page, listing).await?;
    if me.page.is_fragment {
        let fragment = TokensPage { page: me.page, table, notice: None, out_of_band: false };
        return Ok(private((address, fragment.as_table().into_web_template())));
    }
    let notice = me.take_notice().await?;
    Ok(private(TokensPage { page: me.page, table, notice, out_of_band: false }))
}
