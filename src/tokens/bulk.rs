//! Bulk actions: the tokens that are ticked in the table are changed together or not at all.

use std::borrow::Cow;

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use dockpass_core::activity::ActivityKind;
use dockpass_core::listing::PAGE_SIZE;

use super::actions::{self, ChangeOutcome};
use super::list::table::changed;
use super::rows::TokenView;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::web::forms::PostedForm;
use crate::web::page::{Page, dialog_or_page};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/selected", get(ask).post(apply))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkAction {
    Deactivate,
    Delete,
}

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
    let mut reader = app.db.read().await?;
    let mut tokens = Vec::with_capacity(selection.ids.len());
    for id in &selection.ids {
        tokens.push(TokenView::new(&actions::find(&mut reader, &me.account, id).await?, &me.page));
    }
    let is_delete = selection.action == BulkAction::Delete;
    let key = if is_delete { "tokens.delete_selected" } else { "tokens.deactivate_selected" };
    let question = me.page.words.count(key, tokens.len() as i64);
    Ok(dialog_or_page!(StatusCode::OK, BulkPage { page: me.page, is_delete, tokens, question }))
}

async fn apply(
    State(app): State<App>,
    me: SignedIn,
    PostedForm(pairs): PostedForm<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
    let Selection { action, mut ids } = Selection::parse(pairs).ok_or(Error::Invalid)?;
    // Always in the same order, so that two transactions cannot deadlock.
    ids.sort();
    let (key, kind) = match action {
        BulkAction::Delete => ("tokens.deleted_selected", ActivityKind::TokenDeleted),
        BulkAction::Deactivate => ("tokens.deactivated_selected", ActivityKind::TokenDeactivated),
    };
    let (now, mut count) = (me.page.now, 0);
    let mut tx = begin_change(&app, &me.account).await?;
    for id in &ids {
        let token = actions::find(&mut tx, &me.account, id).await?;
        let outcome = match action {
            BulkAction::Delete => actions::delete(&mut tx, &me.account, id, now).await.map(|_| ChangeOutcome::Done)?,
            BulkAction::Deactivate => actions::switch(&mut tx, &me.account, id, false, now).await?,
        };
        if outcome == ChangeOutcome::Done {
            count += 1;
            let detail = (token.description.as_str(), id.as_str());
            activity::record(&mut tx, &me.account, kind, detail, &me.origin, now).await?;
        }
    }
    let notice = me.page.words.count(key, count);
    changed(tx, &app, me, notice).await
}
