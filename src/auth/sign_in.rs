//! Signing in and out.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::SET_COOKIE},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    password::Password,
    timestamp::Timestamp,
};
use serde::Deserialize;

use super::{
    session::AnySession,
    throttle::{AttemptSource, SignInAttempt, SignInVerdict},
};
use crate::{
    accounts::actions::{self, PasswordPurpose, VerifiedPassword},
    activity::actions as activity,
    app::App,
    error::Error,
    web::{
        extract::Now,
        forms::{PostedForm, local_path},
        page::{Page, private},
    },
};

/// Where a sign-in leads when it came from nowhere.
pub const TOKENS: &str = "/settings/tokens";

/// `/`, `/login`, `/logout`.
pub fn routes() -> Router<App> {
    Router::new().route("/", get(front)).route("/login", get(show).post(sign_in)).route("/logout", post(sign_out))
}

#[derive(Debug, Default, Deserialize)]
struct ComingFrom {
    #[serde(default)]
    next: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LoginForm {
    username: String,
    password: String,
    next: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/sign_in.html")]
struct LoginPage {
    page: Page,
    username: String,
    next: String,
    /// Why the last try failed.
    refusal: Option<String>,
    signup_is_open: bool,
}

async fn front(State(app): State<App>, session: AnySession) -> Result<Redirect, Error> {
    let is_signed_in = session.account(&app).await?.is_some();
    Ok(Redirect::to(if is_signed_in { TOKENS } else { "/login" }))
}

async fn show(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    Query(from): Query<ComingFrom>,
) -> Result<Response, Error> {
    if session.account(&app).await?.is_some() {
        return Ok(Redirect::to(local_path(&from.next, TOKENS)).into_response());
    }
    let signup_is_open = app.config.signup_is_open;
    Ok(private(LoginPage { page, username: String::new(), next: from.next, refusal: None, signup_is_open }))
}

async fn sign_in(
    State(app): State<App>,
    session: AnySession,
    page: Page,
    origin: ClientInfo,
    source: AttemptSource,
    PostedForm(form): PostedForm<LoginForm>,
) -> Result<Response, Error> {
    let now = page.now;
    let id = actions::id_of(&mut app.db.read().await?, &form.username).await?;
    let attempt = SignInAttempt::new(&form.username, id.as_deref(), &source);
    let found = match try_password(&app, &attempt, &form, now).await {
        Err(Error::TooMany(wait)) => {
            let seconds = wait.as_secs().max(1);
            let sentence = page.words.count("sign_in.wait", seconds as i64);
            return Ok(again(&app, page, form, StatusCode::TOO_MANY_REQUESTS, sentence, Some(seconds)));
        }
        found => found?,
    };
    let Some(VerifiedPassword { account, digest }) = found else {
        if let Some(id) = id {
            activity::note_failure(&app.failures, &id, ActivityKind::SignInFailed, "", &origin, now);
        }
        tracing::info!(address = %source.address, "a sign-in was refused");
        let sentence = page.t("sign_in.refused").into_owned();
        return Ok(again(&app, page, form, StatusCode::UNAUTHORIZED, sentence, None));
    };
    if account.has_second_factor {
        session.half_sign_in(&account, &digest.fingerprint(), &form.next, now).await?;
        return Ok(Redirect::to("/login/code").into_response());
    }
    let known = complete(&app, &session, &account, &origin, source, now).await?;
    Ok((known, Redirect::to(local_path(&form.next, TOKENS))).into_response())
}

async fn try_password(
    app: &App,
    attempt: &SignInAttempt,
    form: &LoginForm,
    now: Timestamp,
) -> Result<Option<VerifiedPassword>, Error> {
    attempt.allowed(&app.db, &app.rate_limits, now).await?;
    let password = Password::typed(&form.password);
    let found = actions::check_password(&app.db, &app.hasher, &form.username, password, PasswordPurpose::Page).await?;
    let verdict = match &found {
        None => SignInVerdict::Wrong,
        Some(shown) if shown.account.has_second_factor => SignInVerdict::RightSoFar,
        Some(_) => SignInVerdict::Right,
    };
    attempt.settle(&app.db, &app.rate_limits, verdict, now).await?;
    Ok(found)
}

fn again(
    app: &App,
    page: Page,
    form: LoginForm,
    status: StatusCode,
    sentence: String,
    wait_seconds: Option<u64>,
) -> Response {
    let signup_is_open = app.config.signup_is_open;
    let shown = LoginPage { page, username: form.username, next: form.next, refusal: Some(sentence), signup_is_open };
    let mut response = private((status, shown));
    if let Some(seconds) = wait_seconds {
        response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
    }
    response
}

/// Signs in for good, once every factor is shown, and notes it. The headers make this browser a known one.
pub(super) async fn complete(
    app: &App,
    session: &AnySession,
    account: &Account,
    origin: &ClientInfo,
    source: AttemptSource,
    now: Timestamp,
) -> Result<HeaderMap, Error> {
    session.sign_in(account, origin, now).await?;
    let mut tx = app.db.write().await?;
    activity::record(&mut tx, account, ActivityKind::SignedIn, "", origin, now).await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), "signed in");
    Ok(source.remember(app, account))
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
    // The session layer's own removal lacks `Secure`, and without it browsers ignore a cookie of a `__Host-` name.
    let gone = app
        .urls
        .is_secure
        .then_some([(SET_COOKIE, "__Host-dockpass=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly; Secure")]);
    Ok((gone.map(AppendHeaders), Redirect::to("/login")).into_response())
}
