//! Bulk actions: the tokens that are ticked in the table are changed together or not at all.

use std::borrow::Cow;

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use dockpass_core::activity::{ActivityKind, ClientInfo};
use dockpass_core::listing::PAGE_SIZE;
use dockpass_core::token::TokenStatus;

use super::actions;
use super::list::table::changed;
use super::rows::TokenView;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::web::forms::PostedForm;
use crate::web::page::{Page, dialog_or_page};

/// `/settings/tokens/selected`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/selected", get(ask).post(apply))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkAction {
    Deactivate,
    Delete,
}

/// A bulk action and the tokens that it is for.
#[derive(Debug)]
struct Selection {
    action: BulkAction,
    ids: Vec<String>,
}

impl Selection {
    /// Reads `verb=…&id=…&id=…`; `None` for an unknown verb, or for more tokens than a page has.
    fn parse<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Option<Self> {
        let mut action = None;
        let mut ids: Vec<String> = Vec::new();
        for (name, value) in pairs {
            match (name.as_ref(), value.as_ref()) {
                ("verb", "deactivate") => action = Some(BulkAction::Deactivate),
                ("verb", "delete") => action = Some(BulkAction::Delete),
                ("id", id) if !ids.iter().any(|other| other == id) => ids.push(id.to_owned()),
                _ => {}
            }
        }
        (ids.len() <= PAGE_SIZE as usize).then_some(Self { action: action?, ids })
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/bulk.html", blocks = ["dialog"])]
struct BulkPage {
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
    let is_delete = selection.action == BulkAction::Delete;
    let key = if is_delete { "tokens.delete_selected" } else { "tokens.deactivate_selected" };
    let question = me.page.words.count(key, tokens.len() as i64);
    let row = |token| TokenView::new(token, me.page.now, me.page.words, &me.page.zone);
    let tokens = tokens.iter().map(row).collect();
    Ok(dialog_or_page!(StatusCode::OK, BulkPage { page: me.page, is_delete, tokens, question }))
}

async fn apply(
    State(app): State<App>,
    me: SignedIn,
    origin: ClientInfo,
    headers: HeaderMap,
    PostedForm(pairs): PostedForm<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
    let Selection { action, ids } = Selection::parse(pairs).ok_or(Error::Invalid)?;
    let now = me.page.now;
    let mut tx = app.db.write().await?;
    let tokens = actions::find_all(&mut tx, &me.account, &ids).await?;
    let is_delete = action == BulkAction::Delete;
    let kind = if is_delete { ActivityKind::TokenDeleted } else { ActivityKind::TokenDeactivated };
    // Deactivating does not change expired tokens.
    for token in tokens.iter().filter(|token| is_delete || token.status(now) != TokenStatus::Expired) {
        activity::record(&mut tx, &me.account, kind, token.description.as_str(), &origin, now).await?;
    }
    let (key, count) = if is_delete {
        ("tokens.deleted_selected", actions::delete_all(&mut tx, &me.account, &ids, now).await?)
    } else {
        ("tokens.deactivated_selected", actions::deactivate_all(&mut tx, &me.account, &ids, now).await?)
    };
    tracing::info!(account = me.account.username.as_str(), count, ?action, "several tokens were changed");
    let notice = me.page.words.count(key, count);
    changed(tx, &app, me, &headers, notice).await
}
