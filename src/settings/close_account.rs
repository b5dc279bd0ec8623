//! Closing one's own account.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use dockpass_core::activity::ActivityKind;
use serde::Deserialize;

use super::actions;
use crate::{
    accounts::actions::DisableOutcome,
    activity::actions as activity,
    app::App,
    auth::{
        recent_sign_in::{RecentSignIn, try_password},
        session::{AnySession, SignedIn},
        throttle::{AttemptSource, SignInAttempt},
    },
    error::Error,
    web::{
        forms::FieldErrors,
        page::{Page, dialog_or_page, retry_after},
    },
};

/// `/settings/close`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/close", get(ask).post(close))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CloseForm {
    password: String,
}

#[derive(Template)]
#[template(path = "settings/close_account.html", blocks = ["dialog"])]
struct ClosePage {
    page: Page,
    username: String,
    errors: FieldErrors,
}

async fn ask(me: SignedIn) -> Response {
    let username = me.account.username.to_string();
    dialog_or_page!(StatusCode::OK, ClosePage { page: me.page, username, errors: FieldErrors::default() })
}

async fn close(
    State(app): State<App>,
    source: AttemptSource,
    sensitive: RecentSignIn<CloseForm>,
) -> Result<Response, Error> {
    let was_asked = sensitive.was_asked();
    let (me, origin, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let username = me.account.username.to_string();
    let mut errors = FieldErrors::default();
    let attempt = SignInAttempt::new(&username, Some(&me.account.id), &source);
    // Whoever answered the question with this request has just shown the password.
    let is_right = if was_asked { Ok(true) } else { try_password(&app, &me, &attempt, &form.password).await };
    match is_right {
        Ok(true) => {}
        Ok(false) => {
            activity::note_failure(&app.failures, &me.account.id, ActivityKind::SignInFailed, "", &origin, me.page.now);
            errors.add("password", me.page.t("close_account.wrong_password"));
            let again = ClosePage { page: me.page, username, errors };
            return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, again));
        }
        Err(Error::TooMany(wait)) => {
            errors.add("password", me.page.words.count("sign_in.wait", wait.as_secs().max(1) as i64));
            let again = ClosePage { page: me.page, username, errors };
            return Ok(retry_after(dialog_or_page!(StatusCode::TOO_MANY_REQUESTS, again), wait));
        }
        Err(other) => return Err(other),
    }
    let mut tx = app.db.write().await?;
    if actions::close(&mut tx, &me.account, me.page.now).await? == DisableOutcome::LastAdministrator {
        errors.add("password", me.page.t("close_account.last_administrator"));
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
