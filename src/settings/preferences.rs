//! `POST /preferences`: language and theme, from the top bar of every page.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use crate::accounts::actions;
use crate::app::App;
use crate::auth::session::{AnySession, begin_change};
use crate::error::Error;
use crate::web::cookies::{self, long_lived};
use crate::web::forms::{PostedForm, local_path};
use crate::web::i18n::Words;
use crate::web::page::theme_named;

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
    let language = form.language.as_deref().map(|name| Words::named(name).ok_or(Error::Invalid)).transpose()?;
    let theme = form.theme.as_deref().map(theme_named);
    if let Some(account) = session.account(&app).await? {
        let mut tx = begin_change(&app, &account).await?;
        if let Some(words) = language {
            actions::set_language(&mut tx, &account, Some(words.locale())).await?;
        }
        if let Some(theme) = theme {
            actions::set_theme(&mut tx, &account, theme).await?;
        }
        tx.commit().await?;
    }
    let mut jar = CookieJar::new();
    if let Some(words) = language {
        jar = jar.add(long_lived(cookies::LANGUAGE, words.locale().to_owned(), &app.urls));
    }
    if let Some(theme) = theme {
        jar = jar.add(long_lived(cookies::THEME, theme.unwrap_or("system").to_owned(), &app.urls));
    }
    Ok((jar, Redirect::to(local_path(&form.back, "/"))).into_response())
}
