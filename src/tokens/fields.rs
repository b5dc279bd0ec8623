//! The fields that the forms for new tokens and for editing share.

use dockpass_core::access_level::AccessLevel;
use dockpass_core::repository::{FilterProblem, MAX_PATTERNS, RepositoryFilter};
use dockpass_core::token::{Description, DescriptionProblem, TokenFields};
use serde::Deserialize;

use crate::web::forms::FieldErrors;
use crate::web::i18n::Words;

/// The radio button that limits a token to the named repositories.
const NAMED: &str = "named";
const ALL: &str = "all";

/// Description, level and repositories as they were typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenFieldsForm {
    pub description: String,
    pub permission: String,
    /// `all` or `named`; a form without it means all.
    #[serde(rename = "reach")]
    pub filter: String,
    /// Names and patterns, for `named`.
    pub repositories: String,
}

impl TokenFieldsForm {
    pub fn of(description: &Description, level: AccessLevel, repository_filter: &RepositoryFilter) -> Self {
        Self {
            description: description.to_string(),
            permission: level.as_str().to_owned(),
            filter: if *repository_filter == RepositoryFilter::All { String::new() } else { NAMED.to_owned() },
            repositories: repository_filter.words().join("\n"),
        }
    }

    pub fn is_named(&self) -> bool {
        self.filter == NAMED
    }

    /// The checked fields; where one is wrong, adds what is wrong with it.
    pub fn checked(&self, words: Words, errors: &mut FieldErrors) -> Option<TokenFields> {
        let description = description(&self.description, words, errors);
        let level = AccessLevel::parse(&self.permission);
        if level.is_none() {
            errors.add("permission", words.t("tokens.permission_missing"));
        }
        let repository_filter = self.repository_filter(words, errors);
        Some(TokenFields { description: description?, level: level?, repository_filter: repository_filter? })
    }

    fn repository_filter(&self, words: Words, errors: &mut FieldErrors) -> Option<RepositoryFilter> {
        // Repositories without a radio button limit the token: it must never reach further than the form says.
        if self.filter == ALL || (self.filter.is_empty() && self.repositories.trim().is_empty()) {
            return Some(RepositoryFilter::All);
        }
        let problem = match RepositoryFilter::parse(&self.repositories) {
            Ok(filter) => return Some(filter),
            Err(problem) => problem,
        };
        let sentence = match problem {
            FilterProblem::Empty => words.t("repository_filter.empty").into_owned(),
            FilterProblem::TooMany => words.t1("repository_filter.too_many", "most", MAX_PATTERNS),
            FilterProblem::NotAName(name) => words.t1("repository_filter.not_a_name", "name", name),
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
