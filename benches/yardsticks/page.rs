//! A page of Dockpass, byte for byte, rendered by askama after one read of the session.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use sqlx::SqlitePool;

/// A text, which the template escapes, and the markup after it, which it does not.
#[derive(Debug)]
struct Piece {
    text: String,
    markup: String,
}

#[derive(Template)]
#[template(ext = "html", source = "{% for piece in pieces %}{{ piece.text }}{{ piece.markup|safe }}{% endfor %}")]
struct Page<'p> {
    pieces: &'p [Piece],
}

#[derive(Clone)]
struct PageState {
    pool: SqlitePool,
    pieces: Arc<[Piece]>,
}

/// Serves the page that was saved in the file `html`, at its own address.
pub fn routes(pool: SqlitePool, html: &str) -> Router {
    let html = std::fs::read_to_string(html).unwrap();
    let pieces: Arc<[Piece]> = split(&html).into();
    assert_eq!(Page { pieces: &pieces }.render().unwrap(), html);
    Router::new().route("/settings/tokens", get(show)).with_state(PageState { pool, pieces })
}

fn split(html: &str) -> Vec<Piece> {
    let unescape = |text: &str| {
        let text = text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
        text.replace("&#38;", "&")
    };
    let piece = |part: &str| {
        let (text, markup) = part.split_at(part.find('<').unwrap_or(part.len()));
        // A text with an entity of another kind is markup.
        match unescape(text) {
            plain
                if Page { pieces: &[Piece { text: plain.clone(), markup: String::new() }] }.render().unwrap()
                    == text =>
            {
                Piece { text: plain, markup: markup.to_owned() }
            }
            _ => Piece { text: String::new(), markup: part.to_owned() },
        }
    };
    html.split_inclusive('>').map(piece).collect()
}

async fn show(State(pages): State<PageState>, headers: HeaderMap) -> Response {
    let began = Instant::now();
    let session = headers.get(COOKIE).and_then(|cookie| cookie.to_str().ok()?.split_once('=')).map_or("", |(_, id)| id);
    let sql = "SELECT account_id, data, created_at, last_seen_at, expires_at FROM session WHERE id_hash = $1";
    let hash = Sha256::digest(session).to_vec();
    let row: Option<(Option<String>, String, i64, i64, i64)> =
        sqlx::query_as(sql).bind(hash).fetch_optional(&pages.pool).await.unwrap();
    let Some((Some(account_id), ..)) = row else { return StatusCode::UNAUTHORIZED.into_response() };
    let html = Page { pieces: &pages.pieces }.render().unwrap();
    let milliseconds = began.elapsed().as_millis() as u64;
    tracing::info!(method = "GET", route = "/settings/tokens", account_id, status = 200, milliseconds, "answered");
    ([(CACHE_CONTROL, "no-store")], Html(html)).into_response()
}
