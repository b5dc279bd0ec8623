//! Managing repositories: creating, making public or private, removing, and the default for new ones.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::image_name::repository_of;
use dockpass_core::repository::RepositoryName;
use serde::Deserialize;

use super::actions::{self, NotCreated};
use super::detail;
use super::list::RepositoryTable;
use super::list_query;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::platform::database::Tx;
use crate::web::confirm::ConfirmPage;
use crate::web::extract::Id;
use crate::web::forms::{FieldErrors, PostedForm};
use crate::web::list_query::shown_before;
use crate::web::page::{Page, dialog_or_page, private, redirect};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/repositories/new", get(new).post(create))
        .route("/settings/repositories/default", post(set_default))
        .route("/settings/repositories/{id}/public", get(ask_open).post(|asked: Asked, id: Id| switch(asked, id, true)))
        .route("/settings/repositories/{id}/private", post(|asked: Asked, id: Id| switch(asked, id, false)))
        .route("/settings/repositories/{id}/remove", get(ask).post(remove))
}

/// What every change comes with.
pub(super) type Asked = (State<App>, SignedIn, HeaderMap, ClientInfo);

/// The table after a change, as a fragment that closes the dialog and says what happened.
#[derive(Template, WebTemplate)]
#[template(path = "repositories/changed.html")]
struct RepositoriesChangedPage {
    page: Page,
    table: RepositoryTable,
    out_of_band: bool,
    notice: String,
}

/// Commits a change of a repository, then shows the page again on which it was changed, with a notice.
async fn changed_one(
    tx: Tx,
    app: &App,
    me: SignedIn,
    headers: &HeaderMap,
    id: &str,
    notice: String,
) -> Result<Response, Error> {
    if !is_on_page_of(&me.page, id) {
        return changed(tx, app, me, headers, notice).await;
    }
    tx.commit().await?;
    me.leave_notice(&notice).await?;
    Ok(redirect(&me.page, &detail::address(id)))
}

/// Whether a request came from the page of this repository.
pub(super) fn is_on_page_of(page: &Page, id: &str) -> bool {
    page.came_from.split(['?', '#']).next().unwrap_or_default().ends_with(&detail::address(id))
}

/// Commits a change, then shows the rows of the list that were shown before, with a notice.
async fn changed(tx: Tx, app: &App, me: SignedIn, headers: &HeaderMap, notice: String) -> Result<Response, Error> {
    tx.commit().await?;
    if me.page.is_fragment {
        let mut reader = app.db.read().await?;
        let table = RepositoryTable::read_again(&mut reader, app, &me.account, &me.page, headers).await?;
        return Ok(private(RepositoriesChangedPage { page: me.page, table, out_of_band: true, notice }));
    }
    me.leave_notice(&notice).await?;
    let listing = list_query::parse(shown_before(headers, list_query::PATH));
    Ok(Redirect::to(&list_query::address(&listing)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CreateForm {
    name: String,
    visibility: String,
}

const fn visibility(is_public: bool) -> &'static str {
    if is_public { "public" } else { "private" }
}

#[derive(Template)]
#[template(path = "repositories/new.html", blocks = ["dialog"])]
struct CreatePage {
    page: Page,
    form: CreateForm,
    errors: FieldErrors,
}

async fn new(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let is_public = actions::pushes_are_public(&mut app.db.read().await?, &me.account).await?;
    let name = format!("{}/", me.account.username);
    let form = CreateForm { name, visibility: visibility(is_public).to_owned() };
    Ok(dialog_or_page!(StatusCode::OK, CreatePage { page: me.page, form, errors: FieldErrors::default() }))
}

async fn create(
    (State(app), me, headers, origin): Asked,
    PostedForm(form): PostedForm<CreateForm>,
) -> Result<Response, Error> {
    let (now, is_public) = (me.page.now, form.visibility == visibility(true));
    let typed = repository_of(form.name.trim(), &app.urls.registry_host);
    let Some(name) = RepositoryName::parse(typed) else {
        let sentence = me.page.t1("repositories.not_a_name", "name", &me.account.username);
        return Ok(refused(me.page, form, sentence));
    };
    let mut tx = begin_change(&app, &me.account).await?;
    if let Err(reason) = actions::create(&mut tx, &me.account, &name, is_public, now, app.rng).await? {
        drop(tx);
        let sentence = match reason {
            NotCreated::Exists => me.page.t("repositories.exists").into_owned(),
            NotCreated::NotOwn if me.account.is_admin && name.as_str() != me.account.username.as_str() => {
                me.page.t("repositories.an_accounts").into_owned()
            }
            NotCreated::NotOwn => me.page.t1("repositories.not_own", "name", &me.account.username),
            NotCreated::Full => me.page.t1("repositories.full", "name", name.namespace()),
        };
        return Ok(refused(me.page, form, sentence));
    }
    activity::record(&mut tx, &me.account, ActivityKind::RepositoryCreated, name.as_str(), &origin, now).await?;
    let notice = me.page.t1("repositories.created", "name", &name);
    changed(tx, &app, me, &headers, notice).await
}

fn refused(page: Page, form: CreateForm, sentence: String) -> Response {
    let mut errors = FieldErrors::default();
    errors.add("name", sentence);
    dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, CreatePage { page, form, errors })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DefaultForm {
    visibility: String,
}

async fn set_default(
    State(app): State<App>,
    me: SignedIn,
    headers: HeaderMap,
    PostedForm(form): PostedForm<DefaultForm>,
) -> Result<Response, Error> {
    let are_public = match form.visibility.as_str() {
        "public" => true,
        "private" => false,
        _ => return Err(Error::Invalid),
    };
    let mut tx = begin_change(&app, &me.account).await?;
    actions::set_pushes_public(&mut tx, &me.account, are_public).await?;
    let key = if are_public { "repositories.default_public" } else { "repositories.default_private" };
    let notice = me.page.t(key).into_owned();
    changed(tx, &app, me, &headers, notice).await
}

async fn ask_open(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let name = actions::find_managed(&mut app.db.read().await?, &me.account, &id).await?.name;
    let page = me.page;
    let question = ConfirmPage {
        title: page.t("repositories.make_public").into_owned(),
        question: page.t1("repositories.public_question", "name", name),
        action: format!("/settings/repositories/{id}/public"),
        back: list_query::PATH.to_owned(),
        back_title: page.t("repositories.title").into_owned(),
        is_danger: false,
        page,
    };
    Ok(question.show())
}

async fn switch((State(app), me, headers, origin): Asked, Id(id): Id, is_public: bool) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let (repository, is_changed) = actions::set_public(&mut tx, &me.account, &id, is_public).await?;
    if is_changed {
        let detail = format!("{} {}", repository.name, visibility(is_public));
        activity::record(&mut tx, &me.account, ActivityKind::RepositoryVisibility, &detail, &origin, me.page.now)
            .await?;
    }
    let key = if is_public { "repositories.opened" } else { "repositories.closed" };
    let notice = me.page.t1(key, "name", &repository.name);
    changed_one(tx, &app, me, &headers, &id, notice).await
}

async fn ask(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let mut reader = app.db.read().await?;
    let repository = actions::find_closable(&mut reader, &me.account, &id).await?;
    // The default is the owner's; repositories of the administrators start private.
    let is_public = repository.owner.is_some() && actions::pushes_are_public(&mut reader, &me.account).await?;
    let anew = if is_public { "repositories.anew_public" } else { "repositories.anew_private" };
    let page = me.page;
    let mut question = page.t1("repositories.remove_question", "name", &repository.name);
    question.push('\n');
    question.push_str(&page.t("repositories.remove_content"));
    if actions::manages(&me.account, &repository) {
        // How the next push creates it again, where the reader can push it.
        question.push('\n');
        question.push_str(&page.t(anew));
    }
    let (back, back_title) = if is_on_page_of(&page, &id) {
        (detail::address(&id), repository.name.to_string())
    } else {
        (list_query::PATH.to_owned(), page.t("repositories.title").into_owned())
    };
    let question = ConfirmPage {
        title: page.t("repositories.remove").into_owned(),
        question,
        action: format!("/settings/repositories/{id}/remove"),
        back,
        back_title,
        is_danger: true,
        page,
    };
    Ok(question.show())
}

async fn remove((State(app), me, headers, origin): Asked, Id(id): Id) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let name = actions::remove(&mut tx, &me.account, &id).await?.name;
    activity::record(&mut tx, &me.account, ActivityKind::RepositoryRemoved, name.as_str(), &origin, me.page.now)
        .await?;
    let notice = me.page.t1("repositories.removed", "name", &name);
    if !is_on_page_of(&me.page, &id) {
        return changed(tx, &app, me, &headers, notice).await;
    }
    tx.commit().await?;
    me.leave_notice(&notice).await?;
    Ok(redirect(&me.page, list_query::PATH))
}
