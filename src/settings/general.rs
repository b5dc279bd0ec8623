//! `/settings`: General.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum_extra::extract::cookie::CookieJar;
use dockpass_core::account::Account;
use serde::Deserialize;

use crate::accounts::actions;
use crate::app::App;
use crate::auth::session::{SignedIn, begin_change};
use crate::error::Error;
use crate::web::cookies::{self, long_lived};
use crate::web::forms::{FieldErrors, PostedForm};
use crate::web::i18n::Words;
use crate::web::page::{Page, private, theme_named};
use crate::web::time::Zone;

/// In characters.
const MAX_DISPLAY_NAME: usize = 60;

pub fn routes() -> Router<App> {
    Router::new().route("/settings", get(show).post(save))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GeneralForm {
    display_name: String,
    language: String,
    theme: String,
    time_zone: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "settings/general.html")]
struct GeneralPage {
    page: Page,
    account: Account,
    form: GeneralForm,
    errors: FieldErrors,
    zones: Vec<String>,
    notice: Option<String>,
}

impl GeneralPage {
    fn new(page: Page, account: Account, form: GeneralForm) -> Self {
        Self { page, account, form, errors: FieldErrors::default(), zones: Zone::names(), notice: None }
    }
}

async fn show(me: SignedIn) -> Result<Response, Error> {
    let notice = me.take_notice().await?;
    let form = GeneralForm {
        display_name: me.account.display_name.clone().unwrap_or_default(),
        language: me.account.language.clone().unwrap_or_default(),
        theme: me.account.theme.clone().unwrap_or_default(),
        time_zone: me.account.time_zone.clone().unwrap_or_default(),
    };
    Ok(private(GeneralPage { notice, ..GeneralPage::new(me.page, me.account, form) }))
}

async fn save(
    State(app): State<App>,
    me: SignedIn,
    PostedForm(form): PostedForm<GeneralForm>,
) -> Result<Response, Error> {
    let mut errors = FieldErrors::default();
    let display_name = form.display_name.trim();
    if display_name.chars().count() > MAX_DISPLAY_NAME || display_name.contains(char::is_control) {
        errors.add("display_name", me.page.t("settings.display_name_long"));
    }
    if !form.language.is_empty() && Words::named(&form.language).is_none() {
        errors.add("language", me.page.t("settings.not_offered"));
    }
    if !form.time_zone.is_empty() && Zone::named(&form.time_zone).is_none() {
        errors.add("time_zone", me.page.t("settings.time_zone_unknown"));
    }
    if !errors.is_empty() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let again = GeneralPage { errors, ..GeneralPage::new(me.page.with_status(status), me.account, form) };
        return Ok(private((status, again)));
    }
    let chosen = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let mut tx = begin_change(&app, &me.account).await?;
    let (name, zone) = (chosen(display_name), chosen(&form.time_zone));
    actions::set_profile(&mut tx, &me.account, name.as_deref(), zone.as_deref()).await?;
    actions::set_language(&mut tx, &me.account, chosen(&form.language).as_deref()).await?;
    actions::set_theme(&mut tx, &me.account, theme_named(&form.theme)).await?;
    tx.commit().await?;
    let words = Words::named(&form.language).unwrap_or(me.page.words);
    me.leave_notice(&words.t("settings.saved")).await?;
    // Without new cookies, an earlier choice in the top bar would win over "browser" and "system" here.
    let language = Words::named(&form.language).map_or("browser", Words::locale);
    let theme = theme_named(&form.theme).unwrap_or("system");
    let jar = CookieJar::new().add(long_lived(cookies::LANGUAGE, language.to_owned(), &app.urls)).add(long_lived(
        cookies::THEME,
        theme.to_owned(),
        &app.urls,
    ));
    Ok((jar, Redirect::to("/settings")).into_response())
}
