//! The fields that the forms for new tokens and for editing share.

use dockpass_core::access_level::AccessLevel;
use dockpass_core::image_name::repository_of;
use dockpass_core::repository::{FilterProblem, MAX_PATTERNS, RepositoryFilter};
use dockpass_core::token::{Description, DescriptionProblem, TokenFields};
use serde::Deserialize;

use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::repositories::actions as repositories;
use crate::web::forms::{FieldErrors, refuse_repeated};
use crate::web::i18n::Words;

/// The radio button that limits a token to the named repositories.
const NAMED: &str = "named";
const ALL: &str = "all";

/// Description, level and repositories as they were typed.
#[derive(Default, Deserialize)]
#[serde(try_from = "Vec<(String, String)>")]
pub(super) struct TokenFieldsForm {
    pub description: String,
    pub permission: String,
    /// `all` or `named`; a form without it means all.
    pub filter: String,
    /// The repositories that are ticked in the list, for `named`.
    pub chosen: Vec<String>,
    /// Names and patterns that were typed, for `named`.
    pub repositories: String,
    /// The ticked and the typed names with which the form came back once, because some match nothing.
    pub warned: Option<String>,
}

impl TryFrom<Vec<(String, String)>> for TokenFieldsForm {
    type Error = &'static str;

    fn try_from(posted: Vec<(String, String)>) -> Result<Self, Self::Error> {
        refuse_repeated(&posted, "repository")?;
        let mut form = Self::default();
        for (name, value) in posted {
            match name.as_str() {
                "description" => form.description = value,
                "permission" => form.permission = value,
                "reach" => form.filter = value,
                "repository" => form.chosen.push(value),
                "repositories" => form.repositories = value,
                "warned" => form.warned = Some(value),
                _ => {}
            }
        }
        Ok(form)
    }
}

impl TokenFieldsForm {
    /// Names are ticked in the list, and patterns are in the text below it.
    pub fn of(description: &Description, level: AccessLevel, repository_filter: &RepositoryFilter) -> Self {
        let (patterns, names): (Vec<&str>, Vec<&str>) =
            repository_filter.words().into_iter().partition(|word| word.contains('*'));
        Self {
            description: description.to_string(),
            permission: level.as_str().to_owned(),
            filter: if *repository_filter == RepositoryFilter::All { String::new() } else { NAMED.to_owned() },
            chosen: names.into_iter().map(str::to_owned).collect(),
            repositories: patterns.join("\n"),
            warned: None,
        }
    }

    /// All names and patterns, as the hidden field `warned` repeats them.
    pub fn names(&self) -> String {
        let typed = self.repositories.split_whitespace();
        self.chosen.iter().map(String::as_str).chain(typed).collect::<Vec<_>>().join(" ")
    }

    pub fn is_named(&self) -> bool {
        self.filter == NAMED
    }

    /// The checked fields; where one is wrong, adds what is wrong with it. Names that match nothing are refused once, in
    /// case they are mistyped, unless they are in the filter `before`: the owner may expect a share.
    pub async fn checked(
        &self,
        app: &App,
        me: &SignedIn,
        before: &RepositoryFilter,
        errors: &mut FieldErrors,
    ) -> Result<Option<TokenFields>, Error> {
        let words = me.page.words;
        let description = description(&self.description, words, errors);
        let level = AccessLevel::parse(&self.permission);
        if level.is_none() {
            errors.add("permission", words.t("tokens.permission_missing"));
        }
        let filter = self.repository_filter(app, me, errors);
        if let Some(filter) = &filter
            && self.warned.as_deref() != Some(self.names().as_str())
        {
            let mut unused = repositories::out_of_reach(&mut app.db.read().await?, &me.account, filter).await?;
            unused.retain(|name| !before.words().contains(&name.as_str()));
            if !unused.is_empty() {
                let sentence = words.t1("repository_filter.unused", "username", &me.account.username);
                errors.add("unused", sentence.replace("%{names}", &unused.join(", ")));
            }
        }
        Ok(match (description, level, filter, errors.of("unused")) {
            (Some(description), Some(level), Some(repository_filter), None) => {
                Some(TokenFields { description, level, repository_filter })
            }
            _ => None,
        })
    }

    fn repository_filter(&self, app: &App, me: &SignedIn, errors: &mut FieldErrors) -> Option<RepositoryFilter> {
        let words = me.page.words;
        // Repositories without a radio button limit the token: it must never reach further than the form says.
        let is_empty = self.chosen.is_empty() && self.repositories.trim().is_empty();
        if self.filter == ALL || (self.filter.is_empty() && is_empty) {
            return Some(RepositoryFilter::All);
        }
        let typed = self.repositories.split(|c: char| c.is_whitespace() || c == ',');
        let images = self.chosen.iter().map(String::as_str).chain(typed);
        let names: Vec<&str> = images.map(|image| repository_of(image, &app.urls.registry_host)).collect();
        let problem = match RepositoryFilter::parse(&names.join("\n")) {
            Ok(filter) => return Some(filter),
            Err(problem) => problem,
        };
        let sentence = match problem {
            FilterProblem::Empty => words.t("repository_filter.empty").into_owned(),
            FilterProblem::TooMany => words.t1("repository_filter.too_many", "most", MAX_PATTERNS),
            FilterProblem::NotAName(name) => {
                words.t1("repository_filter.not_a_name", "username", &me.account.username).replace("%{name}", &name)
            }
        };
        errors.add("repositories", sentence);
        None
    }
}

fn description(text: &str, words: Words, errors: &mut FieldErrors) -> Option<Description> {
    let problem = match Description::parse(text) {
        Ok(description) => return Some(description),
        Err(problem) => problem,
    };
    let key = match problem {
        DescriptionProblem::Missing => "tokens.description_missing",
        DescriptionProblem::Long => "tokens.description_long",
    };
    errors.add("description", words.t(key));
    None
}
