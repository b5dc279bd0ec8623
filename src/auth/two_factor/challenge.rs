//! The second step of signing in: `/login/code`, `/login/recovery`.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    timestamp::Timestamp,
};
use serde::Deserialize;

use super::actions;
use crate::{
    activity::actions as activity,
    app::App,
    auth::{
        session::{AnySession, AwaitingSecondFactor},
        sign_in::{TOKENS, complete},
        throttle::{AttemptSource, SignInAttempt},
    },
    error::Error,
    web::{
        forms::{PostedForm, local_path},
        page::{Page, private},
    },
};

/// Open to whoever showed the password within five minutes, and to nobody else.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/login/code", get(show_code).post(check_code))
        .route("/login/recovery", get(show_recovery).post(check_recovery))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CodeForm {
    code: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/challenge.html")]
struct ChallengePage {
    page: Page,
    is_recovery: bool,
    refusal: Option<String>,
}

/// The two ways to show the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Code,
    Recovery,
}

async fn show_code(half: AwaitingSecondFactor) -> Response {
    private(ChallengePage { page: half.page, is_recovery: false, refusal: None })
}

async fn show_recovery(half: AwaitingSecondFactor) -> Response {
    private(ChallengePage { page: half.page, is_recovery: true, refusal: None })
}

async fn check_code(
    State(app): State<App>,
    half: AwaitingSecondFactor,
    origin: ClientInfo,
    source: AttemptSource,
    PostedForm(form): PostedForm<CodeForm>,
) -> Result<Response, Error> {
    check(&app, half, origin, source, Way::Code, &form.code).await
}

async fn check_recovery(
    State(app): State<App>,
    half: AwaitingSecondFactor,
    origin: ClientInfo,
    source: AttemptSource,
    PostedForm(form): PostedForm<CodeForm>,
) -> Result<Response, Error> {
    check(&app, half, origin, source, Way::Recovery, &form.code).await
}

async fn check(
    app: &App,
    half: AwaitingSecondFactor,
    origin: ClientInfo,
    source: AttemptSource,
    way: Way,
    code: &str,
) -> Result<Response, Error> {
    let now = half.page.now;
    let attempt = SignInAttempt::new(half.account.username.as_str(), Some(&half.account.id), &source);
    let is_right = is_right(app, &half.account, way, code, &attempt, &origin, now).await;
    if let Err(Error::TooMany(wait)) = is_right {
        let seconds = wait.as_secs().max(1);
        let sentence = half.page.words.count("sign_in.wait", seconds as i64);
        let mut response = refuse(half, way, StatusCode::TOO_MANY_REQUESTS, sentence);
        response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        return Ok(response);
    }
    if !is_right? {
        activity::note_failure(&app.failures, &half.account.id, ActivityKind::SignInFailed, "code", &origin, now);
        let key = if way == Way::Code { "two_factor.wrong_code" } else { "two_factor.wrong_recovery" };
        let sentence = half.page.t(key).into_owned();
        return Ok(refuse(half, way, StatusCode::UNAUTHORIZED, sentence));
    }
    attempt.succeeded(&app.db).await?;
    let next = local_path(&half.next, TOKENS).to_owned();
    let known = complete(app, &AnySession(half.session), &half.account, &origin, source, now).await?;
    Ok((known, Redirect::to(&next)).into_response())
}

async fn is_right(
    app: &App,
    account: &Account,
    way: Way,
    code: &str,
    attempt: &SignInAttempt,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<bool, Error> {
    match way {
        Way::Recovery => actions::try_recovery_code(app, account, code, attempt, origin, now).await,
        Way::Code => actions::try_code(app, account, code, attempt, now).await,
    }
}

fn refuse(half: AwaitingSecondFactor, way: Way, status: StatusCode, sentence: String) -> Response {
    let again = ChallengePage { page: half.page, is_recovery: way == Way::Recovery, refusal: Some(sentence) };
    private((status, again))
}
