//! Repositories: their names, and which of them a token reaches.

use std::fmt;

/// The longest name that distribution takes, in bytes.
const LONGEST_NAME: usize = 255;
/// So many names or patterns a token can be limited to.
pub const MOST_PATTERNS: usize = 500;

/// A repository's name in distribution's reference grammar, without a host: `alice/api`, `team/tools/lint`, `app`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Reads a name; `None` for what no registry has, `alice/../bob/app` among it.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = text.len() <= LONGEST_NAME && text.split('/').all(is_component);
        is_name.then(|| Self(text.to_owned()))
    }

    /// Takes back a name that this type once let into the database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component: whose the repository is, if an account has that name.
    pub fn namespace(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Whether it is one of this account's: `alice/api` and `alice/team/api` are alice's, `alice` alone is nobody's.
    pub fn is_of(&self, username: &str) -> bool {
        self.0.strip_prefix(username).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `[a-z0-9]+` with `.`, `_`, `__` or any number of `-` between (distribution's path-component).
fn is_component(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|byte| byte == b'-');
    text.starts_with(plain) && text.ends_with(plain) && text.split(plain).all(is_separator)
}

/// A repository's name in which `*` stands for any run of characters, slashes included: `alice/*` is everything below
/// alice's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/*".contains(c);
        let is_pattern = text.len() <= LONGEST_NAME
            && text.chars().all(fits)
            && (text.contains('*') || RepositoryName::parse(text).is_some())
            && text.split('/').all(|component| !component.is_empty());
        is_pattern.then(|| Self(text.to_owned()))
    }

    /// Whether it means this text: what stands between the stars comes in that order, at the first place where each
    /// fits. That is one way through the text, however many stars someone writes.
    fn matches(&self, text: &str) -> bool {
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

/// Which repositories a token reaches, whatever its level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RepositoryFilter {
    /// All that its account reaches.
    #[default]
    All,
    /// Of them only those that one of these means; at least one.
    Named(Vec<NamePattern>),
}

/// Why a list of repositories was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterProblem {
    /// Nothing was named.
    Empty,
    /// More than [`MOST_PATTERNS`].
    TooMany,
    /// This is neither a name nor a pattern.
    NotAName(String),
}

impl RepositoryFilter {
    /// Reads names and patterns, separated by white space or commas; each counts once.
    ///
    /// # Errors
    /// When there are none, too many, or one cannot be a repository's name.
    pub fn parse(text: &str) -> Result<Self, FilterProblem> {
        let mut patterns: Vec<NamePattern> = Vec::new();
        for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
            let not_a_name = || FilterProblem::NotAName(word.chars().take(100).collect());
            let pattern = NamePattern::parse(word).ok_or_else(not_a_name)?;
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
            if patterns.len() > MOST_PATTERNS {
                return Err(FilterProblem::TooMany);
            }
        }
        if patterns.is_empty() { Err(FilterProblem::Empty) } else { Ok(RepositoryFilter::Named(patterns)) }
    }

    /// Takes back what [`RepositoryFilter::to_stored`] wrote.
    pub fn from_stored(text: Option<String>) -> Self {
        text.map_or(RepositoryFilter::All, |text| {
            RepositoryFilter::Named(text.lines().map(|line| NamePattern(line.to_owned())).collect())
        })
    }

    /// A line for each pattern; `None` is all.
    pub fn to_stored(&self) -> Option<String> {
        match self {
            RepositoryFilter::All => None,
            RepositoryFilter::Named(_) => Some(self.words().join("\n")),
        }
    }

    /// The names and patterns as they were given; none where it reaches all.
    pub fn words(&self) -> Vec<&str> {
        match self {
            RepositoryFilter::All => Vec::new(),
            RepositoryFilter::Named(patterns) => patterns.iter().map(|pattern| pattern.0.as_str()).collect(),
        }
    }

    /// Whether it reaches this repository.
    pub fn includes(&self, name: &RepositoryName) -> bool {
        match self {
            RepositoryFilter::All => true,
            RepositoryFilter::Named(patterns) => patterns.iter().any(|pattern| pattern.matches(name.as_str())),
        }
    }

    /// Whether all that `other` reaches is reached by this one too. Sure where it says yes: a star of the other's
    /// pattern can be taken by a star alone.
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

    fn reach(text: &str) -> RepositoryFilter {
        RepositoryFilter::parse(text).unwrap()
    }

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[test]
    fn names_are_distributions() {
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
    fn an_accounts_repositories_are_below_its_name() {
        assert!(name("alice/api").is_of("alice") && name("alice/team/api").is_of("alice"));
        assert!(!name("alicetoo/api").is_of("alice") && !name("alice").is_of("alice"));
        assert_eq!(name("team/tools/lint").namespace(), "team");
    }

    #[test]
    fn a_pattern_means_what_it_says() {
        for (pattern, text, means) in [
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
            assert_eq!(reach(pattern).includes(&name(text)), means, "{pattern} {text}");
        }
    }

    #[test]
    fn a_list_is_read_as_people_write_it() {
        assert_eq!(reach(" alice/api,\nalice/web  alice/api").words(), ["alice/api", "alice/web"]);
        assert_eq!(RepositoryFilter::parse(" ,\n"), Err(FilterProblem::Empty));
        for wrong in ["Alice/api", "alice//api", "alice/api:v1", "https://hub/alice", "alice/"] {
            assert!(matches!(RepositoryFilter::parse(wrong), Err(FilterProblem::NotAName(_))), "{wrong}");
        }
        let many = |count: usize| (0..count).map(|at| format!("alice/r{at}")).collect::<Vec<_>>().join("\n");
        assert_eq!(reach(&many(500)).words().len(), 500);
        assert_eq!(RepositoryFilter::parse(&many(501)), Err(FilterProblem::TooMany));
        assert_eq!(RepositoryFilter::from_stored(reach("a/b c/*").to_stored()), reach("a/b c/*"));
        assert_eq!(RepositoryFilter::from_stored(RepositoryFilter::All.to_stored()), RepositoryFilter::All);
    }

    #[test]
    fn a_wider_reach_covers_a_narrower_one() {
        assert!(RepositoryFilter::All.covers(&reach("a/b")) && !reach("*").covers(&RepositoryFilter::All));
        assert!(reach("alice/*").covers(&reach("alice/api alice/app-*")));
        assert!(!reach("alice/a*").covers(&reach("alice/*")));
        assert!(!reach("alice/api").covers(&reach("alice/api alice/web")));
    }

    proptest! {
        #[test]
        fn what_is_covered_is_included(wide in "[ab/*]{1,6}", narrow in "[ab/*]{1,6}", text in "[ab](/?[ab]){0,5}") {
            if let (Ok(wide), Ok(narrow), Some(text)) = (RepositoryFilter::parse(&wide), RepositoryFilter::parse(&narrow), RepositoryName::parse(&text))
                && wide.covers(&narrow) && narrow.includes(&text)
            {
                prop_assert!(wide.includes(&text));
            }
        }

        #[test]
        fn a_name_without_a_star_means_itself_alone(pattern in "[ab](/?[ab]){0,4}", text in "[ab](/?[ab]){0,4}") {
            prop_assert_eq!(reach(&pattern).includes(&name(&text)), pattern == text);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,80}") {
            let _ = (RepositoryName::parse(&text), RepositoryFilter::parse(&text));
        }
    }
}
