//! The table of tokens, and making a new one.

use askama::Template;
use askama_web::WebTemplate;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use serde::Deserialize;

use super::{
    actions::{self, NewToken},
    view::{ExpiryOption, LevelChoice, TokenRow, preselected},
};
use crate::{
    accounts::session::SignedIn,
    core::{
        account::Account,
        expiry::{Choice, ExpiryProblem, Lifetimes},
        level::Level,
        moment::Moment,
        secret::{Secret, random_base62},
        token::{Description, DescriptionProblem},
    },
    error::Error,
    platform::db::Connection,
    state::App,
    web::{
        extract::Now,
        form::{FieldErrors, Posted},
        i18n::Words,
        page::{Page, dialog_or_page, private},
    },
};

const FORM_KEY_LENGTH: usize = 22;

/// `/settings/tokens`, `/settings/tokens/new`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens", get(list).post(create)).route("/settings/tokens/new", get(new))
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/index.html")]
struct TokensPage {
    page: Page,
    rows: Vec<TokenRow>,
    notice: Option<String>,
}

async fn list(State(app): State<App>, me: SignedIn) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let rows = rows(&mut app.db.read().await?, &me.account, &me.page).await?;
    Ok(private(TokensPage { page: me.page, rows, notice }))
}

/// The account's table, newest first.
pub(super) async fn rows(
    connection: &mut impl Connection,
    account: &Account,
    page: &Page,
) -> Result<Vec<TokenRow>, Error> {
    let tokens = actions::list(connection, account).await?;
    Ok(tokens.iter().map(|token| TokenRow::new(token, page.now, page.words)).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenForm {
    form_key: String,
    description: String,
    expiration: String,
    expiration_date: String,
    permission: String,
}

#[derive(Template)]
#[template(path = "tokens/new.html", blocks = ["dialog"])]
struct NewTokenPage {
    page: Page,
    form: TokenForm,
    errors: FieldErrors,
    levels: Vec<LevelChoice>,
    expirations: Vec<ExpiryOption>,
    first_day: String,
    last_day: String,
}

impl NewTokenPage {
    fn new(page: Page, form: TokenForm, errors: FieldErrors, lifetimes: Lifetimes) -> Self {
        Self {
            levels: LevelChoice::all(&form.permission),
            expirations: ExpiryOption::all(lifetimes, &form.expiration, page.now, page.words),
            first_day: page.now.date().to_string(),
            last_day: lifetimes.last_custom_day(page.now).to_string(),
            page,
            form,
            errors,
        }
    }

    fn show(self, status: StatusCode) -> Response {
        dialog_or_page!(status, self)
    }
}

async fn new(State(app): State<App>, me: SignedIn) -> Response {
    let form = TokenForm {
        form_key: random_base62(FORM_KEY_LENGTH, &mut app.entropy.rng()).to_string(),
        expiration: preselected(app.config.token_lifetimes),
        permission: Level::Read.as_str().to_owned(),
        ..TokenForm::default()
    };
    NewTokenPage::new(me.page, form, FieldErrors::default(), app.config.token_lifetimes).show(StatusCode::OK)
}

#[derive(Template)]
#[template(path = "tokens/created.html", blocks = ["dialog"])]
struct CreatedPage {
    page: Page,
    rows: Vec<TokenRow>,
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
    me: SignedIn,
    Now(now): Now,
    Posted(form): Posted<TokenForm>,
) -> Result<Response, Error> {
    let lifetimes = app.config.token_lifetimes;
    let new = match checked(&form, lifetimes, now, me.page.words) {
        Ok(new) => new,
        Err(errors) => {
            return Ok(NewTokenPage::new(me.page, form, errors, lifetimes).show(StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    let mut tx = app.db.write().await?;
    let made = actions::generate(&mut tx, &me.account, new, &form.form_key, now, app.entropy).await?;
    let Some((token, secret)) = made else {
        return Ok(dialog_or_page!(StatusCode::CONFLICT, AlreadyCreatedPage { page: me.page }));
    };
    let rows = rows(&mut tx, &me.account, &me.page).await?;
    tx.commit().await?;
    tracing::info!(account = me.account.username.as_str(), token = token.id, "a token was generated");
    let created = CreatedPage {
        page: me.page,
        rows,
        description: token.description.to_string(),
        secret,
        registry_host: app.urls.registry_host.clone(),
        username: me.account.username.to_string(),
    };
    Ok(dialog_or_page!(StatusCode::OK, created))
}

fn checked(form: &TokenForm, lifetimes: Lifetimes, now: Moment, words: Words) -> Result<NewToken, FieldErrors> {
    let mut errors = FieldErrors::default();
    let description = description(&form.description, words, &mut errors);
    let level = level(&form.permission, words, &mut errors);
    let choice = Choice::parse(&form.expiration, &form.expiration_date);
    let end = choice.and_then(|choice| lifetimes.end(choice, now)).map_err(|problem| {
        let (field, sentence) = expiry_error(problem, words);
        errors.add(field, sentence);
    });
    // A form without its key was not made by this server; without one a repeated post would make two tokens.
    if form.form_key.len() != FORM_KEY_LENGTH {
        errors.add("form_key", words.t("tokens.form_key_missing"));
    }
    match (description, level, end, errors.is_empty()) {
        (Some(description), Some(level), Ok(expires_at), true) => Ok(NewToken { description, level, expires_at }),
        _ => Err(errors),
    }
}

/// Reads a description, or notes the sentence beside its field.
pub(super) fn description(text: &str, words: Words, errors: &mut FieldErrors) -> Option<Description> {
    let problem = match Description::parse(text) {
        Ok(description) => return Some(description),
        Err(problem) => problem,
    };
    errors.add(
        "description",
        match problem {
            DescriptionProblem::Missing => words.t("tokens.description_missing"),
            DescriptionProblem::Long => words.t("tokens.description_long"),
        },
    );
    None
}

/// Reads a level, or notes the sentence beside its field.
pub(super) fn level(text: &str, words: Words, errors: &mut FieldErrors) -> Option<Level> {
    let level = Level::parse(text);
    if level.is_none() {
        errors.add("permission", words.t("tokens.permission_missing"));
    }
    level
}

fn expiry_error(problem: ExpiryProblem, words: Words) -> (&'static str, String) {
    match problem {
        ExpiryProblem::NotOffered => ("expiration", words.t("expiry.not_offered").into_owned()),
        ExpiryProblem::NoDate => ("expiration_date", words.t("expiry.no_date").into_owned()),
        ExpiryProblem::Past => ("expiration_date", words.t("expiry.past").into_owned()),
        ExpiryProblem::TooLate(last) => ("expiration_date", words.t1("expiry.too_late", "date", words.date(last))),
    }
}
