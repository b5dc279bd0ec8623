//! Account settings, Activity: the account's security log.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use dockpass_core::{activity::ActivityKind, listing, user_agent};
use serde::Deserialize;

use crate::{
    activity::{Entry, actions as activity},
    app::App,
    auth::session::SignedIn,
    error::Error,
    web::{
        page::{Page, private},
        time::TimeView,
    },
};

/// `/settings/activity`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/activity", get(show))
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Wanted {
    kind: String,
    page: String,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { kind: String::new(), page: "1".to_owned() }
    }
}

struct Line {
    sentence: String,
    detail: String,
    times: Option<String>,
    client: String,
    address: String,
    at: TimeView,
}

struct KindOption {
    value: &'static str,
    label: String,
    is_chosen: bool,
}

#[derive(Template, WebTemplate)]
#[template(path = "settings/activity.html")]
struct ActivityPage {
    page: Page,
    lines: Vec<Line>,
    kinds: Vec<KindOption>,
    previous: Option<String>,
    next: Option<String>,
}

async fn show(State(app): State<App>, me: SignedIn, Query(wanted): Query<Wanted>) -> Result<Response, Error> {
    let kind = ActivityKind::parse(&wanted.kind);
    let at = wanted.page.parse().unwrap_or(1).clamp(1, 1_000_000);
    let (entries, count) = activity::list(&mut app.db.read().await?, &me.account, kind, at).await?;
    let page = &me.page;
    let to = |number: u32| format!("/settings/activity?kind={}&page={number}", kind.map_or("", ActivityKind::as_str));
    let label = |kind: ActivityKind| page.t(format!("activity.{}", kind.as_str())).into_owned();
    let option =
        |each: ActivityKind| KindOption { value: each.as_str(), label: label(each), is_chosen: kind == Some(each) };
    Ok(private(ActivityPage {
        lines: entries.into_iter().map(|entry| line(entry, page)).collect(),
        kinds: ActivityKind::ALL.into_iter().map(option).collect(),
        previous: (at > 1).then(|| to(at - 1)),
        next: (at < listing::pages(count)).then(|| to(at + 1)),
        page: me.page.clone(),
    }))
}

/// "alice/app public", with the second word in the reader's language.
fn visibility(detail: &str, page: &Page) -> String {
    match detail.rsplit_once(' ') {
        Some((name, "public")) => format!("{name} · {}", page.t("repositories.public")),
        Some((name, "private")) => format!("{name} · {}", page.t("repositories.private")),
        _ => detail.to_owned(),
    }
}

fn line(entry: Entry, page: &Page) -> Line {
    let detail = match entry.kind {
        ActivityKind::SessionsEnded | ActivityKind::SignInFailed => String::new(),
        ActivityKind::RepositoryVisibility => visibility(&entry.detail, page),
        _ => entry.detail,
    };
    Line {
        sentence: page.t(format!("activity.{}", entry.kind.as_str())).into_owned(),
        detail,
        times: (entry.times > 1).then(|| page.words.count("activity.times", entry.times)),
        client: user_agent::describe(&entry.origin.client),
        address: entry.origin.address,
        at: page.time(&entry.last_at),
    }
}
