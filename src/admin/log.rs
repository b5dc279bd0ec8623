//! `/admin/log`: what administrators, and the operator at the shell, did with accounts.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use crate::activity::actions as activity;
use crate::activity::rows::{ActivityDay, ActivityView};
use crate::app::App;
use crate::auth::session::Administrator;
use crate::error::Error;
use crate::web::list_query::{Paging, page_number};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/admin/log", get(show))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LogQuery {
    page: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "admin/log.html")]
struct LogPage {
    page: Page,
    days: Vec<ActivityDay>,
    paging: Paging,
}

async fn show(
    State(app): State<App>,
    Administrator(me): Administrator,
    Query(query): Query<LogQuery>,
) -> Result<Response, Error> {
    let number = page_number(&query.page);
    let (entries, count) = activity::list_of_administrators(&mut app.db.read().await?, number).await?;
    let page = me.page;
    let paging = Paging::new(number, count, page.words, |number| format!("/admin/log?page={number}"));
    let line = |(name, entry)| ActivityView { account: Some(name), ..ActivityView::new(entry, &page) };
    let days = ActivityDay::all(entries.into_iter().map(line).collect(), &page);
    Ok(private(LogPage { page, days, paging }))
}
