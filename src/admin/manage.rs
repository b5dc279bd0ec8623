//! What the action menu of a person's row does.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_htmx::HxRedirect;
use dockpass_core::{
    account::Account,
    activity::{ActivityKind, ClientInfo},
};
use serde::Deserialize;

use super::{actions, list::LinkPage};
use crate::{
    accounts::actions::{self as accounts, DisableOutcome},
    activity::actions as activity,
    app::App,
    auth::{
        one_time_links::actions as links,
        recent_sign_in::RecentSignIn,
        session::{Administrator, SignedIn},
        two_factor::actions as factor,
    },
    error::Error,
    web::{
        extract::{Id, Now},
        page::{Page, dialog_or_page},
    },
};

/// `/admin/accounts/{id}/…`
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

async fn ask(State(app): State<App>, admin: Administrator, Id(id): Id) -> Result<Response, Error> {
    let account = actions::find(&mut app.db.read().await?, &id).await?;
    Ok(dialog_or_page!(StatusCode::OK, DisablePage { page: admin.0.page, account }))
}

/// Back to the list, with a sentence above it.
async fn back(me: SignedIn, key: &str, account: Option<&Account>) -> Result<Response, Error> {
    let name = account.map_or("", |account| account.username.as_str());
    me.leave_notice(&me.page.t1(key, "name", name)).await?;
    Ok(if me.page.is_fragment {
        (HxRedirect("/admin/accounts".to_owned()), StatusCode::OK).into_response()
    } else {
        Redirect::to("/admin/accounts").into_response()
    })
}

#[derive(Debug, Deserialize)]
struct Nothing {}

async fn disable(State(app): State<App>, admin: Administrator, Id(id): Id, Now(now): Now) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let withdrawal = accounts::disable(&mut tx, &account, now).await?;
    tx.commit().await?;
    let key = match withdrawal {
        DisableOutcome::Done => "admin.disabled_notice",
        DisableOutcome::AlreadySo => "admin.disabled_already",
        DisableOutcome::LastAdministrator => "admin.last_administrator",
    };
    tracing::info!(account = account.username.as_str(), ?withdrawal, "an account was to be disabled");
    back(admin.0, key, Some(&account)).await
}

async fn enable(State(app): State<App>, admin: Administrator, Id(id): Id) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let is_done = accounts::enable(&mut tx, &account).await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), is_done, "an account was to be enabled");
    back(admin.0, if is_done { "admin.enabled_notice" } else { "admin.enabled_already" }, Some(&account)).await
}

async fn end_sessions(
    State(app): State<App>,
    admin: Administrator,
    origin: ClientInfo,
    Id(id): Id,
) -> Result<Response, Error> {
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let ended = accounts::end_sessions(&mut tx, &account).await?;
    activity::record(&mut tx, &account, ActivityKind::SessionsEnded, &ended.to_string(), &origin, admin.0.page.now)
        .await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), "an administrator ended an account's sessions");
    back(admin.0, "admin.sessions_ended", Some(&account)).await
}

async fn reset_second_factor(
    State(app): State<App>,
    _: Administrator,
    Id(id): Id,
    sensitive: RecentSignIn<Nothing>,
) -> Result<Response, Error> {
    let (me, origin, Nothing {}) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    if me.account.id == id {
        // One's own goes with a code, on the page Security.
        return back(me, "admin.own_security", None).await;
    }
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    let is_done = factor::turn_off(&mut tx, &account, &origin, me.page.now).await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), is_done, "an administrator reset a second factor");
    back(me, if is_done { "admin.two_factor_reset" } else { "admin.two_factor_was_off" }, Some(&account)).await
}

async fn password_link(
    State(app): State<App>,
    _: Administrator,
    Id(id): Id,
    sensitive: RecentSignIn<Nothing>,
) -> Result<Response, Error> {
    let (me, _, Nothing {}) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    if me.account.id == id {
        // One's own password changes with the current one, on the page Security.
        return back(me, "admin.own_security", None).await;
    }
    let now = me.page.now;
    let mut tx = app.db.write().await?;
    let account = actions::find(&mut tx, &id).await?;
    if !account.is_enabled() {
        drop(tx);
        return back(me, "admin.not_enabled", Some(&account)).await;
    }
    let code = links::make_password_link(&mut tx, &account, now, app.rng).await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), "an administrator made a link that sets a password");
    let link = format!("{}/set-password?code={}", app.urls.public, *code);
    let made = LinkPage { page: me.page, username: account.username.to_string(), link };
    Ok(dialog_or_page!(StatusCode::OK, made))
}
