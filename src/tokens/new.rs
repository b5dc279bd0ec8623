//! Generating a token, and seeing it once.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::Response,
    routing::get,
};
use serde::Deserialize;

use super::{
    actions::{self, Generated, NewToken},
    address,
    pages::Table,
    settled::SettledForm,
    view::{ExpiryOption, LevelChoice, full_sentence},
};
use crate::{
    accounts::{fresh::Sensitive, session::SignedIn},
    activity::actions as activity,
    core::{
        activity::Kind,
        expiry::{Choice, ExpiryProblem, Lifetimes},
        level::Level,
        moment::Moment,
        quota::Full,
        remedy::Remedy,
        secret::{Secret, random_base62},
        token::{Like, Settled},
    },
    error::Error,
    state::App,
    web::{
        extract::Id,
        form::FieldErrors,
        i18n::Words,
        page::{Page, dialog_or_page},
    },
};

const FORM_KEY_LENGTH: usize = 22;

/// `/settings/tokens/new`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/new", get(show))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    form_key: String,
    expiration: String,
    expiration_date: String,
    #[serde(flatten)]
    settled: SettledForm,
}

impl TokenForm {
    fn empty(lifetimes: Lifetimes, app: &App) -> Self {
        let form_key = random_base62(FORM_KEY_LENGTH, &mut app.entropy.rng()).to_string();
        let expiration = lifetimes.preselected().value();
        let settled = SettledForm { permission: Level::Read.as_str().to_owned(), ..SettledForm::default() };
        Self { form_key, expiration, settled, ..Self::default() }
    }

    /// Filled in with what another token has; nothing about that one changes.
    fn like(self, other: &Like, lifetimes: Lifetimes, now: Moment) -> Self {
        let choice = lifetimes.same_length(other.created_at, other.expires_at, now);
        let expiration_date = if let Choice::Custom(date) = choice { date.to_string() } else { String::new() };
        let Settled { description, level, reach } = &other.settled;
        Self {
            settled: SettledForm::of(description, *level, reach),
            expiration: choice.value(),
            expiration_date,
            ..self
        }
    }
}

#[derive(Template)]
#[template(path = "tokens/new.html", blocks = ["dialog"])]
struct NewTokenPage {
    page: Page,
    form: TokenForm,
    errors: FieldErrors,
    /// Why no token can be made now.
    full: Option<String>,
    levels: Vec<LevelChoice>,
    expirations: Vec<ExpiryOption>,
    first_day: String,
    last_day: String,
}

impl NewTokenPage {
    fn new(page: Page, form: TokenForm, lifetimes: Lifetimes) -> Self {
        Self {
            levels: LevelChoice::all(&form.settled.permission),
            expirations: ExpiryOption::all(lifetimes, &form.expiration, page.now, page.words),
            first_day: page.now.date().to_string(),
            last_day: lifetimes.last_custom_day(page.now).to_string(),
            errors: FieldErrors::default(),
            full: None,
            page,
            form,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LikeQuery {
    like: Option<String>,
}

async fn show(State(app): State<App>, me: SignedIn, Query(query): Query<LikeQuery>) -> Result<Response, Error> {
    let lifetimes = app.config.token_lifetimes;
    let form = TokenForm::empty(lifetimes, &app);
    let form = match query.like {
        None => form,
        Some(id) => {
            let Id(id) = Id::parse(id)?;
            let token = actions::find_like(&mut app.db.read().await?, &me.account, &id).await?;
            form.like(&token, lifetimes, me.page.now)
        }
    };
    Ok(dialog_or_page!(StatusCode::OK, NewTokenPage::new(me.page, form, lifetimes)))
}

#[derive(Template)]
#[template(path = "tokens/created.html", blocks = ["dialog"])]
struct CreatedPage {
    page: Page,
    table: Table,
    out_of_band: bool,
    description: String,
    secret: Secret,
    registry_host: String,
    username: String,
}

#[derive(Template)]
#[template(path = "tokens/already_created.html", blocks = ["dialog"])]
struct AlreadyCreatedPage {
    page: Page,
}

pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    sensitive: Sensitive<TokenForm>,
) -> Result<Response, Error> {
    let (me, origin, form) = match sensitive.fresh().await? {
        Ok(parts) => parts,
        Err(question) => return Ok(question),
    };
    let now = me.page.now;
    let lifetimes = app.config.token_lifetimes;
    let new = match checked(&form, lifetimes, now, me.page.words) {
        Ok(new) => new,
        Err(errors) => {
            let again = NewTokenPage { errors, ..NewTokenPage::new(me.page, form, lifetimes) };
            return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, again));
        }
    };
    let mut tx = app.db.write().await?;
    let limits = app.config.token_limits;
    let (token, secret) =
        match actions::generate(&mut tx, &me.account, new, &form.form_key, limits, now, app.entropy).await? {
            Generated::Made(token, secret) => (token, secret),
            Generated::Full(full) => return Ok(refuse(me.page, form, lifetimes, full)),
            Generated::AlreadyCreated => {
                return Ok(dialog_or_page!(StatusCode::CONFLICT, AlreadyCreatedPage { page: me.page }));
            }
        };
    let named = token.description.as_str();
    activity::record(&mut tx, &me.account, Kind::TokenCreated, named, &origin, now).await?;
    let table = Table::read(&mut tx, &app, &me.account, &me.page, address::shown_before(&headers)).await?;
    tx.commit().await?;
    tracing::info!(account = me.account.username.as_str(), token = token.id, "a token was generated");
    let created = CreatedPage {
        page: me.page,
        table,
        out_of_band: true,
        description: token.description.to_string(),
        secret,
        registry_host: app.urls.registry_host.clone(),
        username: me.account.username.to_string(),
    };
    Ok(dialog_or_page!(StatusCode::OK, created))
}

/// 429 with the form as it was filled in, and the wait in words and in `Retry-After` (RFC 9110 section 10.2.3).
fn refuse(page: Page, form: TokenForm, lifetimes: Lifetimes, full: Full) -> Response {
    let sentence = full_sentence(full, page.words);
    let again = NewTokenPage { full: Some(sentence), ..NewTokenPage::new(page, form, lifetimes) };
    let mut response = dialog_or_page!(StatusCode::TOO_MANY_REQUESTS, again);
    let wait = match full {
        Full::Hour(wait) => Some(wait),
        Full::Tokens(wait) => wait,
    };
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.whole_seconds().max(1).into());
    }
    response
}

fn checked(form: &TokenForm, lifetimes: Lifetimes, now: Moment, words: Words) -> Result<NewToken, FieldErrors> {
    let mut errors = FieldErrors::default();
    let settled = form.settled.checked(words, &mut errors);
    let choice = Choice::parse(&form.expiration, &form.expiration_date);
    let end = choice.and_then(|choice| lifetimes.end(choice, now)).map_err(|problem| {
        let (field, sentence) = expiry_error(problem, words);
        errors.add(field, sentence);
    });
    // A form without its key was not made by this server; without one a repeated post would make two tokens.
    if form.form_key.len() != FORM_KEY_LENGTH {
        errors.add("form_key", words.t("tokens.form_key_missing"));
    }
    match (settled, end, errors.is_empty()) {
        (Some(settled), Ok(expires_at), true) => Ok(NewToken { settled, expires_at }),
        _ => Err(errors),
    }
}

fn expiry_error(problem: ExpiryProblem, words: Words) -> (&'static str, String) {
    match problem {
        ExpiryProblem::NotOffered => ("expiration", words.t("expiry.not_offered").into_owned()),
        ExpiryProblem::NoDate => ("expiration_date", words.t("expiry.no_date").into_owned()),
        ExpiryProblem::Past => ("expiration_date", words.t("expiry.past").into_owned()),
        ExpiryProblem::TooLate(last) => ("expiration_date", words.t1("expiry.too_late", "date", words.date(last))),
    }
}
