//! All routes and layers.

use std::any::Any;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

use crate::app::App;
use crate::error::Error;
use crate::platform::session_store::DatabaseSessionStore;
use crate::web::forms::LARGEST_FORM;
use crate::web::metrics::Measure;
use crate::web::{assets, cookies, errors, headers, health};
use crate::{admin, auth, devices, registry, repositories, settings, setup_steps, tokens};

const LONGEST_REQUEST: Duration = Duration::from_secs(30);

pub fn router(app: App) -> Router {
    let pages = guarded(pages(&app).merge(assets::routes()))
        .layer(middleware::from_fn_with_state(app.clone(), errors::as_pages))
        .layer(CompressionLayer::new());
    let registry = guarded(registry::routes()).layer(middleware::from_fn(errors::as_registry_json));
    let devices = guarded(devices::endpoint::routes()).layer(middleware::from_fn(errors::as_oauth_json));
    Router::new()
        .merge(pages)
        .merge(registry)
        .merge(devices)
        .merge(guarded(health::routes()))
        // Outside of the layers above, so that every response, even after a panic, gets the headers and a log line. The first
        // one is the outermost. Together they are one layer of axum, which boxes each of its layers for each request.
        .layer((
            middleware::from_fn_with_state(app.clone(), headers::identify),
            TraceLayer::new_for_http().make_span_with(span).on_response(log_response).on_failure(()),
            middleware::from_fn_with_state(app.urls.is_secure, headers::secure),
            DefaultBodyLimit::max(LARGEST_FORM),
        ))
        .layer(Measure(app.metrics.clone()))
        .with_state(app)
}

/// A panic or a request that takes too long becomes an error, which the next layer renders.
fn guarded(routes: Router<App>) -> Router<App> {
    routes
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| errors::panicked(panic)))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_REQUEST))
}

/// The routes for browsers. No handler, and no form that is carried along, sees a cross-site request.
fn pages(app: &App) -> Router<App> {
    Router::new()
        .merge(auth::routes())
        .merge(settings::routes())
        .merge(tokens::routes())
        .merge(repositories::routes())
        .merge(admin::routes())
        .merge(setup_steps::routes())
        .merge(devices::routes())
        .fallback(errors::not_found)
        .layer(middleware::from_fn_with_state(app.clone(), auth::sign_in_again::layer))
        .layer(csrf(app))
        .layer(middleware::from_fn_with_state(app.clone(), auth::session::introduce))
        .layer(sessions(app))
        // Added after the session layer, which logs paths at trace level: the path of a calendar is a secret.
        .merge(tokens::feed_routes())
}

fn sessions(app: &App) -> SessionManagerLayer<DatabaseSessionStore> {
    let store = DatabaseSessionStore::new(app.db.clone(), app.clock.clone(), app.config.session_lifetime);
    SessionManagerLayer::new(store)
        .with_name(cookies::name(cookies::SESSION, &app.urls))
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
    let id = request.headers().get(headers::REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), route)
}

fn log_response(response: &Response, latency: Duration, _: &tracing::Span) {
    tracing::info!(status = response.status().as_u16(), milliseconds = latency.as_millis() as u64, "answered");
}
