//! The list of repositories.

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum_htmx::HxPushUrl;
use dockpass_core::account::Account;
use dockpass_core::listing::pages;

use super::actions;
use super::list_query::{self, RepositoryListQuery};
use super::rows::RepositoryView;
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::platform::database::Connection;
use crate::web::list_query::{Paging, shown_before};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/repositories", get(list))
}

/// What is below the filter: the rows and the pages.
#[derive(Debug)]
pub(super) struct RepositoryTable {
    pub rows: Vec<RepositoryView>,
    pub text: String,
    pub paging: Paging,
    pub push: String,
}

impl RepositoryTable {
    /// Reads a page of the list; a page after the last one shows the last.
    pub(super) async fn read(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        listing: RepositoryListQuery,
    ) -> Result<Self, Error> {
        let mut listing = listing;
        let (mut repositories, count) = actions::list(connection, account, &listing.text, listing.page).await?;
        let last = pages(count);
        if listing.page > last {
            listing.page = last;
            (repositories, _) = actions::list(connection, account, &listing.text, last).await?;
        }
        Ok(Self {
            rows: repositories.iter().map(|repository| RepositoryView::new(repository, account, page)).collect(),
            paging: Paging::new(listing.page, count, page.words, |number| {
                list_query::address(&RepositoryListQuery { page: number, text: listing.text.clone() })
            }),
            text: listing.text,
            push: format!("docker push {}/{}/app", app.urls.registry_host, account.username),
        })
    }

    /// Reads the page of the list from which a request came.
    pub(super) async fn read_again(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        headers: &HeaderMap,
    ) -> Result<Self, Error> {
        let listing = list_query::parse(shown_before(headers, list_query::PATH));
        Self::read(connection, app, account, page, listing).await
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "repositories/list.html", blocks = ["table"])]
struct RepositoriesPage {
    page: Page,
    table: RepositoryTable,
    notice: Option<String>,
    /// Whether the table replaces the one on the page out of band.
    out_of_band: bool,
    pushes_are_public: bool,
}

async fn list(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let listing = list_query::parse(query.as_deref().unwrap_or_default());
    let address = HxPushUrl(list_query::address(&listing));
    let mut reader = app.db.read().await?;
    let table = RepositoryTable::read(&mut reader, &app, &me.account, &me.page, listing).await?;
    let pushes_are_public = actions::pushes_are_public(&mut reader, &me.account).await?;
    drop(reader);
    let notice = if me.page.is_fragment { None } else { me.take_notice().await? };
    let shown = RepositoriesPage { page: me.page, table, notice, out_of_band: false, pushes_are_public };
    if shown.page.is_fragment {
        return Ok(private((address, shown.as_table().into_web_template())));
    }
    Ok(private(shown))
}
