//! `/metrics`, on a listener of its own: what it says is the operator's.

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::header::CONTENT_TYPE,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{
    app::App,
    platform::metrics::{MEDIA_TYPE, Metrics, TokenRequestOutcome},
};

/// All routes of the metrics' listener.
pub fn router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(metrics)
}

async fn show(State(metrics): State<Metrics>) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], metrics.text()).into_response()
}

/// Counts what is asked of the token endpoint by the status of its answer, whatever the answer's reason.
pub async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_for_a_token = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == "/token");
    let response = next.run(request).await;
    if is_for_a_token {
        app.metrics.token_requested(TokenRequestOutcome::of(response.status().as_u16()));
    }
    response
}
