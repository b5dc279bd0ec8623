//! `/set-password`: setting a password with a link from an administrator.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use dockpass_core::account::Account;
use dockpass_core::activity::ActivityKind;
use dockpass_core::secret::SecretHash;
use serde::Deserialize;

use super::credential_checker::CredentialChecker;
use super::credentials_form::check_password;
use super::one_time_links::{CodeQuery, actions as links};
use super::session::AnySession;
use crate::activity::actions as activity;
use crate::app::App;
use crate::error::Error;
use crate::web::extract::{ClientAddress, Now};
use crate::web::forms::{FieldErrors, PostedForm};
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/set-password", get(show).post(set))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SetPasswordForm {
    password: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/set_password.html")]
struct SetPasswordPage {
    page: Page,
    account: Account,
    errors: FieldErrors,
}

async fn show(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    Now(now): Now,
    ClientAddress(address): ClientAddress,
    Query(query): Query<CodeQuery>,
) -> Result<Response, Error> {
    if let Some(code) = query.code {
        app.rate_limits.count_code(address).map_err(Error::TooMany)?;
        let code = SecretHash::of(&code);
        if links::find_password_link(&mut app.db.read().await?, &code, now).await?.is_none() {
            return Err(Error::InvalidLink);
        }
        session.set_password_code(&code).await?;
        return Ok(private(Redirect::to("/set-password")));
    }
    let code = session.password_code().await?.ok_or(Error::InvalidLink)?;
    let account = links::find_password_link(&mut app.db.read().await?, &code, now).await?.ok_or(Error::InvalidLink)?;
    Ok(private(SetPasswordPage { page, account, errors: FieldErrors::default() }))
}

async fn set(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<SetPasswordForm>,
) -> Result<Response, Error> {
    let CredentialChecker { ref origin, now, .. } = checker;
    let code = session.password_code().await?.ok_or(Error::InvalidLink)?;
    let account = links::find_password_link(&mut app.db.read().await?, &code, now).await?.ok_or(Error::InvalidLink)?;
    let mut errors = FieldErrors::default();
    let username = account.username.as_str();
    let password = check_password(&checker, "password", &form.password, username, page.words, &mut errors).await?;
    let Some(password) = password else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(private((status, SetPasswordPage { page: page.with_status(status), account, errors })));
    };
    let digest = checker.hash(password, username).await?;
    let mut tx = app.db.write().await?;
    if !links::spend_password_link(&mut tx, &code, &digest, now).await? {
        return Err(Error::InvalidLink);
    }
    activity::record(&mut tx, &account, ActivityKind::PasswordChanged, "", origin, now).await?;
    tx.commit().await?;
    session.sign_out().await?;
    session.note_password_set(account.username.as_str()).await?;
    Ok(Redirect::to("/login").into_response())
}
