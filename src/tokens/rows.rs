//! Tokens as pages show them.

use dockpass_core::access_level::AccessLevel;
use dockpass_core::expiry::{Calendar as _, Lifetimes};
use dockpass_core::listing::{SortDirection, TokenColumn, TokenListQuery};
use dockpass_core::quota::{QuotaExceeded, QuotaUsage, TokenQuota};
use dockpass_core::repository::RepositoryFilter;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::token::{AccessToken, TokenSource, TokenStatus};

use super::actions::EXPIRES_SOON;
use super::list_query;
use crate::web::i18n::Words;
use crate::web::page::Page;
use crate::web::time::{TimeView, span};

/// A row of the table.
pub struct TokenView {
    pub id: String,
    pub description: String,
    pub hint: String,
    pub level: AccessLevel,
    /// "alice/api and 3 more"; empty for a token that is not limited.
    pub repository_filter: String,
    /// Every name and pattern, for the tooltip.
    pub repository_filter_in_full: String,
    pub status: TokenStatus,
    pub source: TokenSource,
    pub created: TimeView,
    pub last_used: Option<TimeView>,
    /// The program that used it last; empty if none did.
    pub last_client: String,
    pub expires: Option<TimeView>,
    pub ends_soon: bool,
}

impl TokenView {
    pub fn new(token: &AccessToken, page: &Page) -> Self {
        let (now, words) = (page.now, page.words);
        let status = token.status(now);
        let view = |at| page.time(&at);
        Self {
            id: token.id.clone(),
            description: token.description.as_str().to_owned(),
            hint: token.hint.clone(),
            level: token.level,
            repository_filter: repository_filter_text(&token.repository_filter, words),
            repository_filter_in_full: token.repository_filter.words().join("\n"),
            status,
            source: token.source,
            created: view(token.created_at),
            last_used: token.last_used_at.map(view),
            last_client: token.last_use.as_ref().map_or_else(String::new, |last| program(&last.origin.client, words)),
            expires: token.expires_at.map(view),
            ends_soon: status == TokenStatus::Active && token.expires_at.is_some_and(|end| end - now <= EXPIRES_SOON),
        }
    }

    pub fn level_key(&self) -> &'static str {
        level_key(self.level)
    }

    pub fn is_expired(&self) -> bool {
        self.status == TokenStatus::Expired
    }

    pub fn is_active(&self) -> bool {
        self.status == TokenStatus::Active
    }
}

/// The name of a program; some send none.
pub fn program(client: &str, words: Words) -> String {
    if client.is_empty() { words.t("usage.unnamed").into_owned() } else { words.program(client) }
}

fn repository_filter_text(filter: &RepositoryFilter, words: Words) -> String {
    match filter.words().as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first, others @ ..] => words.count("repository_filter.more", others.len() as i64).replace("%{name}", first),
    }
}

pub const fn level_key(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::PublicRead => "levels.public_read",
        AccessLevel::Read => "levels.read",
        AccessLevel::Write => "levels.write",
        AccessLevel::Admin => "levels.admin",
    }
}

/// An option of the expiration select.
pub struct ExpiryOption {
    pub value: String,
    pub label: String,
    /// The text beside the select while the option is chosen.
    pub result: String,
    pub is_chosen: bool,
    /// The class with which the stylesheet shows only the result of the chosen option.
    pub class: String,
}

impl ExpiryOption {
    pub fn all(lifetimes: Lifetimes, chosen: &str, page: &Page) -> Vec<Self> {
        let words = page.words;
        let days = lifetimes.days().into_iter().map(|days| {
            let end = page.zone.day_of(page.now + time::Duration::days(days.into()));
            let label = if days == 365 {
                words.t("expiry.one_year").into_owned()
            } else {
                words.count("expiry.days", days.into())
            };
            (days.to_string(), label, words.t1("expiry.expires_on", "date", words.date(end)))
        });
        let custom_hint = words.t1("expiry.custom_hint", "zone", page.zone.name());
        let custom = ("custom".to_owned(), words.t("expiry.custom").into_owned(), custom_hint);
        let never =
            ("never".to_owned(), words.t("expiry.never").into_owned(), words.t("expiry.never_hint").into_owned());
        days.chain([custom])
            .chain(lifetimes.offers_never().then_some(never))
            .enumerate()
            .map(|(at, (value, label, result))| Self {
                is_chosen: value == chosen,
                class: format!("choice-{}", at + 1),
                value,
                label,
                result,
            })
            .collect()
    }
}

/// The heading of a column: a link that sorts by it.
pub struct ColumnHeading {
    pub column: &'static str,
    pub address: String,
    /// `ascending`, `descending` or `none`, for `aria-sort`.
    pub sort: &'static str,
}

impl ColumnHeading {
    pub fn all(listing: &TokenListQuery) -> Vec<Self> {
        let heading = |column: TokenColumn| Self {
            column: column.as_str(),
            address: list_query::address(&listing.sorted_by(column)),
            sort: match (listing.column == column, listing.direction) {
                (false, _) => "none",
                (true, SortDirection::Ascending) => "ascending",
                (true, SortDirection::Descending) => "descending",
            },
        };
        TokenColumn::ALL.into_iter().map(heading).collect()
    }
}

/// How many tokens the account has and can still create.
pub struct QuotaView {
    /// "12 of 200 tokens; 30 more can be created this hour".
    pub sentence: String,
    /// Why no token can be created now.
    pub full: Option<String>,
}

impl QuotaView {
    pub fn new(limits: TokenQuota, used: QuotaUsage, now: Timestamp, words: Words) -> Self {
        let tokens = words.t1("quota.tokens", "most", limits.tokens).replace("%{count}", &used.tokens.to_string());
        let (left, hour) = limits.left(used);
        let more = if left < hour { words.count("quota.left", left) } else { words.count("quota.hour", hour) };
        Self {
            sentence: words.t1("quota.sentence", "tokens", tokens).replace("%{more}", &more),
            full: limits.full(used, now).map(|full| full_sentence(full, limits, words)),
        }
    }
}

/// Why no token can be created, and until when.
pub fn full_sentence(exceeded: QuotaExceeded, limits: TokenQuota, words: Words) -> String {
    let (key, most, wait) = match exceeded {
        QuotaExceeded::Hour(wait) => ("quota.full_hour", limits.creations_per_hour, Some(wait)),
        QuotaExceeded::Tokens(Some(wait)) => ("quota.full_tokens_until", limits.tokens, Some(wait)),
        QuotaExceeded::Tokens(None) => ("quota.full_tokens", limits.tokens, None),
    };
    let sentence = words.t1(key, "most", most);
    wait.map_or(sentence.clone(), |wait| sentence.replace("%{wait}", &span(wait, words)))
}
