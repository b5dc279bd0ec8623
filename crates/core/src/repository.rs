//! The names of repositories, and the filter that limits a token to some of them.

use std::fmt;

/// The longest name that distribution accepts, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// How many names or patterns a token can be limited to.
pub const MAX_PATTERNS: usize = 500;

/// A repository's name in distribution's reference grammar, without a host: `alice/api`, `team/tools/lint` or `app`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Reads a name. `None` if it is not valid, such as `alice/../bob/app`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = text.len() <= MAX_NAME_BYTES && text.split('/').all(is_component);
        is_name.then(|| Self(text.to_owned()))
    }

    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component, which is the owner's name if an account has that name.
    pub fn namespace(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Whether it belongs to this account: `alice/api` and `alice/team/api` belong to alice, `alice` does not.
    pub fn is_of(&self, username: &str) -> bool {
        self.0.strip_prefix(username).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `[a-z0-9]+` separated by `.`, `_`, `__` or any number of `-` (distribution's path-component).
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|byte| byte == b'-');
    text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
        && text.split(is_alphanumeric).all(is_separator)
}

/// A repository's name in which `*` matches any characters, including slashes: `alice/*` matches every repository of
/// alice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    fn parse(text: &str) -> Option<Self> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/*".contains(c);
        let is_pattern = text.len() <= MAX_NAME_BYTES
            && text.chars().all(is_allowed)
            && (text.contains('*') || RepositoryName::parse(text).is_some())
            && text.split('/').all(|component| !component.is_empty());
        is_pattern.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component, where it has no star.
    pub fn namespace(&self) -> Option<&str> {
        self.0.split('/').next().filter(|first| !first.contains('*'))
    }

    /// Whether it can match a repository of this account.
    pub fn can_match_of(&self, username: &str) -> bool {
        let own = format!("{username}/");
        match self.0.split_once('*') {
            Some((start, _)) => start.starts_with(&own) || own.starts_with(start),
            None => self.0.starts_with(&own),
        }
    }

    /// Finds the parts between the stars in their order, each at its first possible place. That takes one pass over the
    /// text, however many stars there are.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }
}

/// The repositories that a token is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RepositoryFilter {
    #[default]
    All,
    /// The repositories that match one of these patterns. There is at least one.
    Named(Vec<NamePattern>),
}

/// Why a list of repositories is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterProblem {
    Empty,
    TooMany,
    NotAName(String),
}

impl RepositoryFilter {
    pub fn parse(text: &str) -> Result<Self, FilterProblem> {
        let mut patterns: Vec<NamePattern> = Vec::new();
        for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
            let not_a_name = || FilterProblem::NotAName(word.chars().take(100).collect());
            let pattern = NamePattern::parse(word).ok_or_else(not_a_name)?;
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
            if patterns.len() > MAX_PATTERNS {
                return Err(FilterProblem::TooMany);
            }
        }
        if patterns.is_empty() { Err(FilterProblem::Empty) } else { Ok(RepositoryFilter::Named(patterns)) }
    }

    pub fn from_stored(text: Option<String>) -> Self {
        text.map_or(RepositoryFilter::All, |text| {
            RepositoryFilter::Named(text.lines().map(|line| NamePattern(line.to_owned())).collect())
        })
    }

    /// The text for the database: a line for each pattern, or `None` for all repositories.
    pub fn to_stored(&self) -> Option<String> {
        match self {
            RepositoryFilter::All => None,
            RepositoryFilter::Named(_) => Some(self.words().join("\n")),
        }
    }

    /// Empty if all repositories are included.
    pub fn patterns(&self) -> &[NamePattern] {
        match self {
            RepositoryFilter::All => &[],
            RepositoryFilter::Named(patterns) => patterns,
        }
    }

    /// The names and patterns. Empty if all repositories are included.
    pub fn words(&self) -> Vec<&str> {
        match self {
            RepositoryFilter::All => Vec::new(),
            RepositoryFilter::Named(patterns) => patterns.iter().map(|pattern| pattern.0.as_str()).collect(),
        }
    }

    pub fn includes(&self, name: &RepositoryName) -> bool {
        match self {
            RepositoryFilter::All => true,
            RepositoryFilter::Named(patterns) => patterns.iter().any(|pattern| pattern.matches(name.as_str())),
        }
    }

    /// Whether it includes every repository that `other` includes. A yes is certain, because a star in `other` can only
    /// match a star; a no is not.
    pub fn covers(&self, other: &RepositoryFilter) -> bool {
        match (self, other) {
            (RepositoryFilter::All, _) => true,
            (RepositoryFilter::Named(_), RepositoryFilter::All) => false,
            (RepositoryFilter::Named(wide), RepositoryFilter::Named(narrow)) => {
                narrow.iter().all(|narrow| wide.iter().any(|wide| wide.matches(&narrow.0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(text: &str) -> RepositoryFilter {
        RepositoryFilter::parse(text).unwrap()
    }

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[test]
    fn names_follow_distributions_grammar() {
        for good in ["app", "alice/api", "a/b/c", "alice/my--api", "alice/my__api", "a/b.c_d-e", &"a".repeat(255)] {
            assert!(RepositoryName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "/",
            "alice/",
            "/alice",
            "alice//api",
            "alice/../bob",
            "alice/a..b",
            "alice/a._b",
            "alice/a___b",
            "alice/API",
            "alice/api-",
            "alice/-api",
            "host:5000/alice/api",
            "alice/é",
            "alice/%2e",
            "a b",
            &"a".repeat(256),
        ] {
            assert!(RepositoryName::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_accounts_repositories_begin_with_its_name() {
        assert!(name("alice/api").is_of("alice") && name("alice/team/api").is_of("alice"));
        assert!(!name("alicetoo/api").is_of("alice") && !name("alice").is_of("alice"));
        assert_eq!(name("team/tools/lint").namespace(), "team");
    }

    #[test]
    fn a_star_matches_any_characters() {
        for (pattern, text, is_match) in [
            ("alice/api", "alice/api", true),
            ("alice/api", "alice/api2", false),
            ("alice/*", "alice/api", true),
            ("alice/*", "alice/team/api", true),
            ("alice/*", "alicetoo/api", false),
            ("alice/app-*", "alice/app-1", true),
            ("alice/app-*", "alice/api", false),
            ("*/public", "bob/public", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("*", "anything/at/all", true),
        ] {
            assert_eq!(filter(pattern).includes(&name(text)), is_match, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_tells_whose_repositories_it_can_match() {
        for pattern in ["alice/api", "alice/*", "*", "al*", "alice*", "*/api"] {
            assert!(filter(pattern).patterns()[0].can_match_of("alice"), "{pattern}");
        }
        for pattern in ["web", "alice", "alicetoo/*", "bob/*", "b*", "hub.example.com/alice/api"] {
            assert!(!filter(pattern).patterns()[0].can_match_of("alice"), "{pattern}");
        }
        let namespaces =
            ["bob/api", "web", "b*/api"].map(|text| filter(text).patterns()[0].namespace().map(str::to_owned));
        assert_eq!(namespaces, [Some("bob".to_owned()), Some("web".to_owned()), None]);
    }

    #[test]
    fn a_list_may_be_separated_by_commas_and_white_space() {
        assert_eq!(filter(" alice/api,\nalice/web  alice/api").words(), ["alice/api", "alice/web"]);
        assert_eq!(RepositoryFilter::parse(" ,\n"), Err(FilterProblem::Empty));
        for wrong in ["Alice/api", "alice//api", "alice/api:v1", "https://hub/alice", "alice/"] {
            assert!(matches!(RepositoryFilter::parse(wrong), Err(FilterProblem::NotAName(_))), "{wrong}");
        }
        let many = |count: usize| (0..count).map(|at| format!("alice/r{at}")).collect::<Vec<_>>().join("\n");
        assert_eq!(filter(&many(500)).words().len(), 500);
        assert_eq!(RepositoryFilter::parse(&many(501)), Err(FilterProblem::TooMany));
        assert_eq!(RepositoryFilter::from_stored(filter("a/b c/*").to_stored()), filter("a/b c/*"));
        assert_eq!(RepositoryFilter::from_stored(RepositoryFilter::All.to_stored()), RepositoryFilter::All);
    }

    #[test]
    fn a_wider_filter_covers_a_narrower_one() {
        assert!(RepositoryFilter::All.covers(&filter("a/b")) && !filter("*").covers(&RepositoryFilter::All));
        assert!(filter("alice/*").covers(&filter("alice/api alice/app-*")));
        assert!(!filter("alice/a*").covers(&filter("alice/*")));
        assert!(!filter("alice/api").covers(&filter("alice/api alice/web")));
    }

    proptest! {
        #[test]
        fn a_covering_filter_includes_what_the_other_includes(wide in "[ab/*]{1,6}", narrow in "[ab/*]{1,6}", text in "[ab](/?[ab]){0,5}") {
            if let (Ok(wide), Ok(narrow), Some(text)) = (RepositoryFilter::parse(&wide), RepositoryFilter::parse(&narrow), RepositoryName::parse(&text))
                && wide.covers(&narrow) && narrow.includes(&text)
            {
                prop_assert!(wide.includes(&text));
            }
        }

        #[test]
        fn a_pattern_without_a_star_matches_only_itself(pattern in "[ab](/?[ab]){0,4}", text in "[ab](/?[ab]){0,4}") {
            prop_assert_eq!(filter(&pattern).includes(&name(&text)), pattern == text);
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}") {
            let _ = (RepositoryName::parse(&text), RepositoryFilter::parse(&text));
        }
    }
}
