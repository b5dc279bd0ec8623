//! `/admin/accounts`: the list, and adding someone.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
    routing::get,
};
use dockpass_core::{listing, password::PasswordDigest, username::Username};
use serde::Deserialize;

use super::{actions, store::AccountSummary};
use crate::{
    accounts::actions::{self as accounts, CreateAccountError, NewAccount},
    app::App,
    auth::{
        credentials_form::username_key, one_time_links::actions as links, recent_sign_in::RecentSignIn,
        session::Administrator,
    },
    error::Error,
    web::{
        forms::FieldErrors,
        page::{Page, dialog_or_page, private},
        time::TimeView,
    },
};

/// `/admin/accounts`, `/admin/accounts/new`.
pub fn routes() -> Router<App> {
    Router::new().route("/admin/accounts", get(list).post(add)).route("/admin/accounts/new", get(new))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    text: String,
    page: String,
}

struct AccountView {
    person: AccountSummary,
    created: TimeView,
    last_seen: Option<TimeView>,
}

impl AccountView {
    fn status_key(&self) -> &'static str {
        match (self.person.is_closed, self.person.is_disabled) {
            (true, _) => "admin.closed",
            (false, true) => "admin.disabled",
            (false, false) => "admin.enabled",
        }
    }

    fn badge(&self) -> &'static str {
        match (self.person.is_closed, self.person.is_disabled) {
            (true, _) => "expired",
            (false, true) => "inactive",
            (false, false) => "active",
        }
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "admin/list.html")]
struct PeoplePage {
    page: Page,
    rows: Vec<AccountView>,
    text: String,
    count: String,
    previous: Option<String>,
    next: Option<String>,
    notice: Option<String>,
}

async fn list(State(app): State<App>, admin: Administrator, Query(search): Query<Search>) -> Result<Response, Error> {
    let Administrator(me) = admin;
    let notice = me.take_notice().await?;
    let text: String = search.text.trim().chars().take(100).collect();
    let at = search.page.parse().unwrap_or(1).clamp(1, 1_000_000);
    let (people, count) = actions::list(&mut app.db.read().await?, &text, at, me.page.now).await?;
    let to = |page: u32| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("text", &text)
            .append_pair("page", &page.to_string())
            .finish();
        format!("/admin/accounts?{query}")
    };
    let row = |person: AccountSummary| AccountView {
        created: me.page.time(&person.created_at),
        last_seen: person.last_seen_at.map(|at| me.page.time(&at)),
        person,
    };
    Ok(private(PeoplePage {
        rows: people.into_iter().map(row).collect(),
        previous: (at > 1).then(|| to(at - 1)),
        next: (at < listing::pages(count)).then(|| to(at + 1)),
        count: me.page.words.count("admin.count", count),
        page: me.page.clone(),
        text,
        notice,
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AddForm {
    username: String,
    admin: String,
}

#[derive(Template)]
#[template(path = "admin/new.html", blocks = ["dialog"])]
struct AddPage {
    page: Page,
    form: AddForm,
    errors: FieldErrors,
}

/// A link that is shown once.
#[derive(Template)]
#[template(path = "admin/link.html", blocks = ["dialog"])]
pub(super) struct LinkPage {
    pub page: Page,
    pub username: String,
    pub link: String,
}

async fn new(admin: Administrator) -> Response {
    let form = AddForm::default();
    dialog_or_page!(StatusCode::OK, AddPage { page: admin.0.page, form, errors: FieldErrors::default() })
}

async fn add(State(app): State<App>, _: Administrator, sensitive: RecentSignIn<AddForm>) -> Result<Response, Error> {
    let (me, _, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let now = me.page.now;
    let page = me.page;
    let mut errors = FieldErrors::default();
    let username = match Username::parse(form.username.trim()) {
        Ok(username) => username,
        Err(problem) => {
            errors.add("username", page.t(username_key(problem)));
            return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, AddPage { page, form, errors }));
        }
    };
    let mut tx = app.db.write().await?;
    let new = NewAccount { username, digest: PasswordDigest::unusable(), is_admin: form.admin == "yes" };
    let account = match accounts::create(&mut tx, new, now, app.rng).await {
        Ok(account) => account,
        Err(CreateAccountError::Failed(error)) => return Err(error),
        Err(CreateAccountError::UsernameTaken | CreateAccountError::AlreadySetUp) => {
            errors.add("username", page.t("username.taken"));
            return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, AddPage { page, form, errors }));
        }
    };
    let code = links::make_password_link(&mut tx, &account, now, app.rng).await?;
    tx.commit().await?;
    tracing::info!(account = account.username.as_str(), "an account was made by an administrator");
    let link = format!("{}/set-password?code={}", app.urls.public, *code);
    Ok(dialog_or_page!(StatusCode::OK, LinkPage { page, username: account.username.to_string(), link }))
}
