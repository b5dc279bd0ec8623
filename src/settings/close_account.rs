//! `/settings/close`: closing one's own account.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::actions;
use crate::accounts::actions::DisableOutcome;
use crate::app::App;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{AnySession, SignedIn, begin_change};
use crate::error::Error;
use crate::web::forms::{FieldErrors, FormError};
use crate::web::page::{Page, dialog_or_page, redirect};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/close", get(ask).post(close))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CloseAccountForm {
    password: String,
}

#[derive(Template)]
#[template(path = "settings/close_account.html", blocks = ["dialog"])]
struct CloseAccountPage {
    page: Page,
    username: String,
    errors: FieldErrors,
}

fn close_page(me: SignedIn, status: StatusCode, errors: FieldErrors) -> Response {
    let username = me.account.username.to_string();
    dialog_or_page!(status, CloseAccountPage { page: me.page, username, errors })
}

async fn ask(me: SignedIn) -> Response {
    close_page(me, StatusCode::OK, FieldErrors::default())
}

async fn close(
    State(app): State<App>,
    RecentSignIn { me, form, is_just_confirmed, checker, .. }: RecentSignIn<CloseAccountForm>,
) -> Result<Response, Error> {
    // The question took the same password a moment ago.
    if !is_just_confirmed {
        let outcome = checker.own_password(&me.account, &form.password).await;
        let wrong = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, me.page.t("close_account.wrong_password"));
        if let Err(error) = FormError::of_attempt(outcome, me.page.words, wrong)? {
            return Ok(error.respond(|status, sentence| close_page(me, status, FieldErrors::one("password", sentence))));
        }
    }
    let mut tx = begin_change(&app, &me.account).await?;
    if actions::close(&mut tx, &me.account, me.page.now).await? == DisableOutcome::LastAdministrator {
        drop(tx);
        let errors = FieldErrors::one("password", me.page.t("close_account.last_administrator"));
        return Ok(close_page(me, StatusCode::CONFLICT, errors));
    }
    tx.commit().await?;
    tracing::info!(account = me.account.username.as_str(), "an account was closed by its owner");
    let response = redirect(&me.page, "/login");
    AnySession(me.session).sign_out().await?;
    Ok(response)
}
