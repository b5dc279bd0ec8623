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

use super::actions::{self, AccountSummary, Actor};
use crate::accounts::actions::{self as accounts, CreateAccountError, NewAccount};
use crate::app::App;
use crate::auth::credentials_form::username_key;
use crate::auth::one_time_links::actions as links;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{Administrator, begin_change};
use crate::error::Error;
use crate::web::forms::FieldErrors;
use crate::web::list_query::{Paging, page_number};
use crate::web::page::{Page, dialog_or_page, private};
use crate::web::time::TimeView;

const PATH: &str = "/admin/accounts";

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

/// Everything below the search.
pub(super) struct AccountTable {
    rows: Vec<AccountView>,
    text: String,
    count: String,
    paging: Paging,
}

impl AccountTable {
    async fn read(app: &App, page: &Page, query: &AccountListQuery) -> Result<Self, Error> {
        let text: String = query.text.trim().chars().take(100).collect();
        let number = page_number(&query.page);
        let (accounts, count) = actions::list(&mut app.db.read().await?, &text, number, page.now).await?;
        let address = |number: u32| {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("text", &text)
                .append_pair("page", &number.to_string())
                .finish();
            format!("{PATH}?{query}")
        };
        let paging = Paging::new(number, count, page.words, address);
        let row = |person: AccountSummary| AccountView {
            created: page.time(&Timestamp::from_millis(person.created_at)),
            last_seen: person.last_seen_at.map(|at| page.time(&Timestamp::from_millis(at))),
            person,
        };
        let rows = accounts.into_iter().map(row).collect();
        Ok(Self { rows, paging, count: page.words.count("admin.count", count), text })
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "admin/list.html")]
struct AccountsPage {
    page: Page,
    table: AccountTable,
    /// Whether htmx swaps the table into its place by itself.
    out_of_band: bool,
    notice: Option<String>,
}

async fn list(
    State(app): State<App>,
    Administrator(me): Administrator,
    Query(query): Query<AccountListQuery>,
) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let table = AccountTable::read(&app, &me.page, &query).await?;
    Ok(private(AccountsPage { page: me.page, table, out_of_band: false, notice }))
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
    hours: i64,
    /// Whether earlier links for the account stopped working.
    replaces: bool,
    /// For htmx: the table behind the dialog, where the account is new.
    table: Option<AccountTable>,
    out_of_band: bool,
}

impl PasswordLinkPage {
    pub fn new(app: &App, page: Page, account: &Account, code: &str) -> Self {
        Self {
            page,
            username: account.username.to_string(),
            link: links::password_link(&app.urls.public, code),
            hours: links::PASSWORD_LINK_LIFETIME.whole_hours(),
            replaces: true,
            table: None,
            out_of_band: true,
        }
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
    let by = Actor::administrator(&me.account, &me.origin, me.page.now);
    let page = me.page;
    let username = match Username::parse(form.username.trim()) {
        Ok(username) => username,
        Err(problem) => {
            let sentence = page.t(username_key(problem));
            return Ok(show_again(page, form, sentence));
        }
    };
    let mut tx = begin_change(&app, &me.account).await?;
    let new =
        NewAccount { username: username.clone(), digest: PasswordDigest::unusable(), is_admin: form.admin == "yes" };
    let account = match actions::create(&mut tx, &by, new, app.rng).await {
        Ok(account) => account,
        Err(CreateAccountError::Failed(error)) => return Err(error),
        Err(CreateAccountError::UsernameTaken | CreateAccountError::AlreadySetUp) => {
            let is_accounts = accounts::find_by_username(&mut tx, username.as_str()).await?.is_some();
            drop(tx);
            let sentence = page.t(if is_accounts { "username.taken" } else { "username.of_administrators" });
            return Ok(show_again(page, form, sentence));
        }
    };
    // Creating the account is in the log; its first link is a part of that.
    let code = links::create_password_link(&mut tx, &account, page.now, app.rng).await?;
    tx.commit().await?;
    let table = if page.is_fragment {
        let query = serde_urlencoded::from_str(page.query_before(PATH)).unwrap_or_default();
        let table = AccountTable::read(&app, &page, &query).await;
        table.inspect_err(|error| tracing::error!(%error, "the table of accounts cannot be read")).ok()
    } else {
        None
    };
    Ok(PasswordLinkPage { table, replaces: false, ..PasswordLinkPage::new(&app, page, &account, &code) }.show())
}
