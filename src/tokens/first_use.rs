//! `/settings/tokens/{id}/first-use`: the line in the dialog of a new token that waits for its first use.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use axum::routing::get;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::AccessToken;
use dockpass_core::usage::{TokenUse, UseAction};
use serde::Deserialize;
use time::Duration;

use super::actions;
use super::refusals::actions as refusals;
use super::refusals::rows::RefusalView;
use super::rows::program;
use crate::app::App;
use crate::auth::session::PollingSession;
use crate::error::Error;
use crate::web::extract::Id;
use crate::web::page::{Page, private};
use crate::web::time::TimeView;

/// How long after the token was generated the dialog keeps asking.
const LONGEST_WAIT: Duration = Duration::minutes(10);

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/{id}/first-use", get(show))
}

/// The line about the first use of a token.
pub(super) struct FirstUseView {
    pub token_id: String,
    pub state: FirstUseState,
    /// The time of the refusal that the line shows, in milliseconds since 1970, or 0.
    pub seen: i64,
    /// Whether the dialog asks again.
    pub is_polling: bool,
}

pub(super) enum FirstUseState {
    Waiting,
    Used {
        sentence: String,
        at: TimeView,
        ago: String,
    },
    Refused(Box<RefusalView>),
    /// Not used for so long that the dialog stops asking.
    Unused,
}

impl FirstUseView {
    /// The line of a token that was just generated.
    pub fn waiting(token_id: &str) -> Self {
        Self { token_id: token_id.to_owned(), state: FirstUseState::Waiting, seen: 0, is_polling: true }
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/_first_use.html")]
struct FirstUseLine {
    page: Page,
    first_use: FirstUseView,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FirstUseQuery {
    /// [`FirstUseView::seen`] of the line that asks.
    seen: String,
}

/// 204 while there is nothing new to show. After a refusal the line keeps waiting: the next attempt may succeed.
async fn show(
    State(app): State<App>,
    PollingSession(me): PollingSession,
    Id(id): Id,
    Query(query): Query<FirstUseQuery>,
) -> Result<Response, Error> {
    let (now, page) = (me.page.now, me.page);
    let mut reader = app.db.read().await?;
    let token = actions::find(&mut reader, &me.account, &id).await?;
    if !page.is_fragment {
        return Ok(private(Redirect::to(&format!("/settings/tokens/{id}"))));
    }
    let is_polling = now - token.created_at < LONGEST_WAIT;
    let (state, seen) = match used(&token, &page) {
        Some(state) => (state, 0),
        None => match refusals::latest_of(&mut reader, &me.account, &id, now).await? {
            Some(refusal) => {
                let at = refusal.line.span.last_at.millis();
                (FirstUseState::Refused(Box::new(RefusalView::new(refusal, &page))), at)
            }
            None => (FirstUseState::Unused, 0),
        },
    };
    drop(reader);
    let is_shown = match state {
        FirstUseState::Used { .. } => false,
        _ => query.seen.parse() == Ok(seen),
    };
    if is_polling && is_shown {
        return Ok(private(StatusCode::NO_CONTENT));
    }
    let is_polling = is_polling && matches!(state, FirstUseState::Refused(_));
    let first_use = FirstUseView { token_id: token.id, state, seen, is_polling };
    Ok(private(FirstUseLine { page, first_use }))
}

fn used(token: &AccessToken, page: &Page) -> Option<FirstUseState> {
    let (last, at) = token.last_use.as_ref().zip(token.last_used_at)?;
    Some(FirstUseState::Used { sentence: sentence(last, page), at: page.time(&at), ago: ago(at, page) })
}

fn sentence(last: &TokenUse, page: &Page) -> String {
    let key = match last.action {
        UseAction::Login => "first_use.login",
        UseAction::Pull => "first_use.pull",
        UseAction::Push => "first_use.push",
        UseAction::Delete => "first_use.delete",
        UseAction::Catalog => "first_use.catalog",
    };
    let sentence = page.t(key).replace("%{repository}", &last.repository).replace("%{address}", &last.origin.address);
    sentence.replace("%{program}", &program(&last.origin.client, page.words))
}

/// "2 seconds ago". Elsewhere such a time is "just now".
fn ago(at: Timestamp, page: &Page) -> String {
    match (page.now - at).whole_seconds() {
        seconds @ 1..60 => page.words.count("time.ago.seconds", seconds),
        _ => page.time(&at).relative(),
    }
}
