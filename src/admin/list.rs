//! `/admin/accounts`: the list of accounts, and creating one.

use std::borrow::Cow;

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use dockpass_core::account::Account;
use dockpass_core::password::PasswordDigest;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::username::Username;
use serde::Deserialize;

use super::actions::{self, AccountSummary};
use crate::accounts::actions::{self as accounts, CreateAccountError, NewAccount};
use crate::app::App;
use crate::auth::credentials_form::username_key;
use crate::auth::one_time_links::actions as links;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::Administrator;
use crate::error::Error;
use crate::web::forms::FieldErrors;
use crate::web::list_query::{Paging, page_number};
use crate::web::page::{Page, dialog_or_page, private};
use crate::web::time::TimeView;

pub fn routes() -> Router<App> {
    Router::new().route("/admin/accounts", get(list).post(add)).route("/admin/accounts/new", get(new))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AccountListQuery {
    text: String,
    page: String,
}

struct AccountView {
    person: AccountSummary,
    created: TimeView,
    last_seen: Option<TimeView>,
}

#[derive(Template, WebTemplate)]
#[template(path = "admin/list.html")]
struct AccountsPage {
    page: Page,
    rows: Vec<AccountView>,
    text: String,
    count: String,
    previous: Option<String>,
    next: Option<String>,
    notice: Option<String>,
}

async fn list(
    State(app): State<App>,
    Administrator(me): Administrator,
    Query(query): Query<AccountListQuery>,
) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let text: String = query.text.trim().chars().take(100).collect();
    let number = page_number(&query.page);
    let (accounts, count) = actions::list(&mut app.db.read().await?, &text, number, me.page.now).await?;
    let address = |number: u32| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("text", &text)
            .append_pair("page", &number.to_string())
            .finish();
        format!("/admin/accounts?{query}")
    };
    let Paging { previous, next, .. } = Paging::new(number, count, me.page.words, address);
    let row = |person: AccountSummary| AccountView {
        created: me.page.time(&Timestamp::from_millis(person.created_at)),
        last_seen: person.last_seen_at.map(|at| me.page.time(&Timestamp::from_millis(at))),
        person,
    };
    Ok(private(AccountsPage {
        rows: accounts.into_iter().map(row).collect(),
        previous,
        next,
        count: me.page.words.count("admin.count", count),
        page: me.page.clone(),
        text,
        notice,
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NewAccountForm {
    username: String,
    admin: String,
}

#[derive(Template)]
#[template(path = "admin/new.html", blocks = ["dialog"])]
struct NewAccountPage {
    page: Page,
    form: NewAccountForm,
    errors: FieldErrors,
}

/// Shows a link once with which the account's owner sets a password.
#[derive(Template)]
#[template(path = "admin/link.html", blocks = ["dialog"])]
pub(super) struct PasswordLinkPage {
    page: Page,
    username: String,
    link: String,
}

impl PasswordLinkPage {
    pub fn new(app: &App, page: Page, account: &Account, code: &str) -> Self {
        let link = format!("{}/set-password?code={code}", app.urls.public);
        Self { page, username: account.username.to_string(), link }
    }

    pub fn show(self) -> Response {
        dialog_or_page!(StatusCode::OK, self)
    }
}

async fn new(Administrator(me): Administrator) -> Response {
    let form = NewAccountForm::default();
    dialog_or_page!(StatusCode::OK, NewAccountPage { page: me.page, form, errors: FieldErrors::default() })
}

fn show_again(page: Page, form: NewAccountForm, sentence: impl Into<Cow<'static, str>>) -> Response {
    let errors = FieldErrors::one("username", sentence);
    dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, NewAccountPage { page, form, errors })
}

async fn add(
    State(app): State<App>,
    _: Administrator,
    RecentSignIn { me, form, .. }: RecentSignIn<NewAccountForm>,
) -> Result<Response, Error> {
    let page = me.page;
    let username = match Username::parse(form.username.trim()) {
        Ok(username) => username,
        Err(problem) => {
            let sentence = page.t(username_key(problem));
            return Ok(show_again(page, form, sentence));
        }
    };
    let mut tx = app.db.write().await?;
    let new = NewAccount { username, digest: PasswordDigest::unusable(), is_admin: form.admin == "yes" };
    let account = match accounts::create(&mut tx, new, page.now, app.rng).await {
        Ok(account) => account,
        Err(CreateAccountError::Failed(error)) => return Err(error),
        Err(CreateAccountError::UsernameTaken | CreateAccountError::AlreadySetUp) => {
            drop(tx);
            let sentence = page.t("username.taken");
            return Ok(show_again(page, form, sentence));
        }
    };
    let code = links::create_password_link(&mut tx, &account, page.now, app.rng).await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), "an account was created by an administrator");
    Ok(PasswordLinkPage::new(&app, page, &account, &code).show())
}
