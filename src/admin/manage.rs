//! The action menu of an account in the list.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use dockpass_core::account::Account;
use dockpass_core::activity::ActivityKind;

use super::actions;
use super::list::PasswordLinkPage;
use crate::accounts::actions::{self as accounts, DisableOutcome};
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::one_time_links::actions as links;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{Administrator, SignedIn};
use crate::auth::two_factor::actions as two_factor;
use crate::error::Error;
use crate::web::extract::Id;
use crate::web::page::{Page, dialog_or_page, redirect};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/admin/accounts/{id}/disable", get(ask).post(disable))
        .route("/admin/accounts/{id}/enable", post(enable))
        .route("/admin/accounts/{id}/end-sessions", post(end_sessions))
        .route("/admin/accounts/{id}/reset-2fa", post(reset_second_factor))
        .route("/admin/accounts/{id}/password-link", post(password_link))
}

#[derive(Template)]
#[template(path = "admin/disable.html", blocks = ["dialog"])]
struct DisablePage {
    page: Page,
    account: Account,
}

async fn ask(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let account = actions::find(&mut app.db.read().await?, &id).await?;
    Ok(dialog_or_page!(StatusCode::OK, DisablePage { page: me.page, account }))
}

/// Leads back to the list with a notice.
async fn back(me: SignedIn, key: &str, username: &str) -> Result<Response, Error> {
    me.leave_notice(&me.page.t1(key, "name", username)).await?;
    Ok(redirect(&me.page, "/admin/accounts"))
}

async fn disable(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let outcome = accounts::disable(&mut tx, &account, me.page.now).await?;
    tx.commit().await?;
    let key = match outcome {
        DisableOutcome::Done => "admin.disabled_notice",
        DisableOutcome::AlreadyDone => "admin.disabled_already",
        DisableOutcome::LastAdministrator => "admin.last_administrator",
    };
    let username = account.username.as_str();
    tracing::info!(account = username, ?outcome, "an administrator asked to disable an account");
    back(me, key, username).await
}

async fn enable(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let is_done = accounts::enable(&mut tx, &account).await?;
    tx.commit().await?;
    let username = account.username.as_str();
    tracing::info!(account = username, is_done, "an administrator asked to enable an account");
    back(me, if is_done { "admin.enabled_notice" } else { "admin.enabled_already" }, username).await
}

async fn end_sessions(State(app): State<App>, Administrator(me): Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let ended = accounts::end_sessions(&mut tx, &account).await?.to_string();
    activity::record(&mut tx, &account, ActivityKind::SessionsEnded, &ended, &me.origin, me.page.now).await?;
    tx.commit().await?;
    let username = account.username.as_str();
    tracing::info!(account = username, "an administrator ended the sessions of an account");
    back(me, "admin.sessions_ended", username).await
}

async fn reset_second_factor(
    State(app): State<App>,
    _: Administrator,
    Id(id): Id,
    RecentSignIn { me, .. }: RecentSignIn,
) -> Result<Response, Error> {
    if me.account.id == id {
        // Turning off one's own needs a code, on the page Security.
        return back(me, "admin.own_security", "").await;
    }
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let is_done = two_factor::turn_off(&mut tx, &account, &me.origin, me.page.now).await?;
    tx.commit().await?;
    let username = account.username.as_str();
    tracing::info!(
        account = username,
        is_done,
        "an administrator asked to turn off the two-factor authentication of an account"
    );
    back(me, if is_done { "admin.two_factor_reset" } else { "admin.two_factor_was_off" }, username).await
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
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    if !account.is_enabled() {
        drop(tx);
        return back(me, "admin.not_enabled", account.username.as_str()).await;
    }
    let code = links::create_password_link(&mut tx, &account, me.page.now, app.rng).await?;
    tx.commit().await?;
    let username = account.username.as_str();
    tracing::info!(account = username, "an administrator created a link that sets a password");
    Ok(PasswordLinkPage::new(&app, me.page, &account, &code).show())
}
