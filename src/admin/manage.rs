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
        back: "/admin/accounts".to_owned(),
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

/// A change that leads back to the list with a notice.
#[derive(Clone, Copy)]
enum AccountChange {
    Disable,
    Enable,
    EndSessions,
    ResetTwoFactor,
}

/// Changes an account, and says under which key the outcome is told.
async fn change(app: &App, me: SignedIn, id: &str, change: AccountChange) -> Result<Response, Error> {
    let by = actor(&me);
    let mut tx = begin_change(app, &me.account).await?;
    let account = actions::find(&mut tx, id).await?;
    let key = match change {
        AccountChange::Disable => match actions::disable(&mut tx, &by, &account).await? {
            DisableOutcome::Done => "admin.disabled_notice",
            DisableOutcome::AlreadyDone => "admin.disabled_already",
            DisableOutcome::LastAdministrator => "admin.last_administrator",
        },
        AccountChange::Enable => match actions::enable(&mut tx, &by, &account).await? {
            true => "admin.enabled_notice",
            false => "admin.enabled_already",
        },
        AccountChange::EndSessions => {
            actions::end_sessions(&mut tx, &by, &account).await?;
            "admin.sessions_ended"
        }
        AccountChange::ResetTwoFactor => match actions::reset_second_factor(&mut tx, &by, &account).await? {
            true => "admin.two_factor_reset",
            false => "admin.two_factor_was_off",
        },
    };
    tx.commit().await?;
    back(me, key, account.username.as_str()).await
}

async fn disable((State(app), Administrator(me), Id(id)): Asked) -> Result<Response, Error> {
    change(&app, me, &id, AccountChange::Disable).await
}

async fn enable((State(app), Administrator(me), Id(id)): Asked) -> Result<Response, Error> {
    change(&app, me, &id, AccountChange::Enable).await
}

async fn end_sessions((State(app), Administrator(me), Id(id)): Asked) -> Result<Response, Error> {
    change(&app, me, &id, AccountChange::EndSessions).await
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
    change(&app, me, &id, AccountChange::ResetTwoFactor).await
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
