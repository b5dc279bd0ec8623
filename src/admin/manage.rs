//! The action menu of an account in the list.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};

use super::actions::{self, Actor};
use super::list::PasswordLinkPage;
use crate::accounts::actions::DisableOutcome;
use crate::app::App;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{Administrator, SignedIn, begin_change};
use crate::error::Error;
use crate::web::confirm::ConfirmPage;
use crate::web::extract::Id;
use crate::web::page::redirect;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/admin/accounts/{id}/disable", get(|asked: Asked| ask(asked, "disable")).post(disable))
        .route("/admin/accounts/{id}/enable", post(enable))
        .route("/admin/accounts/{id}/end-sessions", get(|asked: Asked| ask(asked, "end-sessions")).post(end_sessions))
        .route("/admin/accounts/{id}/reset-2fa", get(|asked: Asked| ask(asked, "reset-2fa")).post(reset_2fa))
        .route("/admin/accounts/{id}/password-link", post(password_link))
}

type Asked = (State<App>, Administrator, Id);

/// Asks before the action `verb`, whose name in the address is also that of its texts.
async fn ask((State(app), Administrator(me), Id(id)): Asked, verb: &'static str) -> Result<Response, Error> {
    let account = actions::find(&mut app.db.read().await?, &id).await?;
    let page = me.page;
    let question = ConfirmPage {
        title: page.t(format!("admin.ask.{verb}.title")).into_owned(),
        question: page.t1(&format!("admin.ask.{verb}.question"), "name", &account.username),
        action: format!("/admin/accounts/{id}/{verb}"),
        back: "/admin/accounts",
        back_title: page.t("admin.title").into_owned(),
        is_danger: true,
        page,
    };
    Ok(question.show())
}

fn actor(me: &SignedIn) -> Actor {
    Actor::administrator(&me.account, &me.origin, me.page.now)
}

/// Leads back to the list with a notice.
async fn back(me: SignedIn, key: &str, username: &str) -> Result<Response, Error> {
    me.leave_notice(&me.page.t1(key, "name", username)).await?;
    Ok(redirect(&me.page, "/admin/accounts"))
}

async fn disable(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let account = actions::find(&mut tx, &id).await?;
    let outcome = actions::disable(&mut tx, &actor(&me), &account).await?;
    tx.commit().await?;
    let key = match outcome {
        DisableOutcome::Done => "admin.disabled_notice",
        DisableOutcome::AlreadyDone => "admin.disabled_already",
        DisableOutcome::LastAdministrator => "admin.last_administrator",
    };
    back(me, key, account.username.as_str()).await
}

async fn enable(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let account = actions::find(&mut tx, &id).await?;
    let is_done = actions::enable(&mut tx, &actor(&me), &account).await?;
    tx.commit().await?;
    let key = if is_done { "admin.enabled_notice" } else { "admin.enabled_already" };
    back(me, key, account.username.as_str()).await
}

async fn end_sessions(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let account = actions::find(&mut tx, &id).await?;
    actions::end_sessions(&mut tx, &actor(&me), &account).await?;
    tx.commit().await?;
    back(me, "admin.sessions_ended", account.username.as_str()).await
}

async fn reset_2fa(
    State(app): State<App>,
    _: Administrator,
    Id(id): Id,
    RecentSignIn { me, .. }: RecentSignIn,
) -> Result<Response, Error> {
    if me.account.id == id {
        // Turning off one's own needs a code, on the page Security.
        return back(me, "admin.own_security", "").await;
    }
    let mut tx = begin_change(&app, &me.account).await?;
    let account = actions::find(&mut tx, &id).await?;
    let is_done = actions::reset_second_factor(&mut tx, &actor(&me), &account).await?;
    tx.commit().await?;
    let key = if is_done { "admin.two_factor_reset" } else { "admin.two_factor_was_off" };
    back(me, key, account.username.as_str()).await
}

async fn password_link(
    State(app): State<App>,
    _: Administrator,
    Id(id): Id,
    RecentSignIn { me, .. }: RecentSignIn,
) -> Result<Response, Error> {
    if me.account.id == id {
        // Changing one's own needs the current password, on the page Security.
        return back(me, "admin.own_security", "").await;
    }
    let mut tx = begin_change(&app, &me.account).await?;
    let account = actions::find(&mut tx, &id).await?;
    let Some(code) = actions::create_password_link(&mut tx, &actor(&me), &account, app.rng).await? else {
        drop(tx);
        return back(me, "admin.not_enabled", account.username.as_str()).await;
    };
    tx.commit().await?;
    Ok(PasswordLinkPage::new(&app, me.page, &account, &code).show())
}
