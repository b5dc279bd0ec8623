//! The page of one repository: what it is, and who pushed what.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use dockpass_core::listing::pages;
use serde::Deserialize;

use super::actions;
use super::history::actions as history;
use super::list_query::PATH;
use super::rows::{ChangeView, RepositoryView};
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::web::extract::Id;
use crate::web::list_query::{Paging, page_number};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/repositories/{id}", get(show))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HistoryQuery {
    page: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "repositories/detail.html")]
struct RepositoryPage {
    page: Page,
    row: RepositoryView,
    /// `docker pull …`.
    pull: String,
    changes: Vec<ChangeView>,
    paging: Paging,
    /// Whether registries send their notifications, of which the history consists.
    is_notified: bool,
    notice: Option<String>,
    out_of_band: bool,
}

/// The address of a repository's page.
pub(super) fn address(id: &str) -> String {
    format!("{PATH}/{id}")
}

async fn show(
    State(app): State<App>,
    me: SignedIn,
    Id(id): Id,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, Error> {
    let mut reader = app.db.read().await?;
    let repository = actions::find_listed(&mut reader, &me.account, &id).await?;
    let mut number = page_number(&query.page);
    let (mut changes, count) = history::list(&mut reader, &me.account, &id, number).await?;
    if number > pages(count) {
        number = pages(count);
        (changes, _) = history::list(&mut reader, &me.account, &id, number).await?;
    }
    let tag = history::newest_tag(&mut reader, &id).await?.map(|tag| format!(":{tag}")).unwrap_or_default();
    drop(reader);
    let notice = if me.page.is_fragment { None } else { me.take_notice().await? };
    let row = RepositoryView::new(&repository, &me.account, &me.page);
    let change = |change| ChangeView::new(change, &me.account, &me.page, row.is_managed);
    Ok(private(RepositoryPage {
        changes: changes.into_iter().map(change).collect(),
        paging: Paging::new(number, count, me.page.words, |number| format!("{}?page={number}", address(&id))),
        pull: format!("docker pull {}/{}{tag}", app.urls.registry_host, row.name),
        is_notified: app.config.events_secret.is_some(),
        notice,
        out_of_band: false,
        row,
        page: me.page,
    }))
}
