//! The list of repositories.

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::{
    Router,
    extract::{RawQuery, State},
    response::Response,
    routing::get,
};
use axum_htmx::HxPushUrl;
use dockpass_core::{account::Account, listing};

use super::{
    actions,
    list_query::{self, Search},
    rows::{Paging, RepositoryView},
};
use crate::{
    app::App,
    auth::session::SignedIn,
    error::Error,
    platform::database::Connection,
    web::page::{Page, private},
};

/// `/settings/repositories`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/repositories", get(list))
}

/// What is below the filter: the rows and the pages.
#[derive(Debug)]
pub(super) struct Table {
    pub rows: Vec<RepositoryView>,
    pub text: String,
    pub paging: Paging,
    /// The command for a first push.
    pub push: String,
}

impl Table {
    /// Reads a page of the list; a page after the last one shows the last.
    pub(super) async fn read(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        search: Search,
    ) -> Result<Self, Error> {
        let mut search = search;
        let mut read = actions::list(connection, account, &search.text, search.page).await?;
        let last = listing::pages(read.1);
        if search.page > last {
            search.page = last;
            read = actions::list(connection, account, &search.text, last).await?;
        }
        let (repositories, count) = read;
        Ok(Self {
            rows: repositories.iter().map(|repository| RepositoryView::new(repository, account, page)).collect(),
            paging: Paging::new(&search, count, page),
            text: search.text,
            push: format!("docker push {}/{}/app", app.urls.registry_host, account.username),
        })
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "repositories/list.html", blocks = ["table"])]
struct RepositoriesPage {
    page: Page,
    table: Table,
    notice: Option<String>,
    /// Whether the table replaces the one on the page out of band.
    out_of_band: bool,
    pushes_are_public: bool,
}

async fn list(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let search = list_query::parse(query.as_deref().unwrap_or_default());
    let address = HxPushUrl(list_query::of(&search));
    let mut reader = app.db.read().await?;
    let table = Table::read(&mut reader, &app, &me.account, &me.page, search).await?;
    let pushes_are_public = actions::pushes_are_public(&mut reader, &me.account).await?;
    drop(reader);
    let notice = if me.page.is_fragment { None } else { me.take_notice().await? };
    let shown = RepositoriesPage { page: me.page, table, notice, out_of_band: false, pushes_are_public };
    if shown.page.is_fragment {
        return Ok(private((address, shown.as_table().into_web_template())));
    }
    Ok(private(shown))
}
