//! `/signup`: creating one's own account, where the operator opened sign-up.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::credential_checker::CredentialChecker;
use super::credentials_form::CredentialsForm;
use super::session::AnySession;
use super::sign_in::complete;
use crate::accounts::actions::{self, CreateAccountError, NewAccount};
use crate::app::App;
use crate::error::Error;
use crate::web::forms::{FieldErrors, PostedForm};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/signup", get(show).post(create))
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/sign_up.html")]
struct SignUpPage {
    page: Page,
    username: String,
    errors: FieldErrors,
}

/// Closed sign-up is not found, and neither is sign-up before the first account: that one is created at `/setup`.
async fn require_open(app: &App) -> Result<(), Error> {
    if !app.config.signup_is_open || !actions::is_set_up(&mut app.db.read().await?).await? {
        return Err(Error::NotFound);
    }
    Ok(())
}

async fn show(State(app): State<App>, page: Page) -> Result<Response, Error> {
    require_open(&app).await?;
    Ok(private(SignUpPage { page, username: String::new(), errors: FieldErrors::default() }))
}

async fn create(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<CredentialsForm>,
) -> Result<Response, Error> {
    require_open(&app).await?;
    let (username, password) = match form.checked(&checker, page.words).await? {
        Ok(checked) => checked,
        Err(errors) => return Ok(show_again(page, form, errors)),
    };
    // Only forms that would create an account count: each costs a slow hash and takes a name forever.
    app.rate_limits.count_signup(checker.source.address).map_err(Error::TooMany)?;
    let digest = checker.hash(password, username.as_str()).await?;
    let mut tx = app.db.write().await?;
    let new = NewAccount { username, digest, is_admin: false };
    match actions::create(&mut tx, new, checker.now, app.rng).await {
        Ok(account) => {
            tx.commit().await?;
            let cookies = complete(&app, &session, &account, checker).await?;
            tracing::info!(account = account.username.as_str(), "an account was created at sign-up");
            Ok((cookies, Redirect::to("/settings/tokens")).into_response())
        }
        Err(CreateAccountError::Failed(error)) => Err(error),
        Err(CreateAccountError::UsernameTaken | CreateAccountError::AlreadySetUp) => {
            drop(tx);
            let errors = FieldErrors::one("username", page.t("username.taken"));
            Ok(show_again(page, form, errors))
        }
    }
}

fn show_again(page: Page, form: CredentialsForm, errors: FieldErrors) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    private((status, SignUpPage { page: page.with_status(status), username: form.username, errors }))
}
