//! The page of one token: what it is, what it did, what it can do.

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::{
    extract::{Query, State},
    response::Response,
};
use dockpass_core::{
    access_level::RepositoryAction,
    account::Account,
    permission::{AllowReason, DenyReason},
    repository::RepositoryName,
    token::AccessToken,
    usage::{Occurrences, TokenUse, UseAction},
};
use serde::Deserialize;

use super::{
    actions,
    chart::Chart,
    check::{self as tester, CheckFailure},
    rows::{TokenView, level_key, program},
    usage::actions as uses,
};
use crate::{
    app::App,
    auth::session::SignedIn,
    error::Error,
    platform::database::Connection,
    web::{
        extract::Id,
        i18n::Words,
        page::{Page, private},
        time::TimeView,
    },
};

/// What is asked of the tester.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CheckForm {
    repository: String,
    action: String,
}

/// What the tester says.
#[derive(Debug)]
struct CheckAnswer {
    /// `yes`, `no` or `error`, for the stylesheet.
    class: &'static str,
    sentence: String,
}

/// A line of the latest uses.
#[derive(Debug)]
struct UseLine {
    /// The key of its words, below `uses`.
    action: &'static str,
    repository: String,
    /// A tag or a digest; empty for a request.
    moved: String,
    client: String,
    address: String,
    at: TimeView,
    /// "3", and "3 requests" where nothing was transferred.
    times: String,
}

impl UseLine {
    fn new(what: &TokenUse, span: Occurrences, page: &Page) -> Self {
        let action = action_key(what);
        let is_asked = action.starts_with("asked_");
        let times = if is_asked { page.words.count("uses.requests", span.times) } else { span.times.to_string() };
        Self {
            action,
            repository: what.repository.clone(),
            moved: what.reference.clone(),
            client: program(&what.origin.client, page.words),
            address: what.origin.address.clone(),
            at: page.time(&span.last_at),
            times,
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
    /// Every name and pattern; none where the token reaches all.
    reach: Vec<String>,
    last: Option<UseLine>,
    chart: Chart,
    uses: Vec<UseLine>,
    question: CheckForm,
    answer: Option<CheckAnswer>,
}

/// `GET /settings/tokens/{id}`; htmx asks it for the tester's answer alone.
pub(super) async fn show(
    State(app): State<App>,
    me: SignedIn,
    Id(id): Id,
    Query(question): Query<CheckForm>,
) -> Result<Response, Error> {
    let (now, page) = (me.page.now, me.page);
    let mut reader = app.db.read().await?;
    let token = actions::find(&mut reader, &me.account, &id).await?;
    let history = uses::history(&mut reader, &token, now).await?;
    let answer = answer(&mut reader, &me.account, &token, &question, &page).await?;
    drop(reader);
    let last = token.last_use.as_ref().zip(token.last_used_at);
    let shown = TokenPage {
        reach: token.reach.words().into_iter().map(str::to_owned).collect(),
        last: last.map(|(what, at)| UseLine::new(what, Occurrences::once(at), &page)),
        chart: Chart::new(&history.days, now, page.words),
        uses: history.uses.iter().map(|(what, span)| UseLine::new(what, *span, &page)).collect(),
        token: TokenView::new(&token, now, page.words, &page.zone),
        question,
        answer,
        page,
    };
    if shown.page.is_fragment {
        return Ok(private(shown.as_answer().into_web_template()));
    }
    Ok(private(shown))
}

/// Nothing where nothing was asked.
async fn answer(
    connection: &mut impl Connection,
    account: &Account,
    token: &AccessToken,
    question: &CheckForm,
    page: &Page,
) -> Result<Option<CheckAnswer>, Error> {
    let Some(action) = RepositoryAction::parse(&question.action) else { return Ok(None) };
    let Some(name) = RepositoryName::parse(question.repository.trim()) else {
        return Ok(Some(CheckAnswer { class: "error", sentence: page.t("tester.not_a_name").into_owned() }));
    };
    let verdict = tester::may(connection, account, token, &name, action, page.now).await?;
    let (class, reason) = match verdict {
        Ok(grounds) => ("yes", page.t(grounds_key(grounds)).into_owned()),
        Err(hindrance) => ("no", hindrance_in_words(hindrance, page.words)),
    };
    let said = page.t(format!("tester.{class}_{}", action.as_str())).replace("%{name}", name.as_str());
    Ok(Some(CheckAnswer { class, sentence: said.replace("%{reason}", &reason) }))
}

const fn grounds_key(grounds: AllowReason) -> &'static str {
    match grounds {
        AllowReason::Public => "tester.because_public",
        AllowReason::Own => "tester.because_own",
        AllowReason::Administrators => "tester.because_administrators",
        AllowReason::Shared => "tester.because_shared",
    }
}

fn hindrance_in_words(hindrance: CheckFailure, words: Words) -> String {
    let key = match hindrance {
        CheckFailure::AccountDisabled => "tester.account_disabled",
        CheckFailure::Expired => "tester.expired",
        CheckFailure::Inactive => "tester.inactive",
        CheckFailure::DenyReason(DenyReason::Level(needed)) => {
            return words.t1("tester.level", "level", words.t(level_key(needed)));
        }
        CheckFailure::DenyReason(DenyReason::OutOfReach) => "tester.out_of_reach",
        // A token is always someone's.
        CheckFailure::DenyReason(DenyReason::NotShared | DenyReason::Anonymous) => "tester.not_shared",
        CheckFailure::DenyReason(DenyReason::SharedForPulling) => "tester.shared_for_pulling",
        CheckFailure::DenyReason(DenyReason::OwnersAlone) => "tester.owners_alone",
    };
    words.t(key).into_owned()
}
