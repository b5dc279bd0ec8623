//! `/settings/security/two-factor…`: turning two-factor authentication on and off, replacing the authenticator, and new
//! recovery codes.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use dockpass_core::expiry::Calendar as _;
use dockpass_core::recovery_code::{self, RecoveryCode};
use dockpass_core::totp::TotpSecret;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use crate::accounts::actions as accounts;
use crate::app::App;
use crate::auth::credential_checker::{CredentialChecker, SecondFactor};
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{SignedIn, begin_change};
use crate::auth::two_factor::{CodeForm, actions};
use crate::error::Error;
use crate::web::forms::{FieldErrors, FormError};
use crate::web::page::{Page, dialog_or_page, redirect, retry_after};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/security/two-factor", get(to_security).post(begin))
        .route("/settings/security/two-factor/confirm", get(to_security).post(confirm))
        .route("/settings/security/two-factor/off", get(ask_off).post(turn_off))
        .route("/settings/security/recovery-codes", get(ask_new_codes).post(new_codes))
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
    /// Whose codes they are, where and since when: a print of them must say it.
    about: String,
    /// That other sessions were ended, if they were.
    ended: Option<String>,
}

/// Asks for a code before two-factor authentication is turned off, or new recovery codes are generated.
#[derive(Template)]
#[template(path = "settings/two_factor_code.html", blocks = ["dialog"])]
struct CodePage {
    page: Page,
    path: &'static str,
    turns_off: bool,
    is_required: bool,
    errors: FieldErrors,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfirmForm {
    /// Of the new authenticator.
    code: String,
    /// Of the one that it replaces, or a recovery code.
    current_code: String,
}

async fn to_security() -> Redirect {
    Redirect::to("/settings/security")
}

async fn begin(State(app): State<App>, RecentSignIn { me, checker, .. }: RecentSignIn) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let secret = actions::begin(&mut tx, &me.account, &app.encryptor, app.rng).await?;
    tx.commit().await?;
    show_secret(me, &checker, secret, FieldErrors::default(), StatusCode::OK).await
}

async fn show_secret(
    me: SignedIn,
    checker: &CredentialChecker,
    secret: TotpSecret,
    errors: FieldErrors,
    status: StatusCode,
) -> Result<Response, Error> {
    let (text, username) = (secret.text(), me.account.username.to_string());
    let requester = checker.requester(&username);
    let qr_code = checker.hasher.run(&requester, move |_| draw(&secret, &username)).await??;
    let is_replacement = me.account.has_second_factor;
    let page = AuthenticatorPage { page: me.page, is_replacement, qr_code, secret: text, errors };
    Ok(dialog_or_page!(status, page))
}

fn draw(secret: &TotpSecret, username: &str) -> Result<String, Error> {
    let url = secret.url(username).ok_or_else(|| Error::internal("no otpauth address"))?;
    let code = QrCode::new(url.as_bytes()).map_err(Error::internal)?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // Without the XML declaration, which is not valid inside HTML.
    Ok(drawn.find("<svg").map_or_else(String::new, |at| drawn[at..].to_owned()))
}

async fn confirm(
    State(app): State<App>,
    RecentSignIn { me, origin, form, is_just_confirmed, checker }: RecentSignIn<ConfirmForm>,
) -> Result<Response, Error> {
    let Some(secret) = actions::pending(&mut app.db.read().await?, &me.account, &app.encryptor).await? else {
        return Ok(to_security().await.into_response());
    };
    if is_just_confirmed {
        // The question did not carry the codes along.
        return show_secret(me, &checker, secret, FieldErrors::default(), StatusCode::OK).await;
    }
    if secret.step_of(&form.code, me.page.now).is_none() {
        let errors = FieldErrors::one("code", me.page.t("two_factor.wrong_code"));
        return show_secret(me, &checker, secret, errors, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let is_first = !me.account.has_second_factor;
    if !is_first && let Err(error) = check_current(&me, &checker, &form.current_code).await? {
        let errors = FieldErrors::one("current_code", error.sentence);
        let response = show_secret(me, &checker, secret, errors, error.status).await?;
        return Ok(retry_after(response, error.wait));
    }
    let requester = checker.requester(me.account.username.as_str());
    let new = if is_first { Some(actions::new_codes(&app.hasher, &requester, app.rng).await?) } else { None };
    let (mut tx, now, own) = (begin_change(&app, &me.account).await?, me.page.now, me.id_hash());
    let confirmed = actions::confirm(&mut tx, &me.account, &form.code, &app.encryptor, &own, &origin, now).await?;
    let Some(ended) = confirmed else {
        return Ok(to_security().await.into_response());
    };
    if let Some(new) = &new {
        actions::store_codes(&mut tx, &me.account, new, &origin, now).await?;
    }
    tx.commit().await?;
    match new {
        Some(new) => Ok(show_codes(&app, me, new.codes, ended)),
        None => done(me, "two_factor.replaced").await,
    }
}

/// Checks a current code of the authenticator, or a recovery code.
async fn check_current(me: &SignedIn, checker: &CredentialChecker, code: &str) -> Result<Result<(), FormError>, Error> {
    let factor = match recovery_code::parse(code) {
        Some(_) => SecondFactor::RecoveryCode(code),
        None => SecondFactor::Code(code),
    };
    let outcome = checker.second_factor(&me.account, factor).await;
    let wrong = FormError::new(StatusCode::UNPROCESSABLE_ENTITY, me.page.t("two_factor.wrong_either"));
    FormError::of_attempt(outcome, me.page.words, wrong)
}

fn show_codes(app: &App, me: SignedIn, codes: Vec<RecoveryCode>, ended: i64) -> Response {
    let username = me.account.username.to_string();
    let words = me.page.words;
    let about = words.t1("two_factor.codes_about", "name", &username);
    let about = about.replace("%{host}", &app.urls.registry_host);
    let about = about.replace("%{date}", &words.date(me.page.zone.day_of(me.page.now)));
    let ended = (ended > 0).then(|| me.page.words.count("two_factor.signed_out", ended));
    dialog_or_page!(StatusCode::OK, RecoveryCodesPage { page: me.page, codes, username, about, ended })
}

fn code_page(app: &App, me: SignedIn, turns_off: bool, status: StatusCode, errors: FieldErrors) -> Response {
    let is_required = app.config.requires_second_factor;
    let path = if turns_off { "/settings/security/two-factor/off" } else { "/settings/security/recovery-codes" };
    dialog_or_page!(status, CodePage { page: me.page, path, turns_off, is_required, errors })
}

async fn ask_new_codes(State(app): State<App>, me: SignedIn) -> Response {
    code_page(&app, me, false, StatusCode::OK, FieldErrors::default())
}

async fn new_codes(
    State(app): State<App>,
    RecentSignIn { me, origin, form, is_just_confirmed, checker }: RecentSignIn<CodeForm>,
) -> Result<Response, Error> {
    if !me.account.has_second_factor {
        return Ok(to_security().await.into_response());
    }
    // The question took a code a moment ago.
    if !is_just_confirmed && let Err(error) = check_current(&me, &checker, &form.code).await? {
        return Ok(error.respond(|status, text| code_page(&app, me, false, status, FieldErrors::one("code", text))));
    }
    let requester = checker.requester(me.account.username.as_str());
    let new = actions::new_codes(&app.hasher, &requester, app.rng).await?;
    let mut tx = begin_change(&app, &me.account).await?;
    accounts::lock_unchanged(&mut tx, &me.account).await?;
    actions::store_codes(&mut tx, &me.account, &new, &origin, me.page.now).await?;
    tx.commit().await?;
    Ok(show_codes(&app, me, new.codes, 0))
}

async fn saved(me: SignedIn) -> Result<Response, Error> {
    done(me, "two_factor.saved").await
}

async fn ask_off(State(app): State<App>, me: SignedIn) -> Response {
    code_page(&app, me, true, StatusCode::OK, FieldErrors::default())
}

async fn turn_off(
    State(app): State<App>,
    RecentSignIn { me, origin, form, is_just_confirmed, checker }: RecentSignIn<CodeForm>,
) -> Result<Response, Error> {
    if !is_just_confirmed && let Err(error) = check_current(&me, &checker, &form.code).await? {
        return Ok(error.respond(|status, text| code_page(&app, me, true, status, FieldErrors::one("code", text))));
    }
    let mut tx = begin_change(&app, &me.account).await?;
    actions::turn_own_off(&mut tx, &me.account, &me.id_hash(), &origin, me.page.now).await?;
    tx.commit().await?;
    done(me, "two_factor.turned_off").await
}

/// Leads back to the security page with a notice. htmx reloads it too, because all of it changed.
async fn done(me: SignedIn, key: &str) -> Result<Response, Error> {
    me.leave_notice(&me.page.t(key)).await?;
    Ok(redirect(&me.page, "/settings/security"))
}
