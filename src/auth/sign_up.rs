//! Making one's own account, where the operator opened it.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use dockpass_core::activity::ClientInfo;

use super::{credentials_form::CredentialsForm, session::AnySession, sign_in::complete, throttle::AttemptSource};
use crate::{
    accounts::actions::{self, CreateAccountError, NewAccount},
    app::App,
    error::Error,
    web::{
        extract::Now,
        forms::{FieldErrors, PostedForm},
        page::{Page, private},
    },
};

/// `/signup`.
pub fn routes() -> Router<App> {
    Router::new().route("/signup", get(show).post(create))
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/sign_up.html")]
struct SignupPage {
    page: Page,
    username: String,
    errors: FieldErrors,
}

/// Closed sign-up looks like any address that leads nowhere; before the first account there is `/setup`.
async fn open(app: &App) -> Result<(), Error> {
    if !app.config.signup_is_open || !actions::is_set_up(&mut app.db.read().await?).await? {
        return Err(Error::NotFound);
    }
    Ok(())
}

async fn show(State(app): State<App>, page: Page) -> Result<Response, Error> {
    open(&app).await?;
    Ok(private(SignupPage { page, username: String::new(), errors: FieldErrors::default() }))
}

async fn create(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    Now(now): Now,
    origin: ClientInfo,
    source: AttemptSource,
    PostedForm(form): PostedForm<CredentialsForm>,
) -> Result<Response, Error> {
    open(&app).await?;
    let (username, password) = match form.checked(page.words) {
        Ok(checked) => checked,
        Err(errors) => return Ok(again(page, form, errors)),
    };
    // Counted where an account would be made: each costs a slow hash and a name for ever.
    app.rate_limits.count_signup(source.address).map_err(Error::TooMany)?;
    let digest = app.hasher.hash(password).await?;
    let mut tx = app.db.write().await?;
    let new = NewAccount { username, digest, is_admin: false };
    match actions::create(&mut tx, new, now, app.rng).await {
        Ok(account) => {
            tx.commit().await?;
            let known = complete(&app, &session, &account, &origin, source, now).await?;
            tracing::info!(account = account.username.as_str(), "an account was made at sign-up");
            Ok((known, Redirect::to("/settings/tokens")).into_response())
        }
        Err(CreateAccountError::Failed(error)) => Err(error),
        Err(CreateAccountError::UsernameTaken | CreateAccountError::AlreadySetUp) => {
            let mut errors = FieldErrors::default();
            errors.add("username", page.t("username.taken"));
            Ok(again(page, form, errors))
        }
    }
}

fn again(page: Page, form: CredentialsForm, errors: FieldErrors) -> Response {
    private((StatusCode::UNPROCESSABLE_ENTITY, SignupPage { page, username: form.username, errors }))
}
