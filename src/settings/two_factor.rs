//! `/settings/security/two-factor…`: turning two-factor authentication on and off, replacing the authenticator, and new
//! recovery codes.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use dockpass_core::recovery_code::{self, RecoveryCode};
use dockpass_core::totp::TotpSecret;
use qrcode::QrCode;
use qrcode::render::svg;

use crate::app::App;
use crate::auth::actions::{CredentialChecker, SecondFactor};
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::SignedIn;
use crate::auth::two_factor::{CodeForm, actions};
use crate::error::Error;
use crate::web::forms::{FieldErrors, FormError};
use crate::web::page::{Page, dialog_or_page, redirect};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/security/two-factor", get(to_security).post(begin))
        .route("/settings/security/two-factor/confirm", get(to_security).post(confirm))
        .route("/settings/security/two-factor/off", get(ask_off).post(turn_off))
        .route("/settings/security/recovery-codes", get(to_security).post(new_codes))
        .route("/settings/security/recovery-codes/saved", post(saved))
}

#[derive(Template)]
#[template(path = "settings/two_factor.html", blocks = ["dialog"])]
struct AuthenticatorPage {
    page: Page,
    is_replacement: bool,
    /// An SVG that this server drew. The template does not escape it: only the pattern depends on the username.
    qr_code: String,
    secret: String,
    errors: FieldErrors,
}

#[derive(Template)]
#[template(path = "settings/recovery_codes.html", blocks = ["dialog"])]
struct RecoveryCodesPage {
    page: Page,
    codes: Vec<RecoveryCode>,
    username: String,
    host: String,
}

#[derive(Template)]
#[template(path = "settings/two_factor_off.html", blocks = ["dialog"])]
struct TurnOffPage {
    page: Page,
    is_required: bool,
    errors: FieldErrors,
}

async fn to_security() -> Redirect {
    Redirect::to("/settings/security")
}

async fn begin(State(app): State<App>, RecentSignIn { me, .. }: RecentSignIn) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let secret = actions::begin(&mut tx, &me.account, &app.encryptor, app.rng).await?;
    tx.commit().await?;
    show_secret(me, &secret, FieldErrors::default(), StatusCode::OK)
}

fn show_secret(me: SignedIn, secret: &TotpSecret, errors: FieldErrors, status: StatusCode) -> Result<Response, Error> {
    let url = secret.url(me.account.username.as_str()).ok_or_else(|| Error::internal("no otpauth address"))?;
    let code = QrCode::new(url.as_bytes()).map_err(Error::internal)?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // Without the XML declaration, which is not valid inside HTML.
    let qr_code = drawn.find("<svg").map_or_else(String::new, |at| drawn[at..].to_owned());
    let is_replacement = me.account.has_second_factor;
    let page = AuthenticatorPage { page: me.page, is_replacement, qr_code, secret: secret.text(), errors };
    Ok(dialog_or_page!(status, page))
}

async fn confirm(
    State(app): State<App>,
    RecentSignIn { me, origin, form, is_just_confirmed }: RecentSignIn<CodeForm>,
) -> Result<Response, Error> {
    let Some(secret) = actions::pending(&mut app.db.read().await?, &me.account, &app.encryptor).await? else {
        return Ok(Redirect::to("/settings/security").into_response());
    };
    if is_just_confirmed {
        // The question did not carry the code along.
        return show_secret(me, &secret, FieldErrors::default(), StatusCode::OK);
    }
    if secret.step_of(&form.code, me.page.now).is_none() {
        let errors = FieldErrors::one("code", me.page.t("two_factor.wrong_code"));
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
    dialog_or_page!(StatusCode::OK, RecoveryCodesPage { page: me.page, codes, username, host })
}

async fn new_codes(State(app): State<App>, RecentSignIn { me, origin, .. }: RecentSignIn) -> Result<Response, Error> {
    if !me.account.has_second_factor {
        return Ok(Redirect::to("/settings/security").into_response());
    }
    let new = actions::new_codes(&app.hasher, app.rng).await?;
    let mut tx = app.db.write().await?;
    actions::store_codes(&mut tx, &me.account, &new, &origin, me.page.now).await?;
    tx.commit().await?;
    Ok(show_codes(&app, me, new.codes))
}

async fn saved(me: SignedIn) -> Result<Response, Error> {
    done(me, "two_factor.saved").await
}

fn turn_off_page(app: &App, me: SignedIn, status: StatusCode, errors: FieldErrors) -> Response {
    let is_required = app.config.requires_second_factor;
    dialog_or_page!(status, TurnOffPage { page: me.page, is_required, errors })
}

async fn ask_off(State(app): State<App>, me: SignedIn) -> Response {
    turn_off_page(&app, me, StatusCode::OK, FieldErrors::default())
}

async fn turn_off(
    State(app): State<App>,
    checker: CredentialChecker,
    RecentSignIn { me, origin, form, is_just_confirmed }: RecentSignIn<CodeForm>,
) -> Result<Response, Error> {
    // The question took a code a moment ago.
    if !is_just_confirmed {
        let factor = match recovery_code::parse(&form.code) {
            Some(_) => SecondFactor::RecoveryCode(&form.code),
            None => SecondFactor::Code(&form.code),
        };
        let outcome = checker.second_factor(&me.account, factor).await;
        let wrong = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, me.page.t("two_factor.wrong_either"));
        if let Err(error) = FormError::of_attempt(outcome, me.page.words, wrong)? {
            return Ok(
                error.respond(|status, sentence| turn_off_page(&app, me, status, FieldErrors::one("code", sentence)))
            );
        }
    }
    let mut tx = app.db.write().await?;
    actions::turn_off(&mut tx, "", &me.account, &origin, me.page.now).await?;
    tx.commit().await?;
    tracing::info!(account = me.account.username.as_str(), "two-factor authentication is off");
    done(me, "two_factor.turned_off").await
}

/// Leads back to the security page with a notice. htmx reloads it too, because all of it changed.
async fn done(me: SignedIn, key: &str) -> Result<Response, Error> {
    me.leave_notice(&me.page.t(key)).await?;
    Ok(redirect(&me.page, "/settings/security"))
}
