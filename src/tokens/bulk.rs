//! Several tokens at once: ticked in the table, asked about once, changed together or not at all.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use dockpass_core::{
    activity::{ActivityKind, ClientInfo},
    listing::PAGE_SIZE,
    token::TokenStatus,
};

use super::{actions, list::table::changed, list_query, rows::TokenView};
use crate::{
    activity::actions as activity,
    app::App,
    auth::session::SignedIn,
    error::Error,
    web::{
        forms::PostedForm,
        page::{Page, dialog_or_page},
    },
};

/// `/settings/tokens/selected`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/selected", get(ask).post(apply))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Deactivate,
    Delete,
}

/// What is to be done with which tokens.
#[derive(Debug)]
struct Selection {
    verb: Verb,
    ids: Vec<String>,
}

impl Selection {
    /// Reads `verb=…&id=…&id=…`; `None` where the verb is unknown or more is ticked than a page has.
    fn parse<'a>(pairs: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>) -> Option<Self> {
        let mut verb = None;
        let mut ids: Vec<String> = Vec::new();
        for (name, value) in pairs {
            match (name.as_ref(), value.as_ref()) {
                ("verb", "deactivate") => verb = Some(Verb::Deactivate),
                ("verb", "delete") => verb = Some(Verb::Delete),
                ("id", id) if !ids.iter().any(|known| known == id) => ids.push(id.to_owned()),
                _ => {}
            }
        }
        (ids.len() <= PAGE_SIZE as usize).then_some(Self { verb: verb?, ids })
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/bulk.html", blocks = ["dialog"])]
struct SelectedPage {
    page: Page,
    is_delete: bool,
    tokens: Vec<TokenView>,
    question: String,
}

async fn ask(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let query = query.unwrap_or_default();
    let selection = Selection::parse(form_urlencoded::parse(query.as_bytes())).ok_or(Error::Invalid)?;
    if selection.ids.is_empty() {
        return Ok(Redirect::to("/settings/tokens").into_response());
    }
    let tokens = actions::find_all(&mut app.db.read().await?, &me.account, &selection.ids).await?;
    let is_delete = selection.verb == Verb::Delete;
    let key = if is_delete { "tokens.delete_selected" } else { "tokens.deactivate_selected" };
    let question = me.page.words.count(key, tokens.len() as i64);
    let row = |token| TokenView::new(token, me.page.now, me.page.words, &me.page.zone);
    let tokens = tokens.iter().map(row).collect();
    Ok(dialog_or_page!(StatusCode::OK, SelectedPage { page: me.page, is_delete, tokens, question }))
}

async fn apply(
    State(app): State<App>,
    me: SignedIn,
    origin: ClientInfo,
    headers: HeaderMap,
    PostedForm(pairs): PostedForm<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
    let Selection { verb, ids } = Selection::parse(pairs).ok_or(Error::Invalid)?;
    let now = me.page.now;
    let mut tx = app.db.write().await?;
    let tokens = actions::find_all(&mut tx, &me.account, &ids).await?;
    let kind = if verb == Verb::Delete { ActivityKind::TokenDeleted } else { ActivityKind::TokenDeactivated };
    // What has expired stays as it is, so nothing is said of it.
    for token in tokens.iter().filter(|token| verb == Verb::Delete || token.status(now) != TokenStatus::Expired) {
        activity::record(&mut tx, &me.account, kind, token.description.as_str(), &origin, now).await?;
    }
    let (key, count) = match verb {
        Verb::Deactivate => {
            ("tokens.deactivated_selected", actions::deactivate_all(&mut tx, &me.account, &ids, now).await?)
        }
        Verb::Delete => ("tokens.deleted_selected", actions::delete_all(&mut tx, &me.account, &ids, now).await?),
    };
    tracing::info!(account = me.account.username.as_str(), count, ?verb, "several tokens were changed");
    let notice = me.page.words.count(key, count);
    changed(tx, &app, me, list_query::shown_before(&headers), notice).await
}
