//! Language and theme, chosen from the top bar of every page.

use axum::{
    Router,
    extract::State,
    http::header::SET_COOKIE,
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::post,
};
use serde::Deserialize;

use crate::{
    accounts::actions,
    app::App,
    auth::session::AnySession,
    error::Error,
    web::{
        cookies::long_lived,
        forms::{PostedForm, local_path},
        i18n::Words,
        page::{LANGUAGE_COOKIE, THEME_COOKIE, theme_named},
    },
};

/// `POST /preferences`.
pub fn routes() -> Router<App> {
    Router::new().route("/preferences", post(choose))
}

#[derive(Debug, Deserialize)]
struct PreferencesForm {
    language: Option<String>,
    theme: Option<String>,
    #[serde(default)]
    back: String,
}

async fn choose(
    State(app): State<App>,
    session: AnySession,
    PostedForm(form): PostedForm<PreferencesForm>,
) -> Result<Response, Error> {
    let account = session.account(&app).await?;
    let language = form.language.as_deref().map(|name| Words::named(name).ok_or(Error::Invalid)).transpose()?;
    let theme = form.theme.as_deref().map(theme_named);
    let mut cookies = Vec::new();
    let mut tx = app.db.write().await?;
    if let Some(words) = language {
        cookies.push((SET_COOKIE, long_lived(LANGUAGE_COOKIE, words.locale(), app.urls.is_secure)));
        if let Some(account) = &account {
            actions::choose_language(&mut tx, account, Some(words.locale())).await?;
        }
    }
    if let Some(theme) = theme {
        cookies.push((SET_COOKIE, long_lived(THEME_COOKIE, theme.unwrap_or("system"), app.urls.is_secure)));
        if let Some(account) = &account {
            actions::choose_theme(&mut tx, account, theme).await?;
        }
    }
    tx.commit().await?;
    Ok((AppendHeaders(cookies), Redirect::to(local_path(&form.back, "/"))).into_response())
}
