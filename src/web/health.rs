//! Health checks for the operator's monitoring.

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::{app::App, platform::database::fetch};

/// `/healthz`: the process responds. `/readyz`: the database responds too.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    let answered = async {
        let mut reader = app.db.read().await?;
        fetch!(fetch_one, &mut reader, (i64,), "SELECT COUNT(*) FROM installation")
    };
    match answered.await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
