//! `/login/code` and `/login/recovery`: the second step of signing in.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use dockpass_core::account::Account;

use super::{CodeForm, actions};
use crate::app::App;
use crate::auth::credential_checker::{CredentialChecker, SecondFactor};
use crate::auth::session::AwaitingSecondFactor;
use crate::auth::sign_in::{TOKENS, complete};
use crate::error::Error;
use crate::platform::metrics::SignInOutcome;
use crate::web::forms::{FormError, PostedForm, local_path};
use crate::web::i18n::Words;
use crate::web::page::{Page, private};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/login/code", get(show_code).post(check_code))
        .route("/login/recovery", get(show_recovery).post(check_recovery))
}

#[derive(Template, WebTemplate)]
#[template(path = "auth/challenge.html")]
struct ChallengePage {
    page: Page,
    is_recovery: bool,
    refusal: Option<String>,
}

async fn show_code(me: AwaitingSecondFactor) -> Response {
    private(ChallengePage { page: me.page, is_recovery: false, refusal: None })
}

async fn show_recovery(me: AwaitingSecondFactor) -> Response {
    private(ChallengePage { page: me.page, is_recovery: true, refusal: None })
}

async fn check_code(
    State(app): State<App>,
    me: AwaitingSecondFactor,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<CodeForm>,
) -> Result<Response, Error> {
    check(&app, me, checker, SecondFactor::Code(&form.code)).await
}

async fn check_recovery(
    State(app): State<App>,
    me: AwaitingSecondFactor,
    checker: CredentialChecker,
    PostedForm(form): PostedForm<CodeForm>,
) -> Result<Response, Error> {
    check(&app, me, checker, SecondFactor::RecoveryCode(&form.code)).await
}

/// Checks the second step of signing in; or says what is wrong with it.
pub(in crate::auth) async fn check_factor(
    app: &App,
    checker: &CredentialChecker,
    account: &Account,
    factor: SecondFactor<'_>,
    words: Words,
) -> Result<Result<(), FormError>, Error> {
    let key = match factor {
        SecondFactor::Code(_) => "two_factor.wrong_code",
        SecondFactor::RecoveryCode(_) => "two_factor.wrong_recovery",
    };
    let outcome = checker.second_factor(account, factor).await;
    match &outcome {
        Ok(None) => app.metrics.sign_in(SignInOutcome::WrongCode),
        Err(Error::TooMany(_)) => app.metrics.sign_in(SignInOutcome::Throttled),
        // Counted when the sign-in is complete.
        Ok(Some(())) | Err(_) => {}
    }
    let wrong = FormError::new(StatusCode::UNAUTHORIZED, words.t(key));
    if let Err(error) = FormError::of_attempt(outcome, words, wrong)? {
        return Ok(Err(error));
    }
    checker.forget_failures(account).await?;
    Ok(Ok(()))
}

async fn check(
    app: &App,
    me: AwaitingSecondFactor,
    checker: CredentialChecker,
    factor: SecondFactor<'_>,
) -> Result<Response, Error> {
    let AwaitingSecondFactor { account, next, page, session } = me;
    let is_recovery = matches!(factor, SecondFactor::RecoveryCode(_));
    if let Err(error) = check_factor(app, &checker, &account, factor, page.words).await? {
        return Ok(error.respond(|status, sentence| {
            private((
                status,
                ChallengePage { page: Page { has_errors: true, ..page }, is_recovery, refusal: Some(sentence) },
            ))
        }));
    }
    let cookies = complete(app, &session, &account, checker).await?;
    if !is_recovery {
        return Ok((cookies, Redirect::to(local_path(&next, TOKENS))).into_response());
    }
    let left = actions::codes_left(&mut app.db.read().await?, &account).await?;
    session.leave_notice(&page.signed_in(&account).words.count("two_factor.recovered", left)).await?;
    // The page on which a lost authenticator is replaced.
    Ok((cookies, Redirect::to(local_path(&next, "/settings/security"))).into_response())
}
