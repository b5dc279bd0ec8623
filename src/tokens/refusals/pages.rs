//! "Recent refusals", above the table of tokens.

use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::post};

use super::actions::{self, Refused};
use crate::{
    accounts::session::SignedIn,
    core::{level::Action, permission::Obstacle, remedy::Remedy},
    error::Error,
    state::App,
    tokens::{address, manage, view::program},
    web::{page::Page, time::TimeView},
};

/// `/settings/tokens/refusals`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/refusals/clear", post(clear))
}

/// A line of the list.
#[derive(Debug)]
pub struct RefusalLine {
    pub token_id: String,
    pub description: String,
    pub reason: &'static str,
    pub code: String,
    pub repository: String,
    /// Whether the reason ends with the repository.
    pub is_about_repository: bool,
    /// "docker 28.2 on linux · 203.0.113.7".
    pub origin: String,
    pub at: TimeView,
    /// "14 times since 23 November 2026 12:00 UTC", where it was more than once.
    pub times: Option<String>,
    pub remedy: Remedy,
}

impl RefusalLine {
    pub fn new(Refused { line, obstacle, remedy }: Refused, page: &Page) -> Self {
        let since = || page.time(&line.span.first_at).exact;
        let times = || page.words.count("refusals.times", line.span.times).replace("%{since}", &since());
        Self {
            reason: reason_key(&line.code, line.action, obstacle),
            origin: format!("{} · {}", program(&line.client, page.words), line.address),
            at: page.time(&line.span.last_at),
            times: (line.span.times > 1).then(times),
            remedy,
            token_id: line.token_id,
            description: line.description,
            is_about_repository: matches!(line.code.as_str(), "PAT-READ-ONLY" | "PAT-REPOSITORY"),
            code: line.code,
            repository: line.repository,
        }
    }
}

fn reason_key(code: &str, action: Action, obstacle: Option<Obstacle>) -> &'static str {
    let is_push = action == Action::Push;
    match code {
        "PAT-REPOSITORY" => match obstacle {
            Some(Obstacle::OutOfReach) => "refusals.limited",
            Some(Obstacle::NotShared | Obstacle::SharedForPulling | Obstacle::OwnersAlone) if is_push => {
                "refusals.account_push"
            }
            Some(Obstacle::NotShared | Obstacle::SharedForPulling | Obstacle::OwnersAlone) => "refusals.account_pull",
            Some(Obstacle::Level(_)) if !is_push => "refusals.level_pull",
            // Mended since, or the token is gone.
            _ if is_push => "refusals.repository_push",
            _ => "refusals.repository_pull",
        },
        "PAT-INACTIVE" => "refusals.inactive",
        "PAT-EXPIRED" => "refusals.expired",
        "PAT-DELETED" => "refusals.deleted",
        "PAT-WRONG-USER" => "refusals.wrong_user",
        "PAT-READ-ONLY" => "refusals.read_only",
        "ACCOUNT-DISABLED" => "refusals.account_disabled",
        _ => "refusals.unnamed",
    }
}

async fn clear(State(app): State<App>, me: SignedIn, headers: HeaderMap) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    actions::dismiss(&mut tx, &me.account).await?;
    let notice = me.page.t("refusals.cleared").into_owned();
    manage::changed(tx, &app, me, address::shown_before(&headers), notice).await
}
