//! `/oauth/…` and its metadata: the endpoints for programs on devices.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dockpass_core::access_level::AccessLevel;
use dockpass_core::activity::ClientInfo;
use dockpass_core::client_name::ClientName;
use dockpass_core::device_code::{CODE_LIFE, INTERVAL, PollAnswer};
use dockpass_core::device_session::{DeviceRules, EndReason};
use dockpass_core::secret::{Secret, SecretHash, SecretKind};
use dockpass_core::timestamp::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::actions::{self, NoToken};
use super::oauth::{self, DEVICE_GRANT, OAuthError, OAuthGrant, Parameters, REFRESH_GRANT};
use super::tokens::actions::{self as generated, IssuedTokens, Rotation};
use crate::app::App;
use crate::error::Error;
use crate::tokens::{authenticate, usage};
use crate::web::extract::{ClientAddress, Now};
use crate::web::forms::PostedForm;
use crate::web::page::private;

/// The routes for machines. They read no session and set no cookie.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/oauth/device/code", post(begin))
        .route("/oauth/token", post(token))
        .route("/oauth/revoke", post(revoke))
        .route("/.well-known/oauth-authorization-server", get(metadata))
}

type Form = PostedForm<Vec<(String, String)>>;

#[derive(Serialize)]
struct CodesBody<'a> {
    device_code: &'a str,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

async fn begin(
    State(app): State<App>,
    Now(now): Now,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    PostedForm(form): Form,
) -> Result<Response, Error> {
    let client = match oauth::client(&headers, &Parameters(&form)) {
        Ok(client) => client,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let turned_away = |wait| {
        tracing::warn!(%address, "refused to start a device's sign-in: too many are pending");
        Ok(OAuthError::full(wait).into_response())
    };
    // Without a lock first: a client that is turned away must not make others wait.
    if let Some(wait) = actions::wait(&mut app.db.read().await?, address, now).await? {
        return turned_away(wait);
    }
    let mut tx = app.db.write().await?;
    let (device_code, user_code) = match actions::begin(&mut tx, &client, address, now, app.rng).await? {
        Ok((device_code, user_code)) => (device_code, user_code.shown()),
        Err(wait) => return turned_away(wait),
    };
    tx.commit().await?;
    let page = format!("{}/device", app.urls.public);
    Ok(private(Json(CodesBody {
        device_code: device_code.expose(),
        verification_uri_complete: format!("{page}?user_code={user_code}"),
        verification_uri: page,
        user_code,
        expires_in: CODE_LIFE.whole_seconds(),
        interval: INTERVAL.whole_seconds(),
    })))
}

async fn token(
    State(app): State<App>,
    Now(now): Now,
    origin: ClientInfo,
    headers: HeaderMap,
    PostedForm(form): Form,
) -> Result<Response, Error> {
    let granted = match oauth::grant(&headers, &Parameters(&form)) {
        Ok((program, OAuthGrant::Device(code))) => poll(&app, code, &program, &origin, now).await?,
        Ok((program, OAuthGrant::Refresh(refresh))) => renew(&app, refresh, &program, &origin, now).await?,
        Err(refusal) => Err(refusal),
    };
    Ok(granted.map_or_else(IntoResponse::into_response, |granted| answer(&granted)))
}

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: &'a str,
    username: &'a str,
    scope: &'static str,
}

fn answer(granted: &IssuedTokens) -> Response {
    private(Json(TokenBody {
        access_token: granted.secret.expose(),
        token_type: "Bearer",
        expires_in: granted.life.whole_seconds(),
        refresh_token: granted.refresh.expose(),
        username: &granted.username,
        scope: granted.level.as_str(),
    }))
}

async fn poll(
    app: &App,
    code: &str,
    program: &ClientName,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<Result<IssuedTokens, OAuthError>, Error> {
    let code = SecretHash::of(code);
    let polled = match actions::read_poll_state(&mut app.db.read().await?, &code, program).await? {
        Ok(polled) => polled,
        Err(why) => return Ok(Err(not_granted(why))),
    };
    let (mut answer, mark) = polled.answer(now);
    if mark.is_some() {
        let mut tx = app.db.write().await?;
        answer = actions::record_poll(&mut tx, &code, now).await?;
        tx.commit().await?;
    }
    if answer != PollAnswer::Approved {
        return Ok(Err(not_granted(NoToken::PollAnswer(answer))));
    }
    // The token used least recently is replaced: a use of a moment ago counts.
    usage::actions::flush(&app.db, &app.token_uses, app.rng).await?;
    let mut tx = app.db.write().await?;
    let granted = actions::issue_token(&mut tx, &code, app.config.devices, origin, now, app.rng).await?;
    tx.commit().await?;
    Ok(granted.map_err(not_granted))
}

fn not_granted(why: NoToken) -> OAuthError {
    let (error, description) = match why {
        NoToken::PollAnswer(PollAnswer::Pending) => {
            ("authorization_pending", "nobody has approved this sign-in in the browser yet")
        }
        NoToken::PollAnswer(PollAnswer::SlowDown) => {
            ("slow_down", "polled too early: wait 5 seconds longer between all polls from now on")
        }
        NoToken::PollAnswer(PollAnswer::Denied) => ("access_denied", "this sign-in was denied in the browser"),
        NoToken::PollAnswer(PollAnswer::Expired) => {
            ("expired_token", "this code was not approved and collected within 10 minutes: sign in again")
        }
        NoToken::PollAnswer(PollAnswer::Approved | PollAnswer::Spent) => {
            ("invalid_grant", "this device code was used before: each gives one token, once")
        }
        NoToken::Unknown => ("invalid_grant", "this device code is not known: sign in again"),
        NoToken::OtherProgram => ("invalid_grant", "this device code was given to another program"),
        NoToken::Outdated => {
            ("invalid_grant", "the account's password or second factor changed after the approval: sign in again")
        }
        // Nobody denied it, so it is not access_denied.
        NoToken::AccountDisabled => ("invalid_grant", "the account is disabled: ask an administrator"),
    };
    OAuthError::new(error, description)
}

async fn renew(
    app: &App,
    refresh: &str,
    program: &ClientName,
    origin: &ClientInfo,
    now: Timestamp,
) -> Result<Result<IssuedTokens, OAuthError>, Error> {
    let unknown = || Ok(Err(over(EndReason::Unknown, app.config.devices)));
    let refresh = Secret::parse(refresh).ok().filter(|secret| secret.kind() == SecretKind::Refresh);
    let Some(refresh) = refresh else { return unknown() };
    let Some((token_id, _)) = generated::find_session(&mut app.db.read().await?, &refresh, now).await? else {
        return unknown();
    };
    // A use of a moment ago keeps a session alive, and shows whether the last answer arrived.
    usage::actions::flush(&app.db, &app.token_uses, app.rng).await?;
    authenticate::actions::flush(&app.db, &app.rotated_secret_uses).await?;
    let rotation = Rotation::derive(&app.encryptor, refresh);
    let mut tx = app.db.write().await?;
    let renewed = generated::renew(&mut tx, &token_id, rotation, program, app.config.devices, origin, now).await?;
    tx.commit().await?;
    Ok(renewed.map_err(|reason| over(reason, app.config.devices)))
}

/// Why a session gets no new secret, for a person at a terminal. At `invalid_grant` (RFC 6749 section 5.2) a device forgets
/// its sign-in. What the owner or an administrator can undo is `access_denied` (RFC 8628 section 3.5), so that the device
/// can go on afterwards.
fn over(reason: EndReason, rules: DeviceRules) -> OAuthError {
    let days = |what: &str, length: time::Duration| {
        let sentence = format!("the sign-in of this device {what} {} days: sign in again", length.whole_days());
        OAuthError::new("invalid_grant", sentence)
    };
    let (error, sentence) = match reason {
        EndReason::Unknown => ("invalid_grant", "this refresh token is not known: sign in again"),
        EndReason::OtherProgram => ("invalid_grant", "this refresh token was given to another program"),
        EndReason::Deleted => ("invalid_grant", "the token of this device was deleted: sign in again"),
        EndReason::Replaced => {
            ("invalid_grant", "a newer sign-in on a device took the place of this one: sign in again")
        }
        EndReason::SignedOut => ("invalid_grant", "this device signed out: sign in again"),
        // The credential helper knows these words.
        EndReason::Copied => ("invalid_grant", "this sign-in is used on another computer too"),
        EndReason::Idle => return days("was not used for", rules.idle),
        EndReason::MaxAge => return days("is older than", rules.longest),
        EndReason::Deactivated => (
            "access_denied",
            "the token of this device was deactivated: activate it on the page of personal access tokens",
        ),
        EndReason::AccountDisabled => ("access_denied", "the account is disabled: ask an administrator"),
    };
    OAuthError::new(error, sentence)
}

/// RFC 7009. A personal access token is refused by its form, whether it exists or not (section 2.2.1): holding it is no right
/// to delete it. Everything else gets the same answer.
async fn revoke(
    State(app): State<App>,
    Now(now): Now,
    origin: ClientInfo,
    PostedForm(form): Form,
) -> Result<Response, Error> {
    let form = Parameters(&form);
    let presented = match form.required("token") {
        Ok(text) => Secret::parse(text),
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let Ok(presented) = presented else { return Ok(private(StatusCode::OK)) };
    if presented.kind() == SecretKind::PersonalAccess {
        let sentence = "a personal access token is not revoked here: its owner deletes it on the page of tokens";
        return Ok(OAuthError::new("unsupported_token_type", sentence).into_response());
    }
    // Of its own: an `if let` would hold the reader's connection while the transaction waits for another.
    let session = generated::find_session(&mut app.db.read().await?, &presented, now).await?;
    if let Some((token_id, account_id)) = session {
        let mut tx = app.db.write().await?;
        generated::sign_out(&mut tx, (&token_id, &account_id), EndReason::SignedOut, &origin, now).await?;
        tx.commit().await?;
    }
    Ok(private(StatusCode::OK))
}

/// RFC 8414. `response_types_supported` is required and empty: there is no authorization endpoint.
async fn metadata(State(app): State<App>) -> Response {
    let public = &app.urls.public;
    Json(json!({
        "issuer": public,
        "device_authorization_endpoint": format!("{public}/oauth/device/code"),
        "token_endpoint": format!("{public}/oauth/token"),
        "revocation_endpoint": format!("{public}/oauth/revoke"),
        "response_types_supported": [],
        "grant_types_supported": [DEVICE_GRANT, REFRESH_GRANT],
        "scopes_supported": [AccessLevel::Admin.as_str()],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
    }))
    .into_response()
}
