//! What the action menu of a row does: edit, activate, deactivate, delete.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    actions::{self, Outcome},
    pages,
    view::{LevelChoice, TokenRow},
};
use crate::{
    accounts::session::SignedIn,
    core::token::AccessToken,
    error::Error,
    platform::db::Tx,
    state::App,
    web::{
        extract::Now,
        form::{FieldErrors, Posted},
        page::{Page, dialog_or_page, private},
    },
};

/// `/settings/tokens/{id}` and what is below it.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/tokens/{id}", get(to_table).post(save))
        .route("/settings/tokens/{id}/edit", get(edit))
        .route("/settings/tokens/{id}/activate", post(activate))
        .route("/settings/tokens/{id}/deactivate", post(deactivate))
        .route("/settings/tokens/{id}/delete", get(ask).post(delete))
}

/// The id in a token's address. What cannot be one is found nowhere, and reaches no database: PostgreSQL takes no NUL.
struct TokenId(String);

impl FromRequestParts<App> for TokenId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| Error::NotFound)?;
        let is_uuid = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if is_uuid { Ok(Self(id)) } else { Err(Error::NotFound) }
    }
}

/// The table after a change, as a fragment that closes the dialog and says what happened.
#[derive(Template, WebTemplate)]
#[template(path = "tokens/changed.html")]
struct Changed {
    page: Page,
    rows: Vec<TokenRow>,
    notice: Option<String>,
}

/// Answers a change that is done within `tx`: commits it, then shows the table with `notice` above.
async fn answer(tx: Tx, me: SignedIn, notice: String) -> Result<Response, Error> {
    let mut tx = tx;
    if me.page.is_fragment {
        let rows = pages::rows(&mut tx, &me.account, &me.page).await?;
        tx.commit().await?;
        return Ok(private(Changed { page: me.page, rows, notice: Some(notice) }));
    }
    tx.commit().await?;
    me.leave_notice(&notice).await?;
    Ok(Redirect::to("/settings/tokens").into_response())
}

fn named(page: &Page, key: &str, description: &str) -> String {
    page.t1(key, "name", description)
}

async fn to_table(State(app): State<App>, me: SignedIn, TokenId(id): TokenId) -> Result<Redirect, Error> {
    let token = actions::find(&mut app.db.read().await?, &me.account, &id).await?;
    Ok(Redirect::to(&format!("/settings/tokens#token-{}", token.id)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EditForm {
    description: String,
    permission: String,
}

#[derive(Template)]
#[template(path = "tokens/edit.html", blocks = ["dialog"])]
struct EditPage {
    page: Page,
    token: TokenRow,
    form: EditForm,
    errors: FieldErrors,
    levels: Vec<LevelChoice>,
}

impl EditPage {
    fn new(page: Page, token: &AccessToken, form: EditForm, errors: FieldErrors) -> Self {
        let levels = LevelChoice::all(&form.permission);
        Self { token: TokenRow::new(token, page.now, page.words), page, form, errors, levels }
    }

    fn show(self, status: StatusCode) -> Response {
        dialog_or_page!(status, self)
    }
}

async fn edit(State(app): State<App>, me: SignedIn, TokenId(id): TokenId) -> Result<Response, Error> {
    let token = actions::find(&mut app.db.read().await?, &me.account, &id).await?;
    let form = EditForm { description: token.description.to_string(), permission: token.level.as_str().to_owned() };
    Ok(EditPage::new(me.page, &token, form, FieldErrors::default()).show(StatusCode::OK))
}

async fn save(
    State(app): State<App>,
    me: SignedIn,
    TokenId(id): TokenId,
    Now(now): Now,
    Posted(form): Posted<EditForm>,
) -> Result<Response, Error> {
    let mut errors = FieldErrors::default();
    let description = pages::description(&form.description, me.page.words, &mut errors);
    let level = pages::level(&form.permission, me.page.words, &mut errors);
    let (Some(description), Some(level)) = (description, level) else {
        let token = actions::find(&mut app.db.read().await?, &me.account, &id).await?;
        return Ok(EditPage::new(me.page, &token, form, errors).show(StatusCode::UNPROCESSABLE_ENTITY));
    };
    let mut tx = app.db.write().await?;
    match actions::edit(&mut tx, &me.account, &id, &description, level, now).await? {
        Outcome::Done => {
            let notice = named(&me.page, "tokens.saved", description.as_str());
            answer(tx, me, notice).await
        }
        Outcome::Expired => expired(tx, me, &id).await,
    }
}

async fn activate(state: State<App>, me: SignedIn, id: TokenId, now: Now) -> Result<Response, Error> {
    switch(state, me, id, now, true).await
}

async fn deactivate(state: State<App>, me: SignedIn, id: TokenId, now: Now) -> Result<Response, Error> {
    switch(state, me, id, now, false).await
}

async fn switch(
    State(app): State<App>,
    me: SignedIn,
    TokenId(id): TokenId,
    Now(now): Now,
    is_active: bool,
) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    match actions::switch(&mut tx, &me.account, &id, is_active, now).await? {
        Outcome::Done => {
            let token = actions::find(&mut tx, &me.account, &id).await?;
            let key = if is_active { "tokens.activated" } else { "tokens.deactivated" };
            let notice = named(&me.page, key, token.description.as_str());
            answer(tx, me, notice).await
        }
        Outcome::Expired => expired(tx, me, &id).await,
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
    token: TokenRow,
}

async fn ask(State(app): State<App>, me: SignedIn, TokenId(id): TokenId) -> Result<Response, Error> {
    let token = actions::find(&mut app.db.read().await?, &me.account, &id).await?;
    let token = TokenRow::new(&token, me.page.now, me.page.words);
    Ok(dialog_or_page!(StatusCode::OK, DeletePage { token, page: me.page }))
}

async fn delete(State(app): State<App>, me: SignedIn, TokenId(id): TokenId, Now(now): Now) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let description = actions::delete(&mut tx, &me.account, &id, now).await?;
    tracing::info!(account = me.account.username.as_str(), token = id, "a token was deleted");
    let notice = named(&me.page, "tokens.deleted", description.as_str());
    answer(tx, me, notice).await
}
