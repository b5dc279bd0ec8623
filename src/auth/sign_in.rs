//! Signing in and out.

use std::borrow::Cow;

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::CookieJar;
use dockpass_core::account::Account;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use serde::Deserialize;

use super::credential_checker::CredentialChecker;
use super::remembered_browser::RememberedBrowser;
use super::session::AnySession;
use crate::accounts::actions::{self, CheckedPassword};
use crate::activity::actions as activity;
use crate::app::App;
use crate::error::Error;
use crate::platform::metrics::SignInOutcome;
use crate::web::cookies::removed_session;
use crate::web::extract::Now;
use crate::web::forms::{FormError, PostedForm, local_path};
use crate::web::i18n::Words;
use crate::web::page::{Page, private};

pub const TOKENS: &str = "/settings/tokens";

pub fn routes() -> Router<App> {
    Router::new().route("/", get(front)).route("/login", get(show).post(sign_in)).route("/logout", post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
    /// Why the sign-in page is shown, if no one asked for it.
    #[serde(default)]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SignInForm {
    username: String,
    password: String,
    next: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/sign_in.html")]
struct SignInPage {
    page: Page,
    username: String,
    next: String,
    /// Why to sign in.
    lead: Cow<'static, str>,
    refusal: Option<String>,
    signup_is_open: bool,
    /// Whether the first account exists.
    is_set_up: bool,
    /// Whether a link has just set the password of `username`.
    is_password_set: bool,
}

async fn front(State(app): State<App>, session: AnySession) -> Result<Redirect, Error> {
    let is_signed_in = session.account(&app).await?.is_some();
    Ok(Redirect::to(if is_signed_in { TOKENS } else { "/login" }))
}

async fn show(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    Query(query): Query<SignInQuery>,
) -> Result<Response, Error> {
    if session.account(&app).await?.is_some() {
        return Ok(Redirect::to(local_path(&query.next, TOKENS)).into_response());
    }
    let password_set = session.take_password_set().await?;
    Ok(private(SignInPage {
        lead: page.t(lead(&query.reason, &query.next)),
        page,
        is_password_set: password_set.is_some(),
        username: password_set.unwrap_or_default(),
        next: query.next,
        refusal: None,
        signup_is_open: app.config.signup_is_open,
        is_set_up: actions::is_set_up(&mut app.db.read().await?).await?,
    }))
}

/// The key of the sentence that says why to sign in.
fn lead(reason: &str, next: &str) -> &'static str {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    match (reason, path) {
        ("ended", _) => "sign_in.lead_ended",
        ("late", _) => "sign_in.lead_late",
        (_, "/device") => "sign_in.lead_device",
        (_, "" | "/" | TOKENS) => "sign_in.lead",
        _ => "sign_in.lead_page",
    }
}

/// Checks the first step of signing in; or says what is wrong with it.
pub(super) async fn check_password(
    app: &App,
    checker: &CredentialChecker,
    words: Words,
    username: &str,
    password: &str,
) -> Result<Result<Account, FormError>, Error> {
    let account = actions::find_typed(&mut app.db.read().await?, username).await?;
    let outcome = checker.password(username, account.as_ref(), password).await;
    match &outcome {
        // Counted when the sign-in is complete.
        Ok(CheckedPassword::Right(account)) if !account.has_second_factor => {}
        Ok(CheckedPassword::Right(_)) => app.metrics.sign_in(SignInOutcome::SecondFactor),
        Ok(CheckedPassword::Disabled(_)) => app.metrics.sign_in(SignInOutcome::Disabled),
        Ok(CheckedPassword::Wrong { .. }) => app.metrics.sign_in(SignInOutcome::WrongPassword),
        Err(Error::TooMany(_)) => app.metrics.sign_in(SignInOutcome::Throttled),
        Err(_) => {}
    }
    let key = match outcome {
        Ok(CheckedPassword::Disabled(_)) => "sign_in.disabled",
        _ => "sign_in.refused",
    };
    let wrong = FormError::new(StatusCode::UNAUTHORIZED, words.t(key));
    FormError::of_attempt(outcome.map(CheckedPassword::right), words, wrong)
}

async fn sign_in(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<SignInForm>,
) -> Result<Response, Error> {
    let account = match check_password(&app, &checker, page.words, &form.username, &form.password).await? {
        Ok(account) => account,
        Err(error) => return show_again(&app, page, form, error).await,
    };
    if account.has_second_factor {
        session.await_second_factor(&account, &form.next, page.now).await?;
        return Ok(Redirect::to("/login/code").into_response());
    }
    let cookies = complete(&app, &session, &account, checker).await?;
    Ok((cookies, Redirect::to(local_path(&form.next, TOKENS))).into_response())
}

async fn show_again(app: &App, page: Page, form: SignInForm, error: FormError) -> Result<Response, Error> {
    let is_set_up = actions::is_set_up(&mut app.db.read().await?).await?;
    let again = |sentence| SignInPage {
        lead: page.t(lead("", &form.next)),
        // Before the first account there is no form to be wrong.
        page: Page { has_errors: is_set_up, ..page },
        username: form.username,
        next: form.next,
        refusal: Some(sentence),
        signup_is_open: app.config.signup_is_open,
        is_set_up,
        is_password_set: false,
    };
    Ok(error.respond(|status, sentence| private((status, again(sentence)))))
}

/// Signs in after every factor was right, and writes that into the security log. The cookie remembers the browser.
pub(super) async fn complete(
    app: &App,
    session: &AnySession,
    account: &Account,
    checker: CredentialChecker,
) -> Result<CookieJar, Error> {
    let CredentialChecker { source, origin, now, .. } = checker;
    session.sign_in(account, &origin, now).await?;
    let mut tx = app.db.write().await?;
    activity::record(&mut tx, account, ActivityKind::SignedIn, "", &origin, now).await?;
    tx.commit().await?;
    app.metrics.sign_in(SignInOutcome::SignedIn);
    let browser = source.browser.unwrap_or_else(|| RememberedBrowser::new(app.rng));
    Ok(CookieJar::new().add(browser.remember(account, &app.encryptor, app.rng, &app.urls)))
}

async fn sign_out(
    State(app): State<App>,
    session: AnySession,
    Now(now): Now,
    origin: ClientInfo,
) -> Result<Response, Error> {
    if let Some(account) = session.account(&app).await? {
        let mut tx = app.db.write().await?;
        activity::record(&mut tx, &account, ActivityKind::SignedOut, "", &origin, now).await?;
        tx.commit().await?;
    }
    session.sign_out().await?;
    Ok((app.urls.is_secure.then(|| CookieJar::new().add(removed_session(&app.urls))), Redirect::to("/login"))
        .into_response())
}
