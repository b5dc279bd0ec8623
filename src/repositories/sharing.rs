//! Sharing a repository with other accounts.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use dockpass_core::account::Account;
use dockpass_core::activity::ActivityKind;
use dockpass_core::permission_check::ShareLevel;
use dockpass_core::username;
use serde::Deserialize;

use super::actions::{self, NotShared};
use super::list::RepositoryTable;
use super::manage::{Asked, is_on_page_of};
use super::rows::RepositoryView;
use super::store::ListedRepository;
use crate::accounts::actions as accounts;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::platform::database::{Connection, Tx};
use crate::web::extract::Id;
use crate::web::forms::{FieldErrors, PostedForm};
use crate::web::page::{Page, dialog_or_page};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings/repositories/{id}/share", get(show).post(share))
        .route("/settings/repositories/{id}/unshare", post(unshare))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ShareForm {
    username: String,
    share: String,
}

struct Partner {
    account_id: String,
    username: String,
    share: &'static str,
}

const fn share_key(share: ShareLevel) -> &'static str {
    match share {
        ShareLevel::Pull => "repositories.can_pull",
        ShareLevel::Push => "repositories.can_push",
    }
}

#[derive(Template)]
#[template(path = "repositories/share.html", blocks = ["dialog"])]
struct SharePage {
    page: Page,
    id: String,
    name: String,
    partners: Vec<Partner>,
    is_managed: bool,
    form: ShareForm,
    errors: FieldErrors,
    notice: Option<String>,
    /// After a change, the list or the facts of the repository's page behind the dialog.
    table: Option<RepositoryTable>,
    row: Option<RepositoryView>,
}

impl SharePage {
    async fn read(
        connection: &mut impl Connection,
        page: Page,
        reader: &Account,
        repository: &ListedRepository,
    ) -> Result<Self, Error> {
        let shares = actions::shares(connection, &repository.id).await?;
        let partner = |(account_id, username, share)| Partner { account_id, username, share: share_key(share) };
        Ok(Self {
            page,
            id: repository.id.clone(),
            name: repository.name.to_string(),
            partners: shares.into_iter().map(partner).collect(),
            is_managed: actions::manages(reader, repository),
            form: ShareForm::default(),
            errors: FieldErrors::default(),
            notice: None,
            table: None,
            row: None,
        })
    }
}

async fn show(State(app): State<App>, me: SignedIn, Id(id): Id) -> Result<Response, Error> {
    let mut reader = app.db.read().await?;
    let repository = actions::find_closable(&mut reader, &me.account, &id).await?;
    let mut shown = SharePage::read(&mut reader, me.page.clone(), &me.account, &repository).await?;
    drop(reader);
    shown.notice = if me.page.is_fragment { None } else { me.take_notice().await? };
    Ok(dialog_or_page!(StatusCode::OK, shown))
}

/// Commits a change, then shows the dialog again with the list behind it.
async fn changed(
    tx: Tx,
    app: &App,
    me: SignedIn,
    headers: &HeaderMap,
    repository: &ListedRepository,
    notice: String,
) -> Result<Response, Error> {
    tx.commit().await?;
    if !me.page.is_fragment {
        me.leave_notice(&notice).await?;
        return Ok(Redirect::to(&format!("/settings/repositories/{}/share", repository.id)).into_response());
    }
    let mut reader = app.db.read().await?;
    let (table, row) = if is_on_page_of(&me.page, &repository.id) {
        let repository = actions::find_closable(&mut reader, &me.account, &repository.id).await?;
        (None, Some(RepositoryView::new(&repository, &me.account, &me.page)))
    } else {
        (Some(RepositoryTable::read_again(&mut reader, app, &me.account, &me.page, headers).await?), None)
    };
    let shown = SharePage::read(&mut reader, me.page, &me.account, repository).await?;
    Ok(dialog_or_page!(StatusCode::OK, SharePage { notice: Some(notice), table, row, ..shown }))
}

async fn share(
    (State(app), me, headers, origin): Asked,
    Id(id): Id,
    PostedForm(form): PostedForm<ShareForm>,
) -> Result<Response, Error> {
    let (now, to) = (me.page.now, username::as_typed(&form.username));
    let level = if form.share == "push" { ShareLevel::Push } else { ShareLevel::Pull };
    let mut tx = begin_change(&app, &me.account).await?;
    match actions::give(&mut tx, &me.account, &id, &to, level, now).await? {
        Ok(repository) => {
            let detail = format!("{} · {to}", repository.name);
            activity::record(&mut tx, &me.account, ActivityKind::RepositoryShared, &detail, &origin, now).await?;
            let key = match level {
                ShareLevel::Pull => "repositories.given_pull",
                ShareLevel::Push => "repositories.given_push",
            };
            let notice = me.page.t1(key, "name", &to);
            changed(tx, &app, me, &headers, &repository, notice).await
        }
        Err(reason) => {
            let repository = actions::find_managed(&mut tx, &me.account, &id).await?;
            let mut shown = SharePage::read(&mut tx, me.page, &me.account, &repository).await?;
            let key = match reason {
                NotShared::Nobody => "repositories.no_such_account",
                NotShared::HasIt => "repositories.has_it",
            };
            shown.errors.add("username", shown.page.t(key));
            shown.form = form;
            Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, shown))
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UnshareForm {
    account: String,
}

async fn unshare(
    (State(app), me, headers, origin): Asked,
    Id(id): Id,
    PostedForm(form): PostedForm<UnshareForm>,
) -> Result<Response, Error> {
    let mut tx = begin_change(&app, &me.account).await?;
    let repository = actions::take_back(&mut tx, &me.account, &id, &form.account).await?;
    let from = accounts::find(&mut tx, &form.account).await?.ok_or(Error::NotFound)?.username;
    let detail = format!("{} · {from}", repository.name);
    activity::record(&mut tx, &me.account, ActivityKind::RepositoryUnshared, &detail, &origin, me.page.now).await?;
    let notice = me.page.t1("repositories.taken_back", "name", &from);
    changed(tx, &app, me, &headers, &repository, notice).await
}
