//! A private calendar of the ends of tokens (iCalendar, RFC 5545), for any calendar program to subscribe to.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
    token::AccessToken,
};
use icalendar::{Calendar, Component, Event, EventLike};

use super::list::actions as overview;
use crate::{
    activity::actions as activity,
    app::App,
    auth::{one_time_links::actions as links, session::SignedIn},
    error::Error,
    web::{
        extract::Now,
        i18n::Words,
        page::{Page, dialog_or_page, private},
    },
};

/// `/settings/tokens/calendar`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/calendar", get(ask).post(make))
}

/// The feed itself, for calendar programs: it has no session.
pub fn feed_routes() -> Router<App> {
    Router::new().route("/calendar/{file}", get(feed))
}

#[derive(Template)]
#[template(path = "tokens/calendar.html", blocks = ["dialog"])]
struct CalendarPage {
    page: Page,
    /// Whether there is an address already, which a new one replaces.
    is_renewal: bool,
}

#[derive(Template)]
#[template(path = "tokens/calendar_made.html", blocks = ["dialog"])]
struct MadePage {
    page: Page,
    address: String,
}

async fn ask(me: SignedIn) -> Response {
    let is_renewal = me.account.has_calendar;
    dialog_or_page!(StatusCode::OK, CalendarPage { page: me.page, is_renewal })
}

async fn make(State(app): State<App>, me: SignedIn, origin: ClientInfo) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let secret = links::make_calendar_secret(&mut tx, &me.account, app.rng).await?;
    activity::record(&mut tx, &me.account, ActivityKind::CalendarRenewed, "", &origin, me.page.now).await?;
    tx.commit().await?;
    let address = format!("{}/calendar/{}.ics", app.urls.public, *secret);
    Ok(dialog_or_page!(StatusCode::OK, MadePage { page: me.page, address }))
}

/// Whoever has the address sees descriptions and dates, and nothing else. A wrong one looks like any address that
/// leads nowhere.
async fn feed(State(app): State<App>, Now(now): Now, Path(file): Path<String>) -> Result<Response, Error> {
    let secret = file.strip_suffix(".ics").ok_or(Error::NotFound)?;
    let mut reader = app.db.read().await?;
    let account = links::find_by_calendar_secret(&mut reader, secret).await?.ok_or(Error::NotFound)?;
    let tokens = overview::ending(&mut reader, &account, now).await?;
    let body = calendar(&account, &tokens, app.config.issuer.as_str()).to_string();
    Ok(private(([(CONTENT_TYPE, "text/calendar; charset=utf-8")], body)).into_response())
}

fn calendar(account: &Account, tokens: &[AccessToken], issuer: &str) -> Calendar {
    let words = account.language.as_deref().and_then(Words::named).unwrap_or_default();
    let mut calendar = Calendar::new();
    calendar.name(&words.t("calendar.name"));
    for token in tokens {
        let Some(end) = token.expires_at else { continue };
        let (Some(start), Some(made)) = (utc(end.seconds()), utc(token.created_at.seconds())) else { continue };
        let mut event = Event::new();
        event
            .uid(&format!("{}@{issuer}", token.id))
            .timestamp(made)
            .starts(start)
            .ends(start)
            .summary(&words.t1("calendar.event", "name", &token.description))
            // It does not make its owner busy.
            .add_property("TRANSP", "TRANSPARENT");
        calendar.push(event.done());
    }
    calendar.done()
}

fn utc(seconds: i64) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp(seconds, 0)
}
