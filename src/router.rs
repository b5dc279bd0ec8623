//! All routes and layers.

use std::any::Any;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

use crate::app::App;
use crate::error::Error;
use crate::platform::session_store::DatabaseSessionStore;
use crate::web::{assets, errors, headers, health, metrics};
use crate::{admin, auth, devices, registry, repositories, settings, tokens};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_REQUEST: Duration = Duration::from_secs(30);
const LARGEST_BODY: usize = 64 * 1024;

pub fn router(app: App) -> Router {
    let (security_policy, no_sniffing, referrer, strict_transport) = headers::layers(app.urls.is_secure);
    Router::new()
        .merge(pages(&app))
        .merge(registry::routes().layer(middleware::from_fn_with_state(app.clone(), metrics::count)))
        .merge(devices::endpoint::routes())
        .merge(assets::routes().layer(CompressionLayer::new()))
        .merge(health::routes())
        // The last layer is the outermost. So every response, even after a panic, gets the headers and a log line.
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| errors::panicked(panic)))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_REQUEST))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(security_policy)
        .layer(no_sniffing)
        .layer(referrer)
        .layer(strict_transport)
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log_response).on_failure(()))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(app)
}

/// The routes for browsers. The layer that turns errors into pages is the outermost, so that refused cross-site requests
/// get a page too. They are refused before the session is read.
fn pages(app: &App) -> Router<App> {
    Router::new()
        .merge(auth::routes())
        .merge(settings::routes())
        .merge(tokens::routes())
        .merge(repositories::routes())
        .merge(admin::routes())
        .merge(devices::routes())
        .fallback(errors::not_found)
        .layer(sessions(app))
        .layer(csrf(app))
        // Added after the session layer, which logs paths at trace level: the path of a calendar is a secret.
        .merge(tokens::feed_routes())
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| errors::panicked(panic)))
        .layer(middleware::from_fn_with_state(app.clone(), errors::as_pages))
        .layer(CompressionLayer::new())
}

fn sessions(app: &App) -> SessionManagerLayer<DatabaseSessionStore> {
    let store = DatabaseSessionStore::new(app.db.clone(), app.clock.clone(), app.config.session_lifetime);
    // RFC 6265bis section 4.1.3.2: only this host can set a `__Host-` cookie, and only over https.
    let name = if app.urls.is_secure { "__Host-dockpass" } else { "dockpass" };
    SessionManagerLayer::new(store)
        .with_name(name)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(app.urls.is_secure)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(app.config.session_lifetime.idle))
}

/// Refuses posts from other origins, by `Sec-Fetch-Site` and then by `Origin`. The public URL is listed as trusted,
/// because a proxy may have changed `Host`.
fn csrf(app: &App) -> CsrfLayer<impl Fn(ProtectionError) -> Response + Clone + Send + Sync + 'static> {
    let layer = CsrfLayer::new();
    let layer = layer.clone().add_trusted_origin(&app.urls.public).unwrap_or(layer);
    layer.with_rejection_response(|_: ProtectionError| Error::Forbidden.into_response())
}

/// Logs the route and never the URL, because URLs can contain secret codes.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), route)
}

fn log_response(response: &Response, latency: Duration, _: &tracing::Span) {
    tracing::info!(status = response.status().as_u16(), milliseconds = latency.as_millis() as u64, "answered");
}
