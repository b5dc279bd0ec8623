//! `/settings/tokens`: the list of tokens.

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{Redirect, Response};
use axum::routing::get;
use axum_htmx::HxPushUrl;
use dockpass_core::refusal::SuggestedFix;

use super::table::{TokenTable, TokensChangedPage};
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::setup_steps::rows::StepsView;
use crate::tokens::list_query;
use crate::web::page::{Page, private, without_indentation};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens", get(list))
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/list.html", blocks = ["table"])]
pub(super) struct TokensPage {
    page: Page,
    table: TokenTable,
    notice: Option<String>,
    /// What an administrator has left to set up.
    setup: Option<StepsView>,
    /// Whether htmx swaps the table into its place by itself.
    out_of_band: bool,
}

impl From<TokensChangedPage> for TokensPage {
    fn from(TokensChangedPage { page, table, notice, .. }: TokensChangedPage) -> Self {
        Self { page, table, notice, setup: None, out_of_band: false }
    }
}

async fn list(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let listing = list_query::parse(query.as_deref().unwrap_or_default());
    let address = HxPushUrl(list_query::address(&listing));
    // If someone types a whole token into the filter, it leaves the address bar at once.
    let has_secret = query.as_deref().is_some_and(|query| query.contains("text=dp_") && !address.0.ends_with(query));
    if has_secret && !me.page.is_fragment {
        return Ok(private(Redirect::to(&address.0)));
    }
    let mut reader = app.db.read().await?;
    let table = TokenTable::read(&mut reader, &app, &me.account, &me.page, listing).await?;
    if me.page.is_fragment {
        let fragment = TokensPage { page: me.page, table, notice: None, setup: None, out_of_band: false };
        return Ok(private((address, fragment.as_table().into_web_template())));
    }
    let setup = StepsView::read(&mut reader, &app, &me.page).await?;
    drop(reader);
    let notice = me.take_notice().await?;
    Ok(private(without_indentation(&TokensPage { page: me.page, table, notice, setup, out_of_band: false })?))
}
