//! A token endpoint without everything that Dockpass adds: Basic credentials, one read, one ES256 signature, one line.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{Row as _, SqlitePool};

/// The query of Dockpass: the token, its account and its device's session. Columns that only decide are checked, not kept.
const READ: &str = "SELECT token.id, token.account_id, token.description, token.level, token.repositories,
                           token.is_active, token.created_at, token.expires_at, token.last_used_at,
                           device_session.refreshed_at,
                           CASE WHEN device_session.generation > device_session.used_generation
                                THEN device_session.generation END AS unused_generation,
                           account.username, account.is_admin, account.disabled_at, account.closed_at
                    FROM token JOIN account ON account.id = token.account_id
                    LEFT JOIN device_session ON device_session.token_id = token.id
                    WHERE token.secret_hash = $1";

/// What the answer and the line say of a token.
#[derive(Debug, Clone)]
struct FoundToken {
    id: String,
    account_id: String,
    description: String,
    username: String,
}

#[derive(Debug, Clone)]
enum Tokens {
    Database(SqlitePool),
    Memory(Arc<HashMap<Vec<u8>, FoundToken>>),
}

#[derive(Clone)]
struct TokenEndpoint {
    tokens: Tokens,
    key: Arc<EcdsaKeyPair>,
    /// The first part of a token of Dockpass, so that both answers are equally long.
    header: Arc<str>,
}

pub fn by_database(pool: SqlitePool, header: &str) -> Router {
    routes(Tokens::Database(pool), header)
}

pub async fn by_memory(pool: &SqlitePool, header: &str) -> Router {
    let sql = "SELECT secret_hash, token.id, account_id, description, username
               FROM token JOIN account ON account.id = account_id";
    let rows: Vec<(Vec<u8>, String, String, String, String)> = sqlx::query_as(sql).fetch_all(pool).await.unwrap();
    let known = rows.into_iter().map(|(hash, id, account_id, description, username)| {
        (hash, FoundToken { id, account_id, description, username })
    });
    routes(Tokens::Memory(Arc::new(known.collect())), header)
}

fn routes(tokens: Tokens, header: &str) -> Router {
    let key = Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
    Router::new().route("/token", get(answer)).with_state(TokenEndpoint { tokens, key, header: header.into() })
}

#[derive(Deserialize)]
struct TokenQuery {
    service: String,
    scope: String,
}

#[derive(Serialize)]
struct TokenBody<'t> {
    token: &'t str,
    access_token: &'t str,
    expires_in: i64,
}

async fn answer(
    State(endpoint): State<TokenEndpoint>,
    Query(asked): Query<TokenQuery>,
    headers: HeaderMap,
) -> Response {
    let began = Instant::now();
    let Some((username, hash)) = credentials(&headers) else { return StatusCode::UNAUTHORIZED.into_response() };
    let found = find(&endpoint.tokens, &hash).await.filter(|found| found.username == username);
    let Some(found) = found else { return StatusCode::UNAUTHORIZED.into_response() };
    let Some((name, actions)) = asked.scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':')) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let id = new_id();
    let claims = json!({
        "iss": "dockpass", "sub": format!("{}/{}", found.username, found.id), "aud": asked.service,
        "exp": now + 300, "nbf": now - 60, "iat": now, "jti": id,
        "access": [{"type": "repository", "name": name, "actions": actions.split(',').collect::<Vec<_>>()}],
    });
    let token = sign(&endpoint, &claims.to_string());
    tracing::info!(
        id,
        method = "GET",
        route = "/token",
        account = found.username,
        account_id = found.account_id,
        token = found.description,
        token_id = found.id,
        address = "127.0.0.1",
        scope = asked.scope,
        status = 200,
        milliseconds = began.elapsed().as_millis() as u64,
        "a token request was granted"
    );
    let body = Json(TokenBody { token: &token, access_token: &token, expires_in: 300 });
    ([(CACHE_CONTROL, "no-store")], body).into_response()
}

/// The name, and the SHA-256 of the secret.
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let encoded = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64.decode(encoded.as_bytes()).ok()?).ok()?;
    let (username, secret) = decoded.split_once(':')?;
    Some((username.to_owned(), Sha256::digest(secret).to_vec()))
}

async fn find(tokens: &Tokens, hash: &[u8]) -> Option<FoundToken> {
    let pool = match tokens {
        Tokens::Database(pool) => pool,
        Tokens::Memory(known) => return known.get(hash).cloned(),
    };
    let row = sqlx::query(READ).bind(hash).fetch_optional(pool).await.unwrap()?;
    let (is_active, disabled_at): (bool, Option<i64>) = (row.get("is_active"), row.get("disabled_at"));
    let (expires_at, _used_at): (Option<i64>, Option<i64>) = (row.get("expires_at"), row.get("last_used_at"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    (is_active && disabled_at.is_none() && expires_at.is_none_or(|at| at > now)).then(|| FoundToken {
        id: row.get("id"),
        account_id: row.get("account_id"),
        description: row.get("description"),
        username: row.get("username"),
    })
}

fn new_id() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

fn sign(endpoint: &TokenEndpoint, claims: &str) -> String {
    let mut token = format!("{}.{}", endpoint.header, BASE64URL_NOPAD.encode(claims.as_bytes()));
    let signature = endpoint.key.sign(&SystemRandom::new(), token.as_bytes()).unwrap();
    token.push('.');
    BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
    token
}
