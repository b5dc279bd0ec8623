//! `/token`, `/v2/` and the public keys: what registries and their clients talk to.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use dockpass_core::{activity::ClientInfo, grants::grant, refusal::Refusal, timestamp::Timestamp};
use serde::Serialize;
use serde_json::json;

use super::{
    actions::{self, Authenticator, Caller, RefusedRequest, Subject, TOKEN_LIFE_SECONDS, TokenEnvelope},
    audit, notifications,
    request::{Credentials, TokenRequest, UnsupportedGrant, bearer},
};
use crate::{
    app::App,
    error::Error,
    repositories::actions::facts,
    web::{
        errors::{as_registry_json, registry_error},
        extract::{ClientAddress, Now},
        page::private,
    },
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Whoever shows nothing gets so many repositories looked up at a time; clients pull one.
const MOST_OF_NOBODY: usize = 8;

/// The machines' routes. No session is looked at here, and no cookie set.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/token", get(token_by_query).post(token_by_form))
        .route("/v2/", get(check))
        .route("/v2", get(check))
        .route("/v2/{*rest}", any(no_registry))
        .route("/.well-known/jwks.json", get(jwks))
        .merge(notifications::endpoint::routes())
        .layer(middleware::from_fn(as_registry_json))
}

/// `expires_in` in seconds. There is no `issued_at`: clients would count from it by their own clocks and ask up to
/// ten times for one push. There is no refresh token: it would outlive the token that it came from.
#[derive(Debug, Serialize)]
struct TokenAnswer {
    token: String,
    access_token: String,
    expires_in: i64,
}

async fn token_by_query(
    State(app): State<App>,
    Now(now): Now,
    from: ClientAddress,
    origin: ClientInfo,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    answer(&app, TokenRequest::from_query(&headers, query.as_deref().unwrap_or_default()), from, origin, now).await
}

async fn token_by_form(
    State(app): State<App>,
    Now(now): Now,
    from: ClientAddress,
    origin: ClientInfo,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let form = std::str::from_utf8(&body).map_err(|_| Error::Invalid)?;
    match TokenRequest::from_form(&headers, form) {
        Ok(request) => answer(&app, request, from, origin, now).await,
        Err(UnsupportedGrant) => Ok(registry_error(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED",
            "this server knows the password grant alone and gives no refresh tokens: log in again with a personal \
             access token",
        )),
    }
}

/// Parse, authenticate, authorise, sign; what was done with whom is noted for a later write.
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
    if let Some(refused) = caller.as_ref().and_then(|caller| actions::refused_push(caller, &request.scopes)) {
        return Ok(refuse(app, &refused, &request, &origin, now));
    }
    let granted = match &caller {
        Some(caller) => grant(&request.scopes, Some(&caller.holder()), &caller.facts),
        None if request.scopes.is_empty() => Vec::new(),
        None => {
            let mut asked = request.repositories();
            asked.truncate(MOST_OF_NOBODY);
            grant(&request.scopes, None, &facts(&mut app.db.read().await?, None, &asked).await?)
        }
    };
    audit::granted(app, caller.as_ref(), &request.scopes, &granted, &origin, now);
    let asks_for_repositories = request.scopes.iter().any(|scope| scope.kind == "repository");
    if let Some(caller) = caller.as_ref().filter(|_| asks_for_repositories && granted.is_empty()) {
        audit::granted_nothing(app, caller, &request, &origin, now);
    }
    let envelope =
        TokenEnvelope { issuer: &app.config.issuer, service: &app.config.registry_service, id: app.rng.id(now), now };
    let token = app.signing_keys.sign(&actions::claims(caller.as_ref(), granted, envelope));
    Ok(private(Json(TokenAnswer { access_token: token.clone(), token, expires_in: TOKEN_LIFE_SECONDS })))
}

/// Nobody, for a client that shows no credentials: it gets what the public may have.
async fn authenticate(
    app: &App,
    request: &TokenRequest,
    ClientAddress(address): ClientAddress,
    now: Timestamp,
) -> Result<Result<Option<Caller>, RefusedRequest>, Error> {
    let gate = Authenticator {
        db: &app.db,
        hasher: &app.hasher,
        limits: &app.rate_limits,
        requires_second_factor: app.config.requires_second_factor,
        devices: app.config.devices,
        address,
        now,
    };
    match &request.credentials {
        Credentials::None => Ok(Ok(None)),
        Credentials::Unreadable => Ok(Err(RefusedRequest { refusal: Refusal::Failed, concerns: Subject::Nobody })),
        Credentials::Given { username, secret } => {
            Ok(gate.authenticate(username, secret, &request.repositories()).await?.map(Some))
        }
    }
}

/// 401, `application/json` and `DENIED` is the one shape that every client shows which can show anything.
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

/// The login check of registry clients, so that `docker login` works against this server alone.
async fn check(State(app): State<App>, Now(now): Now, headers: HeaderMap) -> Response {
    let mut response = match reader_of(&app, &headers, now) {
        Some(()) => private(Json(json!({}))),
        None => challenge(&app),
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

/// Everything below `/v2/` is a registry's, and this is none.
async fn no_registry(State(app): State<App>, Now(now): Now, headers: HeaderMap) -> Response {
    let mut response = match reader_of(&app, &headers, now) {
        Some(()) => registry_error(
            StatusCode::NOT_FOUND,
            "NAME_UNKNOWN",
            "this is the token server: no registry is served at this address",
        ),
        None => challenge(&app),
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

fn reader_of(app: &App, headers: &HeaderMap, now: Timestamp) -> Option<()> {
    let token = bearer(headers)?;
    app.signing_keys.verify(token, &app.config.issuer, &app.config.registry_service, now).map(|_| ())
}

fn challenge(app: &App) -> Response {
    let mut response = registry_error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required");
    let challenge = format!("Bearer realm=\"{}/token\",service=\"{}\"", app.urls.public, app.config.registry_service);
    // Both come from checked settings: neither holds a quote or a control character.
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

async fn jwks(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.signing_keys.jwks()).into_response()
}
