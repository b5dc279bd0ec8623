//! Account settings, General.

use askama::Template;
use askama_web::WebTemplate;
use axum::{Router, response::Response, routing::get};

use super::session::SignedIn;
use crate::{
    core::account::Account,
    state::App,
    web::page::{Page, private},
};

/// `/settings`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings", get(show))
}

#[derive(Template, WebTemplate)]
#[template(path = "accounts/general.html")]
struct GeneralPage {
    page: Page,
    account: Account,
}

async fn show(me: SignedIn) -> Response {
    private(GeneralPage { page: me.page, account: me.account })
}
