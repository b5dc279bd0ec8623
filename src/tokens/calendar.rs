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
use super::list_query;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::one_time_links::actions as links;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::web::confirm::ConfirmPage;
use crate::web::extract::Now;
use crate::web::i18n::Words;
use crate::web::page::{Page, dialog_or_page, private, redirect};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/tokens/calendar", get(ask).post(create))
        .route("/settings/tokens/calendar/remove", get(ask_removal).post(remove))
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
    let mut tx = begin_change(&app, &me.account).await?;
    let secret = links::create_calendar_secret(&mut tx, &me.account, app.rng).await?;
    activity::record(&mut tx, &me.account, ActivityKind::CalendarRenewed, "", &me.origin, me.page.now).await?;
    tx.commit().await?;
    let address = format!("{}/calendar/{}.ics", app.urls.public, *secret);
    Ok(dialog_or_page!(StatusCode::OK, CalendarCreatedPage { page: me.page, address }))
}

async fn ask_removal(me: SignedIn) -> Response {
    let page = me.page;
    ConfirmPage {
        title: page.t("calendar.remove").into_owned(),
        question: page.t("calendar.remove_question").into_owned(),
        action: "/settings/tokens/calendar/remove".to_owned(),
        back: list_query::PATH.to_owned(),
        back_title: page.t("tokens.title").into_owned(),
        is_danger: true,
        page,
    }
    .show()
}

async fn remove(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    if links::remove_calendar_secret(&mut tx, &me.account).await? {
        activity::record(&mut tx, &me.account, ActivityKind::CalendarRemoved, "", &me.origin, me.page.now).await?;
    }
    tx.commit().await?;
    me.leave_notice(&me.page.t("calendar.removed")).await?;
    Ok(redirect(&me.page, list_query::PATH))
}

/// Shows descriptions and dates to everyone who has the address, and nothing else.
async fn feed(State(app): State<App>, Now(now): Now, Path(file): Path<String>) -> Result<Response, Error> {
    let secret = file.strip_suffix(".ics").ok_or(Error::NotFound)?;
    let mut reader = app.db.read().await?;
    let account = links::find_by_calendar_secret(&mut reader, secret).await?.ok_or(Error::NotFound)?;
    let tokens = list::expiring(&mut reader, &account, now).await?;
    let body = calendar(&account, &tokens, app.config.issuer.as_str());
    Ok(private(([(CONTENT_TYPE, "text/calendar; charset=utf-8")], body)).into_response())
}

/// An event without an end (RFC 5545 section 3.6.1) for each token, with an alarm a week before.
fn calendar(account: &Account, tokens: &[AccessToken], issuer: &str) -> String {
    let words = account.language.as_deref().and_then(Words::named).unwrap_or_default();
    let mut calendar = Calendar::new();
    calendar.name(&words.t("calendar.name"));
    for token in tokens {
        let Some(expires_at) = token.expires_at else { continue };
        let summary = words.t1("calendar.event", "name", &token.description);
        let mut event = Event::new();
        event
            .uid(&format!("{}@{issuer}", token.id))
            .add_property("DTSTAMP", utc(token.created_at))
            .add_property("DTSTART", utc(expires_at))
            .summary(&summary)
            // The event does not make the owner busy.
            .add_property("TRANSP", "TRANSPARENT");
        calendar.push(event.done());
    }
    // The crate's alarms need its crate for dates, and get a new id and date each time. No text has a line of its own.
    let alarm = format!(
        "\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:{}\r\nTRIGGER:-P7D\r\nEND:VALARM\r\nEND:VEVENT\r\n",
        words.t("calendar.alarm")
    );
    calendar.done().to_string().replace("\r\nEND:VEVENT\r\n", &alarm)
}

/// A UTC time in RFC 5545 section 3.3.5: RFC 3339 without its separators.
fn utc(at: Timestamp) -> String {
    at.rfc3339().replace(['-', ':'], "")
}
