//! The fields that a new token's form and the form of an edit share.

use dockpass_core::{
    access_level::AccessLevel,
    repository::{FilterProblem, MAX_PATTERNS, RepositoryFilter},
    token::{Description, DescriptionProblem, TokenFields},
};
use serde::Deserialize;

use crate::web::{forms::FieldErrors, i18n::Words};

/// The value of the radio button that limits a token to the repositories that are named.
const NAMED: &str = "named";
/// The value of the other one.
const ALL: &str = "all";

/// Description, level and repositories as they were typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenFieldsForm {
    pub description: String,
    pub permission: String,
    /// `all` or `named`; a form without it means all.
    pub reach: String,
    /// Names and patterns; looked at only where `reach` is `named`.
    pub repositories: String,
}

impl TokenFieldsForm {
    /// Filled in with what a token has.
    pub fn of(description: &Description, level: AccessLevel, reach: &RepositoryFilter) -> Self {
        Self {
            description: description.to_string(),
            permission: level.as_str().to_owned(),
            reach: if *reach == RepositoryFilter::All { String::new() } else { NAMED.to_owned() },
            repositories: reach.words().join("\n"),
        }
    }

    /// Whether the token is to be limited.
    pub fn is_named(&self) -> bool {
        self.reach == NAMED
    }

    /// What was settled, or the sentences beside the fields.
    pub fn checked(&self, words: Words, errors: &mut FieldErrors) -> Option<TokenFields> {
        let description = description(&self.description, words, errors);
        let level = AccessLevel::parse(&self.permission);
        if level.is_none() {
            errors.add("permission", words.t("tokens.permission_missing"));
        }
        let reach = self.reach(words, errors);
        Some(TokenFields { description: description?, level: level?, repository_filter: reach? })
    }

    fn reach(&self, words: Words, errors: &mut FieldErrors) -> Option<RepositoryFilter> {
        // Only who says so, or names nothing at all, means all: a token never reaches further than was asked.
        if self.reach == ALL || (self.reach.is_empty() && self.repositories.trim().is_empty()) {
            return Some(RepositoryFilter::All);
        }
        let problem = match RepositoryFilter::parse(&self.repositories) {
            Ok(reach) => return Some(reach),
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
