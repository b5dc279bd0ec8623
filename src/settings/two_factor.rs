//! Setting the second factor up, replacing it, turning it off; new recovery codes.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use dockpass_core::{
    activity::ActivityKind,
    recovery_code::{self, RecoveryCode},
    totp::TotpSecret,
};
use qrcode::{QrCode, render::svg};
use serde::Deserialize;

use crate::{
    activity::actions::note_failure,
    app::App,
    auth::{
        recent_sign_in::RecentSignIn,
        session::SignedIn,
        throttle::{AttemptSource, SignInAttempt},
        two_factor::actions,
    },
    error::Error,
    web::{
        forms::FieldErrors,
        page::{Page, dialog_or_page, retry_after},
    },
};

/// `/settings/security/two-factor…`, `/settings/security/recovery-codes`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/security/two-factor", get(to_security).post(begin))
        .route("/settings/security/two-factor/confirm", get(to_security).post(confirm))
        .route("/settings/security/two-factor/off", get(ask_off).post(turn_off))
        .route("/settings/security/recovery-codes", get(to_security).post(new_codes))
        .route("/settings/security/recovery-codes/saved", post(saved))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CodeForm {
    code: String,
}

#[derive(Debug, Default, Deserialize)]
struct Nothing {}

#[derive(Template)]
#[template(path = "settings/two_factor.html", blocks = ["dialog"])]
struct SetUpPage {
    page: Page,
    is_replacement: bool,
    /// An SVG that this server drew; it holds nothing that anyone typed but the username, as a pattern.
    qr_code: String,
    secret: String,
    errors: FieldErrors,
}

#[derive(Template)]
#[template(path = "settings/recovery_codes.html", blocks = ["dialog"])]
struct CodesPage {
    page: Page,
    codes: Vec<RecoveryCode>,
    username: String,
    host: String,
}

#[derive(Template)]
#[template(path = "settings/two_factor_off.html", blocks = ["dialog"])]
struct OffPage {
    page: Page,
    is_required: bool,
    errors: FieldErrors,
}

async fn to_security() -> Redirect {
    Redirect::to("/settings/security")
}

async fn begin(State(app): State<App>, sensitive: RecentSignIn<Nothing>) -> Result<Response, Error> {
    let (me, _, _) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let mut tx = app.db.write().await?;
    let secret = actions::begin(&mut tx, &me.account, &app.encryptor, app.rng).await?;
    tx.commit().await?;
    show_secret(me, &secret, FieldErrors::default(), StatusCode::OK)
}

fn show_secret(me: SignedIn, secret: &TotpSecret, errors: FieldErrors, status: StatusCode) -> Result<Response, Error> {
    let url = secret.url(me.account.username.as_str()).ok_or_else(|| Error::internal("no otpauth address"))?;
    let code = QrCode::new(url.as_bytes()).map_err(Error::internal)?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // The XML declaration has no place inside of a page.
    let qr_code = drawn.find("<svg").map_or_else(String::new, |at| drawn[at..].to_owned());
    let is_replacement = me.account.has_second_factor;
    let page = SetUpPage { page: me.page, is_replacement, qr_code, secret: secret.text(), errors };
    Ok(dialog_or_page!(status, page))
}

async fn confirm(State(app): State<App>, sensitive: RecentSignIn<CodeForm>) -> Result<Response, Error> {
    let was_asked = sensitive.was_asked();
    let (me, origin, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let Some(secret) = actions::pending(&mut app.db.read().await?, &me.account, &app.encryptor).await? else {
        return Ok(Redirect::to("/settings/security").into_response());
    };
    if was_asked {
        // The code that was typed before the question is gone; the secret is not.
        return show_secret(me, &secret, FieldErrors::default(), StatusCode::OK);
    }
    if secret.step_of(&form.code, me.page.now).is_none() {
        let mut errors = FieldErrors::default();
        errors.add("code", me.page.t("two_factor.wrong_code"));
        return show_secret(me, &secret, errors, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let is_first = !me.account.has_second_factor;
    let new = if is_first { Some(actions::new_codes(&app.hasher, app.rng).await?) } else { None };
    let mut tx = app.db.write().await?;
    if !actions::confirm(&mut tx, &me.account, &form.code, &app.encryptor, &origin, me.page.now).await? {
        return Ok(Redirect::to("/settings/security").into_response());
    }
    if let Some(new) = &new {
        actions::store_codes(&mut tx, &me.account, new, &origin, me.page.now).await?;
    }
    tx.commit().await?;
    tracing::info!(account = me.account.username.as_str(), "two-factor authentication is on");
    match new {
        Some(new) => Ok(show_codes(&app, me, new.codes)),
        None => done(me, "two_factor.replaced").await,
    }
}

fn show_codes(app: &App, me: SignedIn, codes: Vec<RecoveryCode>) -> Response {
    let username = me.account.username.to_string();
    let host = app.urls.registry_host.clone();
    dialog_or_page!(StatusCode::OK, CodesPage { page: me.page, codes, username, host })
}

async fn new_codes(State(app): State<App>, sensitive: RecentSignIn<Nothing>) -> Result<Response, Error> {
    let (me, origin, _) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    if !me.account.has_second_factor {
        return Ok(Redirect::to("/settings/security").into_response());
    }
    let new = actions::new_codes(&app.hasher, app.rng).await?;
    let mut tx = app.db.write().await?;
    actions::store_codes(&mut tx, &me.account, &new, &origin, me.page.now).await?;
    tx.commit().await?;
    Ok(show_codes(&app, me, new.codes))
}

/// Where the dialog with the codes leads once the box is ticked.
async fn saved(me: SignedIn) -> Result<Response, Error> {
    done(me, "two_factor.saved").await
}

async fn ask_off(State(app): State<App>, me: SignedIn) -> Response {
    let is_required = app.config.requires_second_factor;
    dialog_or_page!(StatusCode::OK, OffPage { page: me.page, is_required, errors: FieldErrors::default() })
}

async fn turn_off(
    State(app): State<App>,
    source: AttemptSource,
    sensitive: RecentSignIn<CodeForm>,
) -> Result<Response, Error> {
    let was_asked = sensitive.was_asked();
    let (me, origin, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let now = me.page.now;
    let attempt = SignInAttempt::new(me.account.username.as_str(), Some(&me.account.id), &source);
    // Whoever answered the question with this request has just shown a code.
    let is_right = match recovery_code::parse(&form.code) {
        _ if was_asked => Ok(true),
        Some(_) => actions::try_recovery_code(&app, &me.account, &form.code, &attempt, &origin, now).await,
        None => actions::try_code(&app, &me.account, &form.code, &attempt, now).await,
    };
    let is_required = app.config.requires_second_factor;
    let mut errors = FieldErrors::default();
    let is_right = match is_right {
        Err(Error::TooMany(wait)) => {
            errors.add("code", me.page.words.count("sign_in.wait", wait.as_secs().max(1) as i64));
            let again = OffPage { page: me.page, is_required, errors };
            return Ok(retry_after(dialog_or_page!(StatusCode::TOO_MANY_REQUESTS, again), wait));
        }
        is_right => is_right?,
    };
    if !is_right {
        note_failure(&app.failures, &me.account.id, ActivityKind::SignInFailed, "code", &origin, now);
        errors.add("code", me.page.t("two_factor.wrong_either"));
        let again = OffPage { page: me.page, is_required, errors };
        return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, again));
    }
    let mut tx = app.db.write().await?;
    actions::turn_off(&mut tx, &me.account, &origin, now).await?;
    tx.commit().await?;
    tracing::info!(account = me.account.username.as_str(), "two-factor authentication is off");
    done(me, "two_factor.turned_off").await
}

/// Back to the security page, with a sentence above it; for htmx the whole page, since all of it changed.
async fn done(me: SignedIn, key: &str) -> Result<Response, Error> {
    me.leave_notice(&me.page.t(key)).await?;
    Ok(if me.page.is_fragment {
        (axum_htmx::HxRedirect("/settings/security".to_owned()), StatusCode::OK).into_response()
    } else {
        Redirect::to("/settings/security").into_response()
    })
}
