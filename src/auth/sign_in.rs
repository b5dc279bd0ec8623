//! Signing in and out.

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
use crate::web::cookies::removed_session;
use crate::web::extract::Now;
use crate::web::forms::{FormError, PostedForm, local_path};
use crate::web::page::{Page, private};

pub const TOKENS: &str = "/settings/tokens";

pub fn routes() -> Router<App> {
    Router::new().route("/", get(front)).route("/login", get(show).post(sign_in)).route("/logout", post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
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
        page,
        is_password_set: password_set.is_some(),
        username: password_set.unwrap_or_default(),
        next: query.next,
        refusal: None,
        signup_is_open: app.config.signup_is_open,
        is_set_up: actions::is_set_up(&mut app.db.read().await?).await?,
    }))
}

async fn sign_in(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<SignInForm>,
) -> Result<Response, Error> {
    let account = actions::find_typed(&mut app.db.read().await?, &form.username).await?;
    let outcome = checker.password(&form.username, account.as_ref(), &form.password).await;
    let wrong = match outcome {
        Ok(CheckedPassword::Disabled(_)) => FormError::new(StatusCode::UNAUTHORIZED, page.t("sign_in.disabled")),
        _ => FormError::new(StatusCode::UNAUTHORIZED, page.t("sign_in.refused")),
    };
    let account = match FormError::of_attempt(outcome.map(CheckedPassword::right), page.words, wrong)? {
        Ok(account) => account,
        Err(error) => return Ok(show_again(&app, page, form, error)),
    };
    if account.has_second_factor {
        session.await_second_factor(&account, &form.next, page.now).await?;
        return Ok(Redirect::to("/login/code").into_response());
    }
    let cookies = complete(&app, &session, &account, checker).await?;
    Ok((cookies, Redirect::to(local_path(&form.next, TOKENS))).into_response())
}

fn show_again(app: &App, page: Page, form: SignInForm, error: FormError) -> Response {
    let SignInForm { username, next, .. } = form;
    let signup_is_open = app.config.signup_is_open;
    error.respond(|status, sentence| {
        let refusal = Some(sentence);
        let (is_set_up, is_password_set) = (true, false);
        private((status, SignInPage { page, username, next, refusal, signup_is_open, is_set_up, is_password_set }))
    })
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
