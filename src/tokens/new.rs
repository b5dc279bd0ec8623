//! `/settings/tokens/new`: generating a token, and the dialog that shows it once.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use dockpass_core::access_level::AccessLevel;
use dockpass_core::activity::ActivityKind;
use dockpass_core::expiry::{Calendar as _, ExpiryChoice, ExpiryProblem, Lifetimes};
use dockpass_core::quota::QuotaExceeded;
use dockpass_core::refusal::SuggestedFix;
use dockpass_core::repository::RepositoryFilter;
use dockpass_core::secret::{Secret, random_base62};
use dockpass_core::token::{TokenFields, TokenTemplate};
use serde::Deserialize;

use super::actions::{self, GenerateOutcome, NewToken};
use super::fields::TokenFieldsForm;
use super::first_use::{FirstUseState, FirstUseView};
use super::list::table::TokenTable;
use super::repository_choices::RepositoryChoices;
use super::return_to::ReturnTo;
use super::rows::{ExpiryOption, full_sentence};
use crate::activity::actions as activity;
use crate::app::App;
use crate::auth::recent_sign_in::RecentSignIn;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::web::extract::Id;
use crate::web::forms::FieldErrors;
use crate::web::i18n::Words;
use crate::web::page::{Page, dialog_or_page, retry_after};

const FORM_KEY_LENGTH: usize = 22;

/// `/settings/tokens/new`, and where its form goes.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/new", get(show)).route("/settings/tokens", post(create))
}

#[derive(Default, Deserialize)]
#[serde(try_from = "Vec<(String, String)>")]
struct NewTokenForm {
    form_key: String,
    expiration: String,
    expiration_date: String,
    fields: TokenFieldsForm,
}

impl TryFrom<Vec<(String, String)>> for NewTokenForm {
    type Error = &'static str;

    fn try_from(posted: Vec<(String, String)>) -> Result<Self, Self::Error> {
        let mut form = Self::default();
        for (name, value) in &posted {
            match name.as_str() {
                "form_key" => form.form_key.clone_from(value),
                "expiration" => form.expiration.clone_from(value),
                "expiration_date" => form.expiration_date.clone_from(value),
                _ => {}
            }
        }
        Ok(Self { fields: posted.try_into()?, ..form })
    }
}

impl NewTokenForm {
    fn empty(lifetimes: Lifetimes, app: &App) -> Self {
        let form_key = random_base62(FORM_KEY_LENGTH, &mut app.rng.generator()).to_string();
        let expiration = lifetimes.preselected().value();
        let fields =
            TokenFieldsForm { permission: AccessLevel::Read.as_str().to_owned(), ..TokenFieldsForm::default() };
        Self { form_key, expiration, fields, ..Self::default() }
    }

    /// The form filled in like another token.
    fn like(self, other: &TokenTemplate, lifetimes: Lifetimes, page: &Page) -> Self {
        let choice = lifetimes.same_length(other.created_at, other.expires_at, page.now, &page.zone);
        let expiration_date = if let ExpiryChoice::Custom(date) = choice { date.to_string() } else { String::new() };
        let TokenFields { description, level, repository_filter } = &other.fields;
        Self {
            fields: TokenFieldsForm::of(description, *level, repository_filter),
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
    form: NewTokenForm,
    choices: RepositoryChoices,
    errors: FieldErrors,
    /// Why no token can be generated now.
    full: Option<String>,
    expirations: Vec<ExpiryOption>,
    first_day: String,
    last_day: String,
    back: ReturnTo,
}

impl NewTokenPage {
    async fn read(app: &App, me: SignedIn, form: NewTokenForm, back: ReturnTo) -> Result<Self, Error> {
        let SignedIn { account, page, .. } = me;
        let lifetimes = app.config.token_lifetimes;
        let reader = &mut app.db.read().await?;
        Ok(Self {
            back,
            choices: RepositoryChoices::read(reader, &account, "", &form.fields.chosen, page.words).await?,
            expirations: ExpiryOption::all(lifetimes, &form.expiration, &page),
            first_day: page.zone.day_of(page.now).to_string(),
            last_day: lifetimes.last_custom_day(page.now, &page.zone).to_string(),
            errors: FieldErrors::default(),
            full: None,
            page,
            form,
        })
    }
}

#[derive(Deserialize)]
struct NewTokenQuery {
    like: Option<String>,
}

async fn show(
    State(app): State<App>,
    me: SignedIn,
    back: ReturnTo,
    Query(query): Query<NewTokenQuery>,
) -> Result<Response, Error> {
    let lifetimes = app.config.token_lifetimes;
    let form = NewTokenForm::empty(lifetimes, &app);
    let form = match query.like {
        None => form,
        Some(id) => {
            let Id(id) = Id::parse(id)?;
            let token = actions::find_like(&mut app.db.read().await?, &me.account, &id).await?;
            form.like(&token, lifetimes, &me.page)
        }
    };
    let quota = app.config.token_limits;
    let used = actions::used(&mut app.db.read().await?, &me.account, me.page.now).await?;
    let full = quota.full(used, me.page.now).map(|exceeded| full_sentence(exceeded, quota, me.page.words));
    Ok(dialog_or_page!(StatusCode::OK, NewTokenPage { full, ..NewTokenPage::read(&app, me, form, back).await? }))
}

#[derive(Template)]
#[template(path = "tokens/created.html", blocks = ["dialog"])]
struct CreatedPage {
    page: Page,
    /// For htmx: the table behind the dialog.
    table: Option<TokenTable>,
    out_of_band: bool,
    description: String,
    secret: Secret,
    registry_host: String,
    username: String,
    /// Whether the registry is tried out over plain HTTP, which podman must be told.
    is_plain_http: bool,
    token_id: String,
    first_use: FirstUseView,
    back: ReturnTo,
}

#[derive(Template)]
#[template(path = "tokens/already_created.html", blocks = ["dialog"])]
struct AlreadyCreatedPage {
    page: Page,
    back: ReturnTo,
}

async fn create(
    State(app): State<App>,
    back: ReturnTo,
    RecentSignIn { me, form, .. }: RecentSignIn<NewTokenForm>,
) -> Result<Response, Error> {
    let now = me.page.now;
    let lifetimes = app.config.token_lifetimes;
    let new = match checked(&app, &me, &form, lifetimes).await? {
        Ok(new) => new,
        Err(errors) => {
            let again = NewTokenPage { errors, ..NewTokenPage::read(&app, me, form, back).await? };
            return Ok(dialog_or_page!(StatusCode::UNPROCESSABLE_ENTITY, again));
        }
    };
    let mut tx = begin_change(&app, &me.account).await?;
    let quota = app.config.token_limits;
    let (token, secret) =
        match actions::generate(&mut tx, &me.account, new, &form.form_key, quota, now, app.rng).await? {
            GenerateOutcome::Generated(token, secret) => (token, secret),
            GenerateOutcome::QuotaExceeded(exceeded) => {
                drop(tx);
                return refuse(&app, me, form, exceeded, back).await;
            }
            GenerateOutcome::AlreadyGenerated => {
                return Ok(dialog_or_page!(StatusCode::CONFLICT, AlreadyCreatedPage { page: me.page, back }));
            }
        };
    let description = token.description.as_str();
    let detail = (description, token.id.as_str());
    activity::record(&mut tx, &me.account, ActivityKind::TokenCreated, detail, &me.origin, now).await?;
    tx.commit().await?;
    let created = CreatedPage {
        table: table(&app, &me, &back).await,
        page: me.page,
        out_of_band: true,
        description: description.to_owned(),
        secret,
        registry_host: app.urls.registry_host.clone(),
        username: me.account.username.to_string(),
        is_plain_http: !app.urls.is_secure,
        first_use: FirstUseView::waiting(&token.id),
        token_id: token.id.clone(),
        back,
    };
    Ok(dialog_or_page!(StatusCode::OK, created))
}

/// The table behind the dialog. Without it the dialog still shows the secret, which nobody can see again.
async fn table(app: &App, me: &SignedIn, back: &ReturnTo) -> Option<TokenTable> {
    if !back.is_list_shown(&me.page) {
        return None;
    }
    let table = TokenTable::read_again(app, me).await;
    table.inspect_err(|error| tracing::error!(%error, "the table of tokens cannot be read")).ok()
}

/// 429 with the form as it was filled in, and with how long to wait.
async fn refuse(
    app: &App,
    me: SignedIn,
    form: NewTokenForm,
    exceeded: QuotaExceeded,
    back: ReturnTo,
) -> Result<Response, Error> {
    let sentence = full_sentence(exceeded, app.config.token_limits, me.page.words);
    let again = NewTokenPage { full: Some(sentence), ..NewTokenPage::read(app, me, form, back).await? };
    let wait = match exceeded {
        QuotaExceeded::Hour(wait) => Some(wait),
        QuotaExceeded::Tokens(wait) => wait,
    };
    Ok(retry_after(dialog_or_page!(StatusCode::TOO_MANY_REQUESTS, again), wait.map(time::Duration::unsigned_abs)))
}

async fn checked(
    app: &App,
    me: &SignedIn,
    form: &NewTokenForm,
    lifetimes: Lifetimes,
) -> Result<Result<NewToken, FieldErrors>, Error> {
    let (page, words) = (&me.page, me.page.words);
    let mut errors = FieldErrors::default();
    let fields = form.fields.checked(app, me, &RepositoryFilter::All, &mut errors).await?;
    let choice = ExpiryChoice::parse(&form.expiration, &form.expiration_date);
    let end = choice.and_then(|choice| lifetimes.end(choice, page.now, &page.zone)).map_err(|problem| {
        let (field, sentence) = expiry_error(problem, words);
        errors.add(field, sentence);
    });
    // Without the key, a form that is posted twice would generate two tokens.
    if form.form_key.len() != FORM_KEY_LENGTH {
        errors.add("form_key", words.t("tokens.form_key_missing"));
    }
    Ok(match (fields, end, errors.is_empty()) {
        (Some(fields), Ok(expires_at), true) => Ok(NewToken { fields, expires_at }),
        _ => Err(errors),
    })
}

fn expiry_error(problem: ExpiryProblem, words: Words) -> (&'static str, String) {
    match problem {
        ExpiryProblem::NotOffered => ("expiration", words.t("expiry.not_offered").into_owned()),
        ExpiryProblem::NoDate => ("expiration_date", words.t("expiry.no_date").into_owned()),
        ExpiryProblem::Past => ("expiration_date", words.t("expiry.past").into_owned()),
        ExpiryProblem::TooLate(last) => ("expiration_date", words.t1("expiry.too_late", "date", words.date(last))),
    }
}
