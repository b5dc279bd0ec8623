//! Account settings, Activity: the account's security log.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use dockpass_core::activity::ActivityKind;
use serde::Deserialize;

use crate::activity::actions as activity;
use crate::activity::rows::{ActivityDay, ActivityView};
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::web::list_query::{Paging, page_number};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/activity", get(show))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ActivityQuery {
    kind: String,
    page: String,
}

struct ActivityKindOption {
    value: &'static str,
    label: String,
    is_chosen: bool,
}

#[derive(Template, WebTemplate)]
#[template(path = "settings/activity.html")]
struct ActivityPage {
    page: Page,
    days: Vec<ActivityDay>,
    kinds: Vec<ActivityKindOption>,
    paging: Paging,
}

async fn show(State(app): State<App>, me: SignedIn, Query(query): Query<ActivityQuery>) -> Result<Response, Error> {
    let kind = ActivityKind::parse(&query.kind);
    let number = page_number(&query.page);
    let (entries, count) = activity::list(&mut app.db.read().await?, &me.account, kind, number).await?;
    let page = &me.page;
    let address = |number| format!("/settings/activity?kind={}&page={number}", kind.map_or("", ActivityKind::as_str));
    let paging = Paging::new(number, count, page.words, address);
    let label = |kind: ActivityKind| page.t(format!("activity.{}", kind.as_str())).into_owned();
    let option = |each: ActivityKind| ActivityKindOption {
        value: each.as_str(),
        label: label(each),
        is_chosen: kind == Some(each),
    };
    Ok(private(ActivityPage {
        days: ActivityDay::all(entries.into_iter().map(|entry| ActivityView::new(entry, page)).collect(), page),
        kinds: ActivityKind::ALL.into_iter().map(option).collect(),
        paging,
        page: me.page.clone(),
    }))
}
