//! A private calendar of when tokens expire (iCalendar, RFC 5545), for calendar programs to subscribe to.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dockpass_core::account::Account;
use dockpass_core::activity::ActivityKind;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::AccessToken;
use icalendar::{Calendar, Component, Event};

use super::list::actions as list;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::one_time_links::actions as links;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::web::extract::Now;
use crate::web::i18n::Words;
use crate::web::page::{Page, dialog_or_page, private};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/calendar", get(ask).post(create))
}

/// The calendar itself, for calendar programs: it has no session.
pub fn feed_routes() -> Router<App> {
    Router::new().route("/calendar/{file}", get(feed))
}

#[derive(Template)]
#[template(path = "tokens/calendar.html", blocks = ["dialog"])]
struct CalendarPage {
    page: Page,
    /// Whether a new address replaces one.
    is_renewal: bool,
}

#[derive(Template)]
#[template(path = "tokens/calendar_made.html", blocks = ["dialog"])]
struct CalendarCreatedPage {
    page: Page,
    address: String,
}

async fn ask(me: SignedIn) -> Response {
    let is_renewal = me.account.has_calendar;
    dialog_or_page!(StatusCode::OK, CalendarPage { page: me.page, is_renewal })
}

async fn create(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let secret = links::create_calendar_secret(&mut tx, &me.account, app.rng).await?;
    activity::record(&mut tx, &me.account, ActivityKind::CalendarRenewed, "", &me.origin, me.page.now).await?;
    tx.commit().await?;
    let address = format!("{}/calendar/{}.ics", app.urls.public, *secret);
    Ok(dialog_or_page!(StatusCode::OK, CalendarCreatedPage { page: me.page, address }))
}

/// Shows descriptions and dates to everyone who has the address, and nothing else.
async fn feed(State(app): State<App>, Now(now): Now, Path(file): Path<String>) -> Result<Response, Error> {
    let secret = file.strip_suffix(".ics").ok_or(Error::NotFound)?;
    let mut reader = app.db.read().await?;
    let account = links::find_by_calendar_secret(&mut reader, secret).await?.ok_or(Error::NotFound)?;
    let tokens = list::expiring(&mut reader, &account, now).await?;
    let body = calendar(&account, &tokens, app.config.issuer.as_str()).to_string();
    Ok(private(([(CONTENT_TYPE, "text/calendar; charset=utf-8")], body)).into_response())
}

fn calendar(account: &Account, tokens: &[AccessToken], issuer: &str) -> Calendar {
    let words = account.language.as_deref().and_then(Words::named).unwrap_or_default();
    let mut calendar = Calendar::new();
    calendar.name(&words.t("calendar.name"));
    for token in tokens {
        let Some(expires_at) = token.expires_at else { continue };
        let mut event = Event::new();
        event
            .uid(&format!("{}@{issuer}", token.id))
            .add_property("DTSTAMP", utc(token.created_at))
            .add_property("DTSTART", utc(expires_at))
            .add_property("DTEND", utc(expires_at))
            .summary(&words.t1("calendar.event", "name", &token.description))
            // The event does not make the owner busy.
            .add_property("TRANSP", "TRANSPARENT");
        calendar.push(event.done());
    }
    calendar.done()
}

/// A UTC time in RFC 5545 section 3.3.5: RFC 3339 without its separators.
fn utc(at: Timestamp) -> String {
    at.rfc3339().replace(['-', ':'], "")
}
