//! `/token`, `/v2/` and the public keys: the endpoints of registries and their clients.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use dockpass_core::activity::ClientInfo;
use dockpass_core::grants::grant;
use dockpass_core::refusal::Refusal;
use dockpass_core::timestamp::Timestamp;
use serde_json::json;

use super::actions::{self, Authenticator, Caller, RefusedRequest, Subject, TOKEN_LIFE_SECONDS};
use super::request::{Credentials, TokenRequest, UnsupportedGrant, bearer};
use super::{audit, notifications};
use crate::app::App;
use crate::error::Error;
use crate::web::errors::registry_error;
use crate::web::extract::{ClientAddress, Now};
use crate::web::page::private;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The routes for machines. They read no session and set no cookie.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/token", get(token_by_query).post(token_by_form))
        .route("/v2/", get(check))
        .route("/v2", get(check))
        .route("/v2/{*rest}", any(no_registry))
        .route("/.well-known/jwks.json", get(jwks))
        .merge(notifications::endpoint::routes())
}

/// The body of a granted request. `expires_in` is in seconds. There is no `issued_at`: clients would count from it by their own
/// clocks and ask up to ten times for one push. There is no refresh token: it would outlive the access token that it came from.
///
/// A JWT has no character that JSON escapes.
fn token_body(token: &str) -> String {
    format!(r#"{{"token":"{token}","access_token":"{token}","expires_in":{TOKEN_LIFE_SECONDS}}}"#)
}

/// What both forms of the request come with.
type Requested = (State<App>, Now, ClientAddress, ClientInfo, HeaderMap);

async fn token_by_query(
    (State(app), Now(now), from, origin, headers): Requested,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    answer(&app, TokenRequest::from_query(&headers, query.as_deref().unwrap_or_default()), from, origin, now).await
}

async fn token_by_form(
    (State(app), Now(now), from, origin, headers): Requested,
    body: Bytes,
) -> Result<Response, Error> {
    let form = std::str::from_utf8(&body).map_err(|_| Error::Invalid)?;
    match TokenRequest::from_form(&headers, form) {
        Ok(request) => answer(&app, request, from, origin, now).await,
        Err(UnsupportedGrant) => Ok(registry_error(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED",
            "this server accepts only the password grant and issues no refresh tokens: log in again with a personal \
             access token",
        )),
    }
}

/// Authenticates, authorizes and signs. What was done is noted for a later write.
async fn answer(
    app: &App,
    request: TokenRequest,
    from: ClientAddress,
    origin: ClientInfo,
    now: Timestamp,
) -> Result<Response, Error> {
    let caller = match authenticate(app, &request, from, now).await? {
        Ok(caller) => caller,
        Err(refused) => return Ok(refuse(app, &refused, &request, &origin, now)),
    };
    if let Some(caller) = &caller {
        audit::signed_in(app, caller, &origin, now);
    }
    let facts = actions::facts(&app.db, caller.as_ref(), request.repositories()).await?;
    if let Some(refused) = caller.as_ref().and_then(|caller| actions::refused_action(caller, &request.scopes, &facts)) {
        return Ok(refuse(app, &refused, &request, &origin, now));
    }
    let granted = grant(&request.scopes, caller.as_ref().map(|caller| &caller.principal), &facts);
    audit::granted(app, caller.as_ref(), &request.scopes, &granted, &origin, now);
    let asks_for_repositories = request.scopes.iter().any(|scope| scope.kind == "repository");
    if let Some(caller) = caller.as_ref().filter(|_| asks_for_repositories && granted.is_empty()) {
        audit::granted_nothing(app, caller, &request, &origin, now);
    }
    let claims = actions::claims(caller.as_ref(), granted, &app.config, app.rng.id(now), now);
    let body = token_body(&app.signing_keys.sign(&claims));
    Ok(private(([(CONTENT_TYPE, "application/json")], body)))
}

/// `None` for an anonymous client, which can pull public repositories.
async fn authenticate(
    app: &App,
    request: &TokenRequest,
    ClientAddress(address): ClientAddress,
    now: Timestamp,
) -> Result<Result<Option<Caller>, RefusedRequest>, Error> {
    let authenticator = Authenticator {
        db: &app.db,
        hasher: &app.hasher,
        limits: &app.rate_limits,
        secret_uses: &app.rotated_secret_uses,
        requires_second_factor: app.config.requires_second_factor,
        devices: app.config.devices,
        address,
        now,
    };
    match &request.credentials {
        Credentials::None => Ok(Ok(None)),
        Credentials::Unreadable => Ok(Err(RefusedRequest { refusal: Refusal::Failed, concerns: Subject::Nobody })),
        Credentials::Given { username, secret } => Ok(authenticator.authenticate(username, secret).await?.map(Some)),
    }
}

/// 401, `application/json` and `DENIED`: every client that can show a message shows this one.
fn refuse(
    app: &App,
    refused: &RefusedRequest,
    request: &TokenRequest,
    origin: &ClientInfo,
    now: Timestamp,
) -> Response {
    audit::refused(app, refused, request, origin, now);
    let tokens_url = format!("{}/settings/tokens", app.urls.public);
    registry_error(StatusCode::UNAUTHORIZED, "DENIED", &refused.refusal.sentence(&tokens_url))
}

/// The login check of registry clients, so that `docker login` works against this server without a registry.
async fn check(State(app): State<App>, Now(now): Now, headers: HeaderMap) -> Response {
    let is_let_in = has_valid_token(&app, &headers, now);
    let mut response = if is_let_in { private(Json(json!({}))) } else { challenge(&app) };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

/// Everything below `/v2/` belongs to a registry, which this server is not.
async fn no_registry(State(app): State<App>, Now(now): Now, headers: HeaderMap) -> Response {
    let mut response = if has_valid_token(&app, &headers, now) {
        let sentence = "this is the token server: no registry is served at this address";
        registry_error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", sentence)
    } else {
        challenge(&app)
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

fn has_valid_token(app: &App, headers: &HeaderMap, now: Timestamp) -> bool {
    let (issuer, service) = (&app.config.issuer, &app.config.registry_service);
    bearer(headers).is_some_and(|token| app.signing_keys.verify(token, issuer, service, now).is_some())
}

fn challenge(app: &App) -> Response {
    let mut response = registry_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required");
    let challenge = format!("Bearer realm=\"{}/token\",service=\"{}\"", app.urls.public, app.config.registry_service);
    // Both come from checked settings, without quotes and control characters.
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

async fn jwks(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.signing_keys.jwks()).into_response()
}
