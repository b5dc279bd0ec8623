//! The action menu of a token: edit, activate, deactivate, delete.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use dockpass_core::activity::ActivityKind;
use dockpass_core::token::{AccessToken, TokenFields, TokenStatus};

use super::actions::{self, ChangeOutcome};
use super::detail;
use super::fields::TokenFieldsForm;
use super::list::table::{changed, not_there};
use super::repository_choices::RepositoryChoices;
use super::return_to::ReturnTo;
use super::rows::TokenView;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::recent_sign_in::MaybeRecentSignIn;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::web::extract::Id;
use crate::web::forms::FieldErrors;
use crate::web::page::{Page, dialog_or_page};

/// `/settings/tokens/{id}` and what is below it.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/tokens/{id}", get(detail::show).post(save))
        .route("/settings/tokens/{id}/edit", get(edit))
        .route("/settings/tokens/{id}/activate", post(activate))
        .route("/settings/tokens/{id}/deactivate", post(deactivate))
        .route("/settings/tokens/{id}/delete", get(ask).post(delete))
}

#[derive(Template)]
#[template(path = "tokens/edit.html", blocks = ["dialog"])]
struct EditPage {
    page: Page,
    token: TokenView,
    form: TokenFieldsForm,
    choices: RepositoryChoices,
    errors: FieldErrors,
    back: ReturnTo,
}

impl EditPage {
    async fn read(
        app: &App,
        me: SignedIn,
        token: &AccessToken,
        form: TokenFieldsForm,
        errors: FieldErrors,
        back: ReturnTo,
    ) -> Result<Self, Error> {
        let SignedIn { account, page, .. } = me;
        let reader = &mut app.db.read().await?;
        let choices = RepositoryChoices::read(reader, &account, "", &form.chosen, page.words).await?;
        Ok(Self { token: TokenView::new(token, &page), page, form, choices, errors, back })
    }

    fn show(self, status: StatusCode) -> Response {
        dialog_or_page!(status, self)
    }
}

async fn look_up(app: &App, me: &SignedIn, id: &str) -> Result<Option<AccessToken>, Error> {
    Ok(actions::look_up(&mut app.db.read().await?, &me.account, id).await?)
}

async fn edit(State(app): State<App>, me: SignedIn, Id(id): Id, back: ReturnTo) -> Result<Response, Error> {
    let Some(token) = look_up(&app, &me, &id).await? else { return not_there(&app, me, &[&id]).await };
    if token.status(me.page.now) == TokenStatus::Expired {
        return Ok(expired(me, &token, back));
    }
    let form = TokenFieldsForm::of(&token.description, token.level, &token.repository_filter);
    Ok(EditPage::read(&app, me, &token, form, FieldErrors::default(), back).await?.show(StatusCode::OK))
}

/// Only a change that widens what the token may do needs a recent sign-in.
async fn save(
    State(app): State<App>,
    Id(id): Id,
    back: ReturnTo,
    posted: MaybeRecentSignIn<TokenFieldsForm>,
) -> axum::response::Result<Response> {
    let Some(before) = look_up(&app, &posted.me, &id).await? else {
        return Ok(not_there(&app, posted.me, &[&id]).await?);
    };
    let mut errors = FieldErrors::default();
    let fields = posted.form.checked(&app, &posted.me, &before.repository_filter, &mut errors).await?;
    if fields.as_ref().is_some_and(|fields| fields.widens(&before)) {
        posted.require().await?;
    }
    let MaybeRecentSignIn { me, form, .. } = posted;
    match fields {
        Some(fields) => Ok(update(&app, me, back, &before, &fields).await?),
        None => Ok(EditPage::read(&app, me, &before, form, errors, back).await?.show(StatusCode::UNPROCESSABLE_ENTITY)),
    }
}

async fn update(
    app: &App,
    me: SignedIn,
    back: ReturnTo,
    before: &AccessToken,
    after: &TokenFields,
) -> Result<Response, Error> {
    let now = me.page.now;
    let mut tx = begin_change(app, &me.account).await?;
    match actions::edit(&mut tx, &me.account, before, after, now).await? {
        ChangeOutcome::Done => {
            let description = after.description.as_str();
            activity::record(
                &mut tx,
                &me.account,
                ActivityKind::TokenEdited,
                (description, before.id.as_str()),
                &me.origin,
                now,
            )
            .await?;
            let notice = me.page.t1("tokens.saved", "name", description);
            changed(tx, app, me, &back, notice).await
        }
        ChangeOutcome::Expired => Ok(expired(me, before, back)),
    }
}

/// Activating gives access back, so it needs a recent sign-in.
async fn activate(
    State(app): State<App>,
    Id(id): Id,
    back: ReturnTo,
    posted: MaybeRecentSignIn,
) -> axum::response::Result<Response> {
    // 404 comes before the question.
    if look_up(&app, &posted.me, &id).await?.is_none() {
        return Ok(not_there(&app, posted.me, &[&id]).await?);
    }
    posted.require().await?;
    Ok(switch(&app, posted.me, back, &id, true).await?)
}

async fn deactivate(State(app): State<App>, me: SignedIn, Id(id): Id, back: ReturnTo) -> Result<Response, Error> {
    switch(&app, me, back, &id, false).await
}

async fn switch(app: &App, me: SignedIn, back: ReturnTo, id: &str, is_active: bool) -> Result<Response, Error> {
    let now = me.page.now;
    let mut tx = begin_change(app, &me.account).await?;
    let Some(token) = actions::look_up(&mut tx, &me.account, id).await? else {
        drop(tx);
        return not_there(app, me, &[id]).await;
    };
    if actions::switch(&mut tx, &me.account, id, is_active, now).await? == ChangeOutcome::Expired {
        return Ok(expired(me, &token, back));
    }
    let description = token.description.as_str();
    let (kind, key) = if is_active {
        (ActivityKind::TokenActivated, "tokens.activated")
    } else {
        (ActivityKind::TokenDeactivated, "tokens.deactivated")
    };
    activity::record(&mut tx, &me.account, kind, (description, id), &me.origin, now).await?;
    let notice = me.page.t1(key, "name", description);
    changed(tx, app, me, &back, notice).await
}

#[derive(Template)]
#[template(path = "tokens/expired.html", blocks = ["dialog"])]
struct ExpiredPage {
    page: Page,
    id: String,
    description: String,
    back: ReturnTo,
}

/// For a token that expired while the page was open.
fn expired(me: SignedIn, token: &AccessToken, back: ReturnTo) -> Response {
    let description = token.description.to_string();
    dialog_or_page!(StatusCode::CONFLICT, ExpiredPage { page: me.page, id: token.id.clone(), description, back })
}

#[derive(Template)]
#[template(path = "tokens/delete.html", blocks = ["dialog"])]
struct DeletePage {
    page: Page,
    token: TokenView,
    back: ReturnTo,
}

async fn ask(State(app): State<App>, me: SignedIn, Id(id): Id, back: ReturnTo) -> Result<Response, Error> {
    let Some(token) = look_up(&app, &me, &id).await? else { return not_there(&app, me, &[&id]).await };
    Ok(dialog_or_page!(StatusCode::OK, DeletePage { token: TokenView::new(&token, &me.page), page: me.page, back }))
}

async fn delete(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let now = me.page.now;
    let mut tx = begin_change(&app, &me.account).await?;
    let Some(description) = actions::remove(&mut tx, &me.account, &id, now).await? else {
        drop(tx);
        return not_there(&app, me, &[&id]).await;
    };
    let detail = (description.as_str(), id.as_str());
    activity::record(&mut tx, &me.account, ActivityKind::TokenDeleted, detail, &me.origin, now).await?;
    let notice = me.page.t1("tokens.deleted", "name", &description);
    changed(tx, &app, me, &ReturnTo::list(), notice).await
}
