//! What the action menu of a row does: edit, activate, deactivate, delete.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post},
};
use dockpass_core::{
    activity::{ActivityKind, ClientInfo},
    token::{AccessToken, TokenStatus},
};
use serde::Deserialize;

use super::{
    actions::{self, ChangeOutcome},
    detail,
    fields::TokenFieldsForm,
    list::table::changed,
    list_query,
    rows::{LevelChoice, TokenView},
};
use crate::{
    activity::actions as activity,
    app::App,
    auth::{recent_sign_in::RecentSignIn, session::SignedIn},
    error::Error,
    platform::database::Tx,
    web::{
        extract::Id,
        forms::FieldErrors,
        page::{Page, dialog_or_page},
    },
};

/// `/settings/tokens/{id}` and what is below it.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/tokens/{id}", get(detail::show).post(save))
        .route("/settings/tokens/{id}/edit", get(edit))
        .route("/settings/tokens/{id}/activate", post(activate))
        .route("/settings/tokens/{id}/deactivate", post(deactivate))
        .route("/settings/tokens/{id}/delete", get(ask).post(delete))
}

fn named(page: &Page, key: &str, description: &str) -> String {
    page.t1(key, "name", description)
}

#[derive(Template)]
#[template(path = "tokens/edit.html", blocks = ["dialog"])]
struct EditPage {
    page: Page,
    token: TokenView,
    form: TokenFieldsForm,
    errors: FieldErrors,
    levels: Vec<LevelChoice>,
}

impl EditPage {
    fn new(page: Page, token: &AccessToken, form: TokenFieldsForm, errors: FieldErrors) -> Self {
        let levels = LevelChoice::all(&form.permission);
        Self { token: TokenView::new(token, page.now, page.words, &page.zone), page, form, errors, levels }
    }

    fn show(self, status: StatusCode) -> Response {
        dialog_or_page!(status, self)
    }
}

async fn edit(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let token = actions::find(&mut app.db.read().await?, &me.account, &id).await?;
    if token.status(me.page.now) == TokenStatus::Expired {
        let description = token.description.to_string();
        return Ok(dialog_or_page!(StatusCode::CONFLICT, ExpiredPage { page: me.page, description }));
    }
    let form = TokenFieldsForm::of(&token.description, token.level, &token.repository_filter);
    Ok(EditPage::new(me.page, &token, form, FieldErrors::default()).show(StatusCode::OK))
}

/// Widening what a token may do wants a fresh sign-in; narrowing it does not.
async fn save(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    sensitive: RecentSignIn<TokenFieldsForm>,
) -> Result<Response, Error> {
    let before = actions::find(&mut app.db.read().await?, &sensitive.me.account, &id).await?;
    let mut errors = FieldErrors::default();
    let fields = sensitive.form.checked(sensitive.me.page.words, &mut errors);
    let widens = fields.as_ref().is_some_and(|fields| fields.widens(&before));
    let (me, origin, form) = if widens {
        match sensitive.fresh().await? {
            Ok(parts) => parts,
            Err(question) => return Ok(question),
        }
    } else {
        sensitive.anyhow()
    };
    let now = me.page.now;
    let Some(fields) = fields else {
        return Ok(EditPage::new(me.page, &before, form, errors).show(StatusCode::UNPROCESSABLE_ENTITY));
    };
    let mut tx = app.db.write().await?;
    match actions::edit(&mut tx, &me.account, &before, &fields, now).await? {
        ChangeOutcome::Done => {
            let named_so = fields.description.as_str();
            activity::record(&mut tx, &me.account, ActivityKind::TokenEdited, named_so, &origin, now).await?;
            let notice = named(&me.page, "tokens.saved", named_so);
            changed(tx, &app, me, list_query::shown_before(&headers), notice).await
        }
        ChangeOutcome::Expired => expired(tx, me, &id).await,
    }
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// Brings access back, and so wants a fresh sign-in.
async fn activate(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
    sensitive: RecentSignIn<Nothing>,
) -> Result<Response, Error> {
    // An id that leads nowhere is nobody's question.
    actions::find(&mut app.db.read().await?, &sensitive.me.account, &id).await?;
    match sensitive.fresh().await? {
        Ok((me, origin, Nothing {})) => switch(&app, me, &id, &headers, &origin, true).await,
        Err(question) => Ok(question),
    }
}

async fn deactivate(
    State(app): State<App>,
    me: SignedIn,
    Id(id): Id,
    headers: HeaderMap,
    origin: ClientInfo,
) -> Result<Response, Error> {
    switch(&app, me, &id, &headers, &origin, false).await
}

async fn switch(
    app: &App,
    me: SignedIn,
    id: &str,
    headers: &HeaderMap,
    origin: &ClientInfo,
    is_active: bool,
) -> Result<Response, Error> {
    let now = me.page.now;
    let mut tx = app.db.write().await?;
    match actions::switch(&mut tx, &me.account, id, is_active, now).await? {
        ChangeOutcome::Done => {
            let description = actions::find(&mut tx, &me.account, id).await?.description;
            let kind = if is_active { ActivityKind::TokenActivated } else { ActivityKind::TokenDeactivated };
            activity::record(&mut tx, &me.account, kind, description.as_str(), origin, now).await?;
            let key = if is_active { "tokens.activated" } else { "tokens.deactivated" };
            let notice = named(&me.page, key, description.as_str());
            changed(tx, app, me, list_query::shown_before(headers), notice).await
        }
        ChangeOutcome::Expired => expired(tx, me, id).await,
    }
}

#[derive(Template)]
#[template(path = "tokens/expired.html", blocks = ["dialog"])]
struct ExpiredPage {
    page: Page,
    description: String,
}

/// The token expired while the page was open, or the menu of another window was older.
async fn expired(mut tx: Tx, me: SignedIn, id: &str) -> Result<Response, Error> {
    let description = actions::find(&mut tx, &me.account, id).await?.description.to_string();
    Ok(dialog_or_page!(StatusCode::CONFLICT, ExpiredPage { page: me.page, description }))
}

#[derive(Template)]
#[template(path = "tokens/delete.html", blocks = ["dialog"])]
struct DeletePage {
    page: Page,
    token: TokenView,
}

async fn ask(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let token = actions::find(&mut app.db.read().await?, &me.account, &id).await?;
    let token = TokenView::new(&token, me.page.now, me.page.words, &me.page.zone);
    Ok(dialog_or_page!(StatusCode::OK, DeletePage { token, page: me.page }))
}

async fn delete(
    State(app): State<App>,
    me: SignedIn,
    Id(id): Id,
    headers: HeaderMap,
    origin: ClientInfo,
) -> Result<Response, Error> {
    let now = me.page.now;
    let mut tx = app.db.write().await?;
    let description = actions::delete(&mut tx, &me.account, &id, now).await?;
    activity::record(&mut tx, &me.account, ActivityKind::TokenDeleted, description.as_str(), &origin, now).await?;
    tracing::info!(account = me.account.username.as_str(), token = id, "a token was deleted");
    let notice = named(&me.page, "tokens.deleted", description.as_str());
    changed(tx, &app, me, list_query::shown_before(&headers), notice).await
}
