//! Closing one's own account.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;

use super::actions;
use crate::{
    accounts::{
        actions::{self as accounts, Purpose, Withdrawal},
        fresh::Sensitive,
        session::{AnySession, SignedIn},
        throttle::{Attempt, Source},
    },
    core::password::Password,
    error::Error,
    state::App,
    web::{
        form::FieldErrors,
        page::{Page, dialog_or_page},
    },
};

/// `/settings/close`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/close", get(ask).post(close))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloseForm {
    password: String,
}

#[derive(Template)]
#[template(path = "people/close.html", blocks = ["dialog"])]
struct ClosePage {
    page: Page,
    username: String,
    errors: FieldErrors,
}

async fn ask(me: SignedIn) -> Response {
    let username = me.account.username.to_string();
    dialog_or_page!(StatusCode::OK, ClosePage { page: me.page, username, errors: FieldErrors::default() })
}

async fn close(State(app): State<App>, source: Source, sensitive: Sensitive<CloseForm>) -> Result<Response, Error> {
    let (me, _, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let username = me.account.username.to_string();
    let password = Password::typed(&form.password);
    let mut errors = FieldErrors::default();
    let attempt = Attempt::new(&username, Some(&me.account.id), &source);
    attempt.allowed(&app.db, &app.limits, me.page.now).await?;
    if accounts::check_password(&app.db, &app.hasher, &username, password, Purpose::Page).await?.is_none() {
        attempt.failed(&app.db, &app.limits, me.page.now).await?;
        errors.add("password", me.page.t("closing.wrong_password"));
        return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, ClosePage { page: me.page, username, errors }));
    }
    let mut tx = app.db.write().await?;
    if actions::close(&mut tx, &me.account, me.page.now).await? == Withdrawal::LastAdministrator {
        errors.add("password", me.page.t("closing.last_administrator"));
        return Ok(dialog_or_page!(StatusCode::CONFLICT, ClosePage { page: me.page, username, errors }));
    }
    tx.commit().await?;
    tracing::info!(account = username, "an account was closed by its owner");
    let is_fragment = me.page.is_fragment;
    AnySession(me.session).sign_out().await?;
    Ok(if is_fragment {
        (axum_htmx::HxRedirect("/login".to_owned()), StatusCode::OK).into_response()
    } else {
        Redirect::to("/login").into_response()
    })
}
