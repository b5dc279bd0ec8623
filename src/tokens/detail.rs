//! The page of one token: what it is, what it was used for, and what it can do.

use std::borrow::Cow;
use std::cmp::Reverse;

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::extract::{Query, State};
use axum::response::Response;
use dockpass_core::access_level::RepositoryAction;
use dockpass_core::account::Account;
use dockpass_core::image_name::repository_of;
use dockpass_core::permission_check::{AllowReason, DenyReason};
use dockpass_core::repository::RepositoryName;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::AccessToken;
use dockpass_core::usage::{Occurrences, TokenUse, UseAction};
use serde::Deserialize;

use super::actions;
use super::chart::Chart;
use super::explain_permission::{self, CheckFailure};
use super::list::table::not_there;
use super::refusals::actions::{self as refusals, RecentRefusal};
use super::refusals::rows::reason_key;
use super::rows::{TokenView, level_key, program};
use super::usage::actions as usage;
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::platform::database::Connection;
use crate::web::extract::Id;
use crate::web::i18n::Words;
use crate::web::page::{Page, private};
use crate::web::time::TimeView;

/// The form "What can this token do?"
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CheckQuery {
    repository: String,
    action: String,
}

/// The answer below that form.
struct CheckAnswer {
    /// `yes`, `no` or `error`, for the stylesheet.
    class: &'static str,
    sentence: String,
}

/// A row of the recent uses: a granted request, a transfer or a refusal.
struct TokenUseView {
    /// The key of its words, below `usage`.
    action: &'static str,
    repository: String,
    /// Empty for a request, and where the client named the digest.
    tag: String,
    digest: String,
    refusal: Option<RefusedUse>,
    client: String,
    address: String,
    at: TimeView,
    /// For the order of the rows.
    last_at: Timestamp,
    /// "3", and "3 requests" where nothing was transferred.
    times: String,
}

/// Why a request was refused.
struct RefusedUse {
    reason: Cow<'static, str>,
    code: String,
}

impl TokenUseView {
    fn new(token_use: &TokenUse, span: Occurrences, page: &Page) -> Self {
        let action = action_key(token_use);
        let is_asked = action.starts_with("asked_");
        let times = page.words.count(if is_asked { "usage.requests" } else { "activity.times" }, span.times);
        // Of a transfer by digest the reference is that digest, or the tag of the HEAD before it.
        let is_digest = token_use.reference.contains(':');
        let tag = if is_digest { String::new() } else { token_use.reference.clone() };
        let digest = if is_digest { &token_use.reference } else { &token_use.digest };
        Self {
            action,
            repository: token_use.repository.clone(),
            tag,
            digest: digest.clone(),
            refusal: None,
            client: program(&token_use.origin.client, page.words),
            address: token_use.origin.address.clone(),
            at: page.time(&span.last_at),
            last_at: span.last_at,
            times,
        }
    }

    fn refused(RecentRefusal { line, obstacle, .. }: RecentRefusal, page: &Page) -> Self {
        let reason = page.t(format!("usage.{}", reason_key(&line.code, line.action, obstacle)));
        Self {
            action: "refused",
            repository: line.repository,
            tag: String::new(),
            digest: String::new(),
            refusal: Some(RefusedUse { reason, code: line.code }),
            client: program(&line.client, page.words),
            address: line.address,
            at: page.time(&line.span.last_at),
            last_at: line.span.last_at,
            times: page.words.count("activity.times", line.span.times),
        }
    }
}

/// A granted request is not a transfer yet, and the words say so.
const fn action_key(what: &TokenUse) -> &'static str {
    match (what.action, what.reference.is_empty()) {
        (UseAction::Pull, true) => "asked_pull",
        (UseAction::Push, true) => "asked_push",
        (UseAction::Delete, true) => "asked_delete",
        (UseAction::Pull, false) => "pulled",
        (UseAction::Push, false) => "pushed",
        (UseAction::Delete, false) => "deleted",
        (UseAction::Login | UseAction::Catalog, _) => what.action.as_str(),
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/detail.html", blocks = ["answer"])]
struct TokenPage {
    page: Page,
    token: TokenView,
    /// Every name and pattern; none for a token that is not limited.
    repository_filter: Vec<String>,
    last: Option<TokenUseView>,
    chart: Chart,
    uses: Vec<TokenUseView>,
    question: CheckQuery,
    answer: Option<CheckAnswer>,
    notice: Option<String>,
}

/// `GET /settings/tokens/{id}`; htmx asks only for the answer of the check.
pub(super) async fn show(
    State(app): State<App>,
    me: SignedIn,
    Id(id): Id,
    Query(question): Query<CheckQuery>,
) -> Result<Response, Error> {
    let mut reader = app.db.read().await?;
    let Some(token) = actions::look_up(&mut reader, &me.account, &id).await? else {
        drop(reader);
        return not_there(&app, me, &[&id]).await;
    };
    let notice = if me.page.is_fragment { None } else { me.take_notice().await? };
    let (now, page) = (me.page.now, me.page);
    let history = usage::history(&mut reader, &token, now).await?;
    let refused = match page.is_fragment {
        true => Vec::new(),
        false => refusals::of_token(&mut reader, &me.account, &id, now).await?,
    };
    let name = repository_of(question.repository.trim(), &app.urls.registry_host);
    let answer = answer(&mut reader, &me.account, &token, name, &question.action, &page).await?;
    drop(reader);
    let last = token.last_use.as_ref().zip(token.last_used_at);
    let mut uses: Vec<TokenUseView> =
        history.uses.iter().map(|(token_use, span)| TokenUseView::new(token_use, *span, &page)).collect();
    uses.extend(refused.into_iter().map(|refused| TokenUseView::refused(refused, &page)));
    uses.sort_by_key(|row| Reverse(row.last_at));
    let shown = TokenPage {
        repository_filter: token.repository_filter.words().into_iter().map(str::to_owned).collect(),
        last: last.map(|(token_use, at)| TokenUseView::new(token_use, Occurrences::once(at), &page)),
        chart: Chart::new(&history.days, now, page.words),
        uses,
        token: TokenView::new(&token, &page),
        question,
        answer,
        notice,
        page,
    };
    if shown.page.is_fragment {
        return Ok(private(shown.as_answer().into_web_template()));
    }
    Ok(private(shown))
}

/// `None` where the form was not sent.
async fn answer(
    connection: &mut impl Connection,
    account: &Account,
    token: &AccessToken,
    name: &str,
    action: &str,
    page: &Page,
) -> Result<Option<CheckAnswer>, Error> {
    let Some(action) = RepositoryAction::parse(action) else { return Ok(None) };
    let Some(name) = RepositoryName::parse(name) else {
        let sentence = page.t1("check.not_a_name", "username", &account.username);
        return Ok(Some(CheckAnswer { class: "error", sentence }));
    };
    let verdict = explain_permission::may(connection, account, token, &name, action, page.now).await?;
    let (class, reason) = match verdict {
        Ok(reason) => ("yes", page.t(allow_key(reason)).into_owned()),
        Err(failure) => ("no", failure_text(failure, page.words)),
    };
    let sentence = page.t(format!("check.{class}_{}", action.as_str())).replace("%{name}", name.as_str());
    Ok(Some(CheckAnswer { class, sentence: sentence.replace("%{reason}", &reason) }))
}

const fn allow_key(reason: AllowReason) -> &'static str {
    match reason {
        AllowReason::Public => "check.because_public",
        AllowReason::Own => "check.because_own",
        AllowReason::Administrators => "check.because_administrators",
        AllowReason::Shared => "check.because_shared",
    }
}

fn failure_text(failure: CheckFailure, words: Words) -> String {
    let key = match failure {
        CheckFailure::AccountDisabled => "check.account_disabled",
        CheckFailure::Expired => "check.expired",
        CheckFailure::Inactive => "check.inactive",
        CheckFailure::DenyReason(DenyReason::Level(needed)) => {
            return words.t1("check.level", "level", words.t(level_key(needed)));
        }
        CheckFailure::DenyReason(DenyReason::OutsideFilter) => "check.not_in_filter",
        // A token is never anonymous.
        CheckFailure::DenyReason(DenyReason::NotShared | DenyReason::Anonymous) => "check.not_shared",
        CheckFailure::DenyReason(DenyReason::SharedPullOnly) => "check.shared_for_pulling",
        CheckFailure::DenyReason(DenyReason::OwnerOnly) => "check.owner_only",
    };
    words.t(key).into_owned()
}
