//! Signing in and out.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{actions, session::AnySession};
use crate::{
    core::password::Password,
    error::Error,
    state::App,
    web::{
        form::{Posted, inside},
        page::{Page, private},
    },
};

/// Where people go who came from nowhere in particular.
const TOKENS: &str = "/settings/tokens";

/// `/`, `/login`, `/logout`.
pub fn routes() -> Router<App> {
    Router::new().route("/", get(front)).route("/login", get(show).post(sign_in)).route("/logout", post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
struct ComingFrom {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
struct LoginForm {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "accounts/login.html")]
struct LoginPage {
    page: Page,
    username: String,
    next: String,
    is_refused: bool,
    signup_is_open: bool,
}

async fn front(State(app): State<App>, session: AnySession) -> Result<Redirect, Error> {
    let is_signed_in = session.account(&app).await?.is_some();
    Ok(Redirect::to(if is_signed_in { TOKENS } else { "/login" }))
}

async fn show(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    Query(from): Query<ComingFrom>,
) -> Result<Response, Error> {
    if session.account(&app).await?.is_some() {
        return Ok(Redirect::to(inside(&from.next, TOKENS)).into_response());
    }
    Ok(private(LoginPage {
        page,
        username: String::new(),
        next: from.next,
        is_refused: false,
        signup_is_open: app.config.signup_is_open,
    }))
}

async fn sign_in(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    Posted(form): Posted<LoginForm>,
) -> Result<Response, Error> {
    let password = Password::typed(&form.password);
    match actions::check_password(&app.db, &app.hasher, &form.username, password).await? {
        Some(account) => {
            session.sign_in(&account).await?;
            tracing::info!(account = account.username.as_str(), "signed in");
            Ok(Redirect::to(inside(&form.next, TOKENS)).into_response())
        }
        None => {
            tracing::info!("a sign-in was refused");
            let again = LoginPage {
                page,
                username: form.username,
                next: form.next,
                is_refused: true,
                signup_is_open: app.config.signup_is_open,
            };
            Ok(private((StatusCode::UNAUTHORIZED, again)))
        }
    }
}

async fn sign_out(session: AnySession) -> Result<Redirect, Error> {
    session.sign_out().await?;
    Ok(Redirect::to("/login"))
}
