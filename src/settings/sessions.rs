//! `/settings/sessions`: where the account is signed in.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use dockpass_core::activity::{ActivityKind, ClientInfo};

use crate::accounts::actions;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{AnySession, SignedIn, begin_change};
use crate::error::Error;
use crate::web::confirm::ConfirmPage;
use crate::web::extract::Id;
use crate::web::page::{Page, private, redirect};
use crate::web::time::TimeView;

const PATH: &str = "/settings/sessions";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/sessions", get(show))
        .route("/settings/sessions/others/end", get(ask_end_others).post(end_others))
        .route("/settings/sessions/{id}/end", get(ask_end).post(end))
}

struct SessionView {
    id: String,
    client: String,
    address: String,
    first_seen: TimeView,
    last_seen: TimeView,
    is_this: bool,
}

#[derive(Template, WebTemplate)]
#[template(path = "settings/sessions.html")]
struct SessionsPage {
    page: Page,
    rows: Vec<SessionView>,
    notice: Option<String>,
}

async fn show(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let own = me.id_hash();
    let sessions = actions::sessions(&mut app.db.read().await?, &me.account, me.page.now).await?;
    let rows = sessions
        .into_iter()
        .map(|session| SessionView {
            is_this: session.id_hash == own.as_bytes(),
            client: program(&session.client, &me.page),
            address: session.address,
            first_seen: me.page.time(&session.created_at),
            last_seen: me.page.time(&session.last_seen_at),
            id: session.public_id,
        })
        .collect();
    Ok(private(SessionsPage { page: me.page, rows, notice }))
}

/// The name of a browser; some send none.
fn program(client: &str, page: &Page) -> String {
    if client.is_empty() { page.t("sessions.unknown").into_owned() } else { page.words.program(client) }
}

async fn ask_end(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let own = actions::sessions(&mut app.db.read().await?, &me.account, me.page.now).await?;
    let session = own.into_iter().find(|session| session.public_id == id).ok_or(Error::NotFound)?;
    let page = me.page;
    let name = format!("{} ({})", program(&session.client, &page), session.address);
    Ok(ConfirmPage {
        title: page.t("sessions.end").into_owned(),
        question: page.t1("sessions.end_question", "name", name),
        action: format!("{PATH}/{id}/end"),
        back: PATH.to_owned(),
        back_title: page.t("sessions.title").into_owned(),
        is_danger: true,
        page,
    }
    .show())
}

async fn end(State(app): State<App>, me: SignedIn, origin: ClientInfo, Id(id): Id) -> Result<Response, Error> {
    let own = actions::sessions(&mut app.db.read().await?, &me.account, me.page.now).await?;
    let is_this = own.iter().any(|session| session.public_id == id && session.id_hash == me.id_hash().as_bytes());
    let mut tx = begin_change(&app, &me.account).await?;
    actions::end_session(&mut tx, &me.account, &id).await?;
    activity::record(&mut tx, &me.account, ActivityKind::SessionsEnded, "1", &origin, me.page.now).await?;
    tx.commit().await?;
    if is_this {
        AnySession(me.session).sign_out().await?;
        return Ok(redirect(&me.page, "/login"));
    }
    me.leave_notice(&me.page.words.count("sessions.ended", 1)).await?;
    Ok(redirect(&me.page, PATH))
}

async fn ask_end_others(SignedIn { page, .. }: SignedIn) -> Response {
    ConfirmPage {
        title: page.t("sessions.end_others").into_owned(),
        question: page.t("sessions.end_others_question").into_owned(),
        action: "/settings/sessions/others/end".to_owned(),
        back: PATH.to_owned(),
        back_title: page.t("sessions.title").into_owned(),
        is_danger: true,
        page,
    }
    .show()
}

async fn end_others(State(app): State<App>, RecentSignIn { me, origin, .. }: RecentSignIn) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let ended = actions::end_other_sessions(&mut tx, &me.account, &me.id_hash()).await?;
    activity::record(&mut tx, &me.account, ActivityKind::SessionsEnded, &ended.to_string(), &origin, me.page.now)
        .await?;
    tx.commit().await?;
    me.leave_notice(&me.page.words.count("sessions.ended", ended)).await?;
    Ok(redirect(&me.page, PATH))
}
