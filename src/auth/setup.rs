//! `/setup`: the first account.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::credential_checker::CredentialChecker;
use super::credentials_form::CredentialsForm;
use super::one_time_links::{CodeQuery, actions as links};
use super::session::AnySession;
use super::sign_in::complete;
use crate::accounts::actions::{self, CreateAccountError, NewAccount};
use crate::app::App;
use crate::error::Error;
use crate::web::extract::ClientAddress;
use crate::web::forms::{FieldErrors, PostedForm};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/setup", get(show).post(create))
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/setup.html")]
struct SetupPage {
    page: Page,
    username: String,
    errors: FieldErrors,
    /// Whether this browser has the code from the server's output.
    is_open: bool,
}

async fn show(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    ClientAddress(address): ClientAddress,
    Query(query): Query<CodeQuery>,
) -> Result<Response, Error> {
    // The connection goes back before the session needs one: a pool of four could otherwise wait for itself.
    if actions::is_set_up(&mut app.db.read().await?).await? {
        return Err(Error::Gone);
    }
    if let Some(code) = query.code {
        // Before the code is checked: if only wrong codes counted, a guesser could go on to the right one.
        app.rate_limits.count_code(address).map_err(Error::TooMany)?;
        if links::has_setup_code(&mut app.db.read().await?, &code).await? {
            session.allow_setup().await?;
            // The code leaves the address bar at once, and with it the history and every Referer.
            return Ok(private(Redirect::to("/setup")));
        }
    }
    let is_open = session.can_set_up().await?;
    let status = if is_open { StatusCode::OK } else { StatusCode::FORBIDDEN };
    Ok(private((status, SetupPage { page, username: String::new(), errors: FieldErrors::default(), is_open })))
}

async fn create(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<CredentialsForm>,
) -> Result<Response, Error> {
    if actions::is_set_up(&mut app.db.read().await?).await? {
        return Err(Error::Gone);
    }
    if !session.can_set_up().await? {
        return Err(Error::Forbidden);
    }
    let (username, password) = match form.checked(&checker, page.words).await? {
        Ok(checked) => checked,
        Err(errors) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let page = page.with_status(status);
            let again = SetupPage { page, username: form.username, errors, is_open: true };
            return Ok(private((status, again)));
        }
    };
    let digest = checker.hash(password, username.as_str()).await?;
    let mut tx = app.db.write().await?;
    let new = NewAccount { username, digest, is_admin: true };
    let account = actions::create_first(&mut tx, new, checker.now, app.rng).await.map_err(|error| match error {
        CreateAccountError::AlreadySetUp | CreateAccountError::UsernameTaken => Error::Gone,
        CreateAccountError::Failed(error) => error,
    })?;
    tx.commit().await?;
    let cookies = complete(&app, &session, &account, checker).await?;
    tracing::info!(account = account.username.as_str(), "the first account was created");
    Ok((cookies, Redirect::to("/settings/tokens")).into_response())
}
