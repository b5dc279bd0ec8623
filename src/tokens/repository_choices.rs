//! `/settings/tokens/repositories`: the list in which the repositories of a limited token are ticked.

use askama::Template;
use askama_web::WebTemplate;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Redirect, Response};
use axum::routing::get;
use dockpass_core::account::Account;
use dockpass_core::repository::MAX_PATTERNS;

use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::platform::database::Connection;
use crate::repositories::actions as repositories;
use crate::web::i18n::Words;
use crate::web::page::{Page, private};

/// How many repositories the list shows at once. The others are found by searching.
const SHOWN: usize = 50;

pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens/repositories", get(search))
}

/// Repositories of an account and those shared with it, without the ones that are ticked already.
pub(super) struct RepositoryChoices {
    pub names: Vec<String>,
    /// How many there are, or that none matches; empty where the list shows all.
    pub found: String,
}

impl RepositoryChoices {
    /// Reads those whose names contain `text`.
    pub async fn read(
        connection: &mut impl Connection,
        account: &Account,
        text: &str,
        chosen: &[String],
        words: Words,
    ) -> Result<Self, Error> {
        let most = SHOWN + chosen.len();
        let (mut names, count) = repositories::usable_names(connection, account, text, most).await?;
        names.retain(|name| !chosen.contains(name));
        let is_cut = count > most as i64 || names.len() > SHOWN;
        names.truncate(SHOWN);
        let found = match count {
            0 if !text.is_empty() => words.t("repository_filter.none_found").into_owned(),
            count if is_cut => {
                words.t1("repository_filter.first", "shown", names.len()).replace("%{count}", &count.to_string())
            }
            count if !text.is_empty() => words.count("repository_filter.found", count),
            _ => String::new(),
        };
        Ok(Self { names, found })
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "tokens/repository_choices.html")]
struct RepositoryChoicesPart {
    choices: RepositoryChoices,
}

/// What is typed (`text`), and the names that are ticked (`repository`).
async fn search(
    State(app): State<App>,
    me: SignedIn,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let Page { words, is_fragment, .. } = me.page;
    if !is_fragment {
        return Ok(private(Redirect::to("/settings/tokens/new")));
    }
    let text = query.iter().find(|(name, _)| name == "text").map_or("", |(_, text)| text.trim());
    let ticked = query.iter().filter(|(name, _)| name == "repository");
    let chosen: Vec<String> = ticked.map(|(_, name)| name.clone()).take(MAX_PATTERNS).collect();
    let reader = &mut app.db.read().await?;
    let choices = RepositoryChoices::read(reader, &me.account, text, &chosen, words).await?;
    Ok(private(RepositoryChoicesPart { choices }))
}
