//! Account settings, Security: the password, and the way to the second factor.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use dockpass_core::{activity::ActivityKind, password::Password};
use serde::Deserialize;

use crate::{
    accounts::actions,
    activity::actions as activity,
    app::App,
    auth::{
        credentials_form::password_key,
        recent_sign_in::{RecentSignIn, show_password},
        session::SignedIn,
        throttle::{AttemptSource, SignInAttempt},
        two_factor::actions as factor,
    },
    error::Error,
    web::{
        forms::FieldErrors,
        page::{Page, private, retry_after},
    },
};

/// `/settings/security`, `/settings/security/password`.
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
    /// Whether the operator closes everything else until it is on.
    is_required: bool,
    errors: FieldErrors,
    notice: Option<String>,
}

async fn show(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let page = security_page(&app, me, FieldErrors::default(), notice).await?;
    Ok(private(page))
}

async fn security_page(
    app: &App,
    me: SignedIn,
    errors: FieldErrors,
    notice: Option<String>,
) -> Result<SecurityPage, Error> {
    let codes_left = factor::codes_left(&mut app.db.read().await?, &me.account).await?;
    Ok(SecurityPage {
        username: me.account.username.to_string(),
        has_second_factor: me.account.has_second_factor,
        is_required: app.config.requires_second_factor,
        codes_left,
        page: me.page,
        errors,
        notice,
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PasswordForm {
    current_password: String,
    new_password: String,
}

async fn change_password(
    State(app): State<App>,
    source: AttemptSource,
    sensitive: RecentSignIn<PasswordForm>,
) -> Result<Response, Error> {
    let was_asked = sensitive.was_asked();
    let (me, origin, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let mut errors = FieldErrors::default();
    if was_asked {
        let again = security_page(&app, me, errors, None).await?;
        return Ok(private(again));
    }
    let name = me.account.username.to_string();
    let attempt = SignInAttempt::new(&name, Some(&me.account.id), &source);
    let shown = match show_password(&app, &me, &attempt, &form.current_password).await {
        Err(Error::TooMany(wait)) => {
            errors.add("current_password", me.page.words.count("sign_in.wait", wait.as_secs().max(1) as i64));
            let again = security_page(&app, me, errors, None).await?;
            return Ok(retry_after(private((StatusCode::TOO_MANY_REQUESTS, again)), wait));
        }
        shown => shown?,
    };
    if shown.is_none() {
        activity::note_failure(&app.failures, &me.account.id, ActivityKind::SignInFailed, "", &origin, me.page.now);
        errors.add("current_password", me.page.t("recent_sign_in.wrong_password"));
    }
    let chosen = Password::chosen(&form.new_password, &name)
        .map_err(|problem| errors.add("new_password", me.page.t(password_key(problem))));
    let (Ok(password), Some(shown)) = (chosen, shown) else {
        let again = security_page(&app, me, errors, None).await?;
        return Ok(private((StatusCode::UNPROCESSABLE_ENTITY, again)));
    };
    let digest = app.hasher.hash(password).await?;
    let mut tx = app.db.write().await?;
    let Some(ended) = actions::change_password(&mut tx, &shown, &digest, &me.id_hash()).await? else {
        errors.add("current_password", me.page.t("recent_sign_in.wrong_password"));
        drop(tx);
        let again = security_page(&app, me, errors, None).await?;
        return Ok(private((StatusCode::UNPROCESSABLE_ENTITY, again)));
    };
    activity::record(&mut tx, &me.account, ActivityKind::PasswordChanged, "", &origin, me.page.now).await?;
    tx.commit().await?;
    me.leave_notice(&me.page.words.count("security.password_changed", ended)).await?;
    Ok(Redirect::to("/settings/security").into_response())
}
