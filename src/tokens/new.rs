//! Generating a token, and seeing it once.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::Response,
    routing::{get, post},
};
use dockpass_core::{
    access_level::AccessLevel,
    activity::ActivityKind,
    expiry::{ExpiryChoice, ExpiryProblem, Lifetimes},
    quota::QuotaExceeded,
    refusal::SuggestedFix,
    secret::{Secret, random_base62},
    timestamp::Timestamp,
    token::{TokenFields, TokenTemplate},
};
use serde::Deserialize;

use super::{
    actions::{self, GenerateOutcome, NewToken},
    fields::TokenFieldsForm,
    list::table::Table,
    list_query,
    rows::{ExpiryOption, LevelChoice, full_sentence},
};
use crate::{
    activity::actions as activity,
    app::App,
    auth::{recent_sign_in::RecentSignIn, session::SignedIn},
    error::Error,
    web::{
        extract::Id,
        forms::FieldErrors,
        i18n::Words,
        page::{Page, dialog_or_page},
    },
};

const FORM_KEY_LENGTH: usize = 22;

/// `/settings/tokens/new`, and where its form goes.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/new", get(show)).route("/settings/tokens", post(create))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    form_key: String,
    expiration: String,
    expiration_date: String,
    #[serde(flatten)]
    fields: TokenFieldsForm,
}

impl TokenForm {
    fn empty(lifetimes: Lifetimes, app: &App) -> Self {
        let form_key = random_base62(FORM_KEY_LENGTH, &mut app.rng.generator()).to_string();
        let expiration = lifetimes.preselected().value();
        let fields =
            TokenFieldsForm { permission: AccessLevel::Read.as_str().to_owned(), ..TokenFieldsForm::default() };
        Self { form_key, expiration, fields, ..Self::default() }
    }

    /// Filled in with what another token has; nothing about that one changes.
    fn like(self, other: &TokenTemplate, lifetimes: Lifetimes, now: Timestamp) -> Self {
        let choice = lifetimes.same_length(other.created_at, other.expires_at, now);
        let expiration_date = if let ExpiryChoice::Custom(date) = choice { date.to_string() } else { String::new() };
        let TokenFields { description, level, repository_filter: reach } = &other.fields;
        Self {
            fields: TokenFieldsForm::of(description, *level, reach),
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
            levels: LevelChoice::all(&form.fields.permission),
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

async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    sensitive: RecentSignIn<TokenForm>,
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
        match actions::generate(&mut tx, &me.account, new, &form.form_key, limits, now, app.rng).await? {
            GenerateOutcome::Made(token, secret) => (token, secret),
            GenerateOutcome::QuotaExceeded(full) => return Ok(refuse(me.page, form, lifetimes, full)),
            GenerateOutcome::AlreadyCreated => {
                return Ok(dialog_or_page!(StatusCode::CONFLICT, AlreadyCreatedPage { page: me.page }));
            }
        };
    let named = token.description.as_str();
    activity::record(&mut tx, &me.account, ActivityKind::TokenCreated, named, &origin, now).await?;
    let table = Table::read(&mut tx, &app, &me.account, &me.page, list_query::shown_before(&headers)).await?;
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
fn refuse(page: Page, form: TokenForm, lifetimes: Lifetimes, full: QuotaExceeded) -> Response {
    let sentence = full_sentence(full, page.words);
    let again = NewTokenPage { full: Some(sentence), ..NewTokenPage::new(page, form, lifetimes) };
    let mut response = dialog_or_page!(StatusCode::TOO_MANY_REQUESTS, again);
    let wait = match full {
        QuotaExceeded::Hour(wait) => Some(wait),
        QuotaExceeded::Tokens(wait) => wait,
    };
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.whole_seconds().max(1).into());
    }
    response
}

fn checked(form: &TokenForm, lifetimes: Lifetimes, now: Timestamp, words: Words) -> Result<NewToken, FieldErrors> {
    let mut errors = FieldErrors::default();
    let fields = form.fields.checked(words, &mut errors);
    let choice = ExpiryChoice::parse(&form.expiration, &form.expiration_date);
    let end = choice.and_then(|choice| lifetimes.end(choice, now)).map_err(|problem| {
        let (field, sentence) = expiry_error(problem, words);
        errors.add(field, sentence);
    });
    // A form without its key was not made by this server; without one a repeated post would make two tokens.
    if form.form_key.len() != FORM_KEY_LENGTH {
        errors.add("form_key", words.t("tokens.form_key_missing"));
    }
    match (fields, end, errors.is_empty()) {
        (Some(fields), Ok(expires_at), true) => Ok(NewToken { fields, expires_at }),
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
