//! `/metrics`, on a listener of its own: metrics are for the operator only.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::headers;
use crate::app::App;
use crate::platform::metrics::{MEDIA_TYPE, Metrics};

pub fn router(metrics: Metrics) -> Router {
    let routes = Router::new().route("/metrics", get(show)).with_state(metrics);
    routes.layer(middleware::from_fn_with_state(false, headers::secure))
}

async fn show(State(metrics): State<Metrics>) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], metrics.text()).into_response()
}

/// Counts requests to the token endpoint by the status of the response.
pub async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_token_request = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == "/token");
    let response = next.run(request).await;
    if is_token_request {
        app.metrics.token_requested(response.status().as_u16());
    }
    response
}
