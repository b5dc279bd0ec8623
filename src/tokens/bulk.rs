//! Bulk actions: the tokens that are ticked in the table are changed together or not at all.

use std::borrow::Cow;

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use dockpass_core::account::Account;
use dockpass_core::activity::ActivityKind;
use dockpass_core::listing::PAGE_SIZE;
use dockpass_core::token::AccessToken;

use super::actions::{self, ChangeOutcome};
use super::list::table::{changed, not_there};
use super::return_to::ReturnTo;
use super::rows::TokenView;
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::recent_sign_in::MaybeRecentSignIn;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::platform::database::Connection;
use crate::web::page::{Page, dialog_or_page};

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/selected", get(ask).post(apply))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkAction {
    Activate,
    Deactivate,
    Delete,
}

impl BulkAction {
    fn parse(verb: &str) -> Option<Self> {
        match verb {
            "activate" => Some(Self::Activate),
            "deactivate" => Some(Self::Deactivate),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The verb in addresses and in the keys of its texts.
    const fn verb(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
        }
    }

    const fn kind(self) -> ActivityKind {
        match self {
            Self::Activate => ActivityKind::TokenActivated,
            Self::Deactivate => ActivityKind::TokenDeactivated,
            Self::Delete => ActivityKind::TokenDeleted,
        }
    }
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
                ("verb", verb) => action = Some(BulkAction::parse(verb)?),
                ("id", id) if !ids.iter().any(|other| other == id) => ids.push(id.to_owned()),
                _ => {}
            }
        }
        (ids.len() <= PAGE_SIZE as usize).then_some(Self { action: action?, ids })
    }

    /// The tokens that are there, in the order of the ids, and the ids of those that were deleted meanwhile.
    /// [`Error::NotFound`] if an id is neither.
    async fn find(
        &self,
        connection: &mut impl Connection,
        account: &Account,
    ) -> Result<(Vec<AccessToken>, Vec<&str>), Error> {
        let (mut tokens, mut deleted) = (Vec::with_capacity(self.ids.len()), Vec::new());
        for id in &self.ids {
            match actions::look_up(connection, account, id).await? {
                Some(token) => tokens.push(token),
                None if actions::find_deleted(connection, account, id).await?.is_some() => deleted.push(id.as_str()),
                None => return Err(Error::NotFound),
            }
        }
        Ok((tokens, deleted))
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/bulk.html", blocks = ["dialog"])]
struct BulkPage {
    page: Page,
    /// For the keys of the texts.
    verb: &'static str,
    tokens: Vec<TokenView>,
    question: String,
    /// "2 were used in the last 7 days: that will stop."
    in_use: Option<String>,
    /// "1 has expired and stays as it is."
    expired: Option<String>,
}

impl BulkPage {
    fn new(page: Page, action: BulkAction, tokens: &[AccessToken]) -> Self {
        let (words, verb) = (page.words, action.verb());
        let tokens: Vec<TokenView> = tokens.iter().map(|token| TokenView::new(token, &page)).collect();
        let sentence = |key: &str, is_meant: fn(&TokenView) -> bool| {
            let count = tokens.iter().filter(|token| is_meant(token)).count() as i64;
            (count > 0).then(|| words.count(key, count))
        };
        let is_stopped = action != BulkAction::Activate;
        let is_kept = action != BulkAction::Delete;
        Self {
            question: words.count(&format!("tokens.{verb}_selected"), tokens.len() as i64),
            in_use: sentence("tokens.selected_in_use", |token| token.is_in_use).filter(|_| is_stopped),
            expired: sentence("tokens.selected_expired", TokenView::is_expired).filter(|_| is_kept),
            verb,
            tokens,
            page,
        }
    }
}

async fn ask(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let query = query.unwrap_or_default();
    let selection = Selection::parse(form_urlencoded::parse(query.as_bytes())).ok_or(Error::Invalid)?;
    if selection.ids.is_empty() {
        return Ok(Redirect::to("/settings/tokens").into_response());
    }
    let (tokens, deleted) = selection.find(&mut app.db.read().await?, &me.account).await?;
    if tokens.is_empty() {
        return not_there(&app, me, &deleted).await;
    }
    Ok(dialog_or_page!(StatusCode::OK, BulkPage::new(me.page, selection.action, &tokens)))
}

/// Activating gives access back, so it needs a recent sign-in.
async fn apply(
    State(app): State<App>,
    posted: MaybeRecentSignIn<Vec<(String, String)>>,
) -> axum::response::Result<Response> {
    let pairs = posted.form.iter().map(|(name, value)| (name.into(), value.into()));
    let mut selection = Selection::parse(pairs).ok_or(Error::Invalid)?;
    // Always in the same order, so that two transactions cannot deadlock.
    selection.ids.sort();
    if selection.action == BulkAction::Activate {
        // 404 comes before the question.
        let mut reader = app.db.read().await.map_err(Error::from)?;
        selection.find(&mut reader, &posted.me.account).await?;
        drop(reader);
        posted.require().await?;
    }
    Ok(change(&app, posted.me, &selection).await?)
}

async fn change(app: &App, me: SignedIn, selection: &Selection) -> Result<Response, Error> {
    let (action, now, mut count) = (selection.action, me.page.now, 0);
    let mut tx = begin_change(app, &me.account).await?;
    let (tokens, deleted) = selection.find(&mut tx, &me.account).await?;
    if tokens.is_empty() && !deleted.is_empty() {
        drop(tx);
        return not_there(app, me, &deleted).await;
    }
    for token in &tokens {
        let is_done = match action {
            BulkAction::Delete => actions::remove(&mut tx, &me.account, &token.id, now).await?.is_some(),
            BulkAction::Activate | BulkAction::Deactivate => {
                let is_active = action == BulkAction::Activate;
                actions::switch(&mut tx, &me.account, &token.id, is_active, now).await? == ChangeOutcome::Done
            }
        };
        if is_done {
            count += 1;
            let detail = (token.description.as_str(), token.id.as_str());
            activity::record(&mut tx, &me.account, action.kind(), detail, &me.origin, now).await?;
        }
    }
    let mut notice = me.page.words.count(&format!("tokens.{}d_selected", action.verb()), count);
    if !deleted.is_empty() {
        notice.push(' ');
        notice.push_str(&me.page.words.count("tokens.selected_already_deleted", deleted.len() as i64));
    }
    changed(tx, app, me, &ReturnTo::list(), notice).await
}
