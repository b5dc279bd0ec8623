//! `/settings/security`: the password, and the state of two-factor authentication.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use dockpass_core::activity::ActivityKind;
use serde::Deserialize;

use crate::accounts::actions;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::credentials_form::check_password;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{SignedIn, begin_change};
use crate::auth::two_factor::actions as two_factor;
use crate::error::Error;
use crate::web::forms::{FieldErrors, FormError};
use crate::web::page::{Page, private, retry_after};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/security", get(show)).route("/settings/security/password", post(change_password))
}

#[derive(Template, WebTemplate)]
#[template(path = "settings/security.html")]
struct SecurityPage {
    page: Page,
    username: String,
    has_second_factor: bool,
    codes_left: i64,
    /// Whether the operator requires two-factor authentication.
    is_required: bool,
    errors: FieldErrors,
    notice: Option<String>,
}

impl SecurityPage {
    async fn read(app: &App, me: SignedIn, errors: FieldErrors) -> Result<Self, Error> {
        Ok(Self {
            codes_left: two_factor::codes_left(&mut app.db.read().await?, &me.account).await?,
            username: me.account.username.to_string(),
            has_second_factor: me.account.has_second_factor,
            is_required: app.config.requires_second_factor,
            page: me.page,
            errors,
            notice: None,
        })
    }
}

async fn show(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let page = SecurityPage::read(&app, me, FieldErrors::default()).await?;
    Ok(private(SecurityPage { notice, ..page }))
}

async fn show_again(app: &App, me: SignedIn, status: StatusCode, errors: FieldErrors) -> Result<Response, Error> {
    let me = SignedIn { page: me.page.with_status(status), ..me };
    Ok(private((status, SecurityPage::read(app, me, errors).await?)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChangePasswordForm {
    current_password: String,
    new_password: String,
}

async fn change_password(
    State(app): State<App>,
    RecentSignIn { me, origin, form, is_just_confirmed, checker }: RecentSignIn<ChangePasswordForm>,
) -> Result<Response, Error> {
    let mut errors = FieldErrors::default();
    if is_just_confirmed {
        // The question did not carry the passwords along.
        return show_again(&app, me, StatusCode::OK, errors).await;
    }
    let username = me.account.username.as_str();
    let verified = match checker.own_password(&me.account, &form.current_password).await {
        Ok(verified) => verified,
        Err(error) => {
            let FormError { status, sentence, wait } = FormError::too_many(error, me.page.words)?;
            let response = show_again(&app, me, status, FieldErrors::one("current_password", sentence)).await?;
            return Ok(retry_after(response, wait));
        }
    };
    if verified.is_none() {
        errors.add("current_password", me.page.t("recent_sign_in.wrong_password"));
    }
    let (text, words) = (&form.new_password, me.page.words);
    let password = check_password(&checker, "new_password", text, username, words, &mut errors).await?;
    let (Some(_), Some(password)) = (verified, password) else {
        return show_again(&app, me, StatusCode::UNPROCESSABLE_ENTITY, errors).await;
    };
    let digest = checker.hash(password, username).await?;
    let mut tx = begin_change(&app, &me.account).await?;
    let ended = actions::change_password(&mut tx, &me.account, &digest, &me.id_hash()).await?;
    activity::record(&mut tx, &me.account, ActivityKind::PasswordChanged, "", &origin, me.page.now).await?;
    tx.commit().await?;
    me.leave_notice(&me.page.words.count("security.password_changed", ended)).await?;
    Ok(Redirect::to("/settings/security").into_response())
}
