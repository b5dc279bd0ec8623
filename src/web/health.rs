//! `/healthz` and `/readyz`, for supervisors and load balancers.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::app::App;
use crate::platform::database::fetch;
use crate::platform::http_server::ServerPhase;

/// `/healthz`: the process answers. `/readyz`: it can read its database and does not stop.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

/// A server that cannot write stays in rotation: `/token` only reads.
async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if *app.phase.borrow() != ServerPhase::Serving {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n");
    }
    let answered = async {
        let mut reader = app.db.read().await?;
        fetch!(fetch_one, &mut reader, (i64,), "SELECT COUNT(*) FROM installation")
    };
    if let Err(error) = answered.await {
        tracing::error!(%error, "the database does not answer");
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n");
    }
    if app.write_health.is_committing() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::OK, "ready to read; writes to the database do not commit: see the log\n")
    }
}
