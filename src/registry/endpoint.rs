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
use serde::Serialize;
use serde_json::json;

use super::{
    actions::{self, Caller, Gate, TOKEN_LIFE_SECONDS},
    request::{Credentials, TokenRequest, UnsupportedGrant, bearer},
};
use crate::{
    activity::actions as activity,
    core::{
        activity::{Kind, Origin},
        moment::Moment,
        refusal::Refusal,
    },
    error::Error,
    state::App,
    tokens::actions::Refused,
    web::{
        errors::{as_registry_json, registry_error},
        extract::{ClientAddress, Now},
        page::private,
    },
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The machines' routes. No session is looked at here, and no cookie set.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/token", get(token_by_query).post(token_by_form))
        .route("/v2/", get(check))
        .route("/v2", get(check))
        .route("/v2/{*rest}", any(no_registry))
        .route("/.well-known/jwks.json", get(jwks))
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
    origin: Origin,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    answer(&app, TokenRequest::from_query(&headers, query.as_deref().unwrap_or_default()), from, origin, now).await
}

async fn token_by_form(
    State(app): State<App>,
    Now(now): Now,
    from: ClientAddress,
    origin: Origin,
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

/// Parse, authenticate, authorise, sign.
async fn answer(
    app: &App,
    request: TokenRequest,
    from: ClientAddress,
    origin: Origin,
    now: Moment,
) -> Result<Response, Error> {
    let caller = match authenticate(app, request.credentials, from, now).await? {
        Ok(caller) => caller,
        Err(refused) => {
            if let Some((account_id, description)) = &refused.owner {
                let (kind, detail) = match refused.refusal {
                    Refusal::Failed => (Kind::SignInFailed, String::new()),
                    _ => (Kind::TokenRefused, format!("{description} ({})", refused.refusal.code())),
                };
                activity::note_failure(&app.failures, account_id, kind, &detail, &origin, now);
            }
            return Ok(refuse(app, &refused.refusal, from));
        }
    };
    if let Some(token_id) = caller.as_ref().and_then(|caller| caller.token_id.clone()) {
        app.token_uses.note(token_id, now, |known, now| *known = now.max(*known));
    }
    let (issuer, service) = (&app.config.issuer, &app.config.registry_service);
    let id = app.entropy.id(now);
    let token = app.signer.sign(&actions::claims(caller.as_ref(), &request.scopes, issuer, service, id, now));
    Ok(private(Json(TokenAnswer { access_token: token.clone(), token, expires_in: TOKEN_LIFE_SECONDS })))
}

/// Nobody, for a client that shows no credentials: it gets what the public may have.
async fn authenticate(
    app: &App,
    credentials: Credentials,
    ClientAddress(address): ClientAddress,
    now: Moment,
) -> Result<Result<Option<Caller>, Refused>, Error> {
    let gate = Gate {
        db: &app.db,
        hasher: &app.hasher,
        limits: &app.limits,
        requires_second_factor: app.config.requires_second_factor,
        address,
        now,
    };
    match credentials {
        Credentials::None => Ok(Ok(None)),
        Credentials::Unreadable => Ok(Err(Refusal::Failed.into())),
        Credentials::Given { username, secret } => Ok(gate.authenticate(&username, &secret).await?.map(Some)),
    }
}

/// 401, `application/json` and `DENIED` is the one shape that every client shows which can show anything.
fn refuse(app: &App, refusal: &Refusal, ClientAddress(address): ClientAddress) -> Response {
    // Neither the name nor the secret: people paste one into the place of the other.
    tracing::info!(code = refusal.code(), %address, "a token request was refused");
    app.metrics.refused(refusal.code());
    let tokens_url = format!("{}/settings/tokens", app.urls.public);
    registry_error(StatusCode::UNAUTHORIZED, "DENIED", &refusal.sentence(&tokens_url))
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

fn reader_of(app: &App, headers: &HeaderMap, now: Moment) -> Option<()> {
    let token = bearer(headers)?;
    app.signer.verify(token, &app.config.issuer, &app.config.registry_service, now).map(|_| ())
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
    ([(CONTENT_TYPE, "application/json")], app.signer.jwks()).into_response()
}
