//! How tokens look on pages.

use super::{address, overview::actions as overview};
use crate::{
    core::{
        client,
        expiry::Lifetimes,
        level::Level,
        listing::{self, Column, Direction, Listing, PAGE_SIZE},
        moment::Moment,
        quota::{Full, Limits, Used},
        repository::Reach,
        token::{AccessToken, Source, Status},
    },
    web::{
        i18n::Words,
        time::{TimeView, Zone, span},
    },
};

/// A row of the table.
#[derive(Debug)]
pub struct TokenRow {
    pub id: String,
    pub description: String,
    pub hint: String,
    pub level: Level,
    /// "alice/api and 3 more"; empty where the token reaches all.
    pub reach: String,
    /// Every name and pattern, for the title.
    pub reach_in_full: String,
    pub status: Status,
    pub source: Source,
    pub created: TimeView,
    pub last_used: Option<TimeView>,
    /// The program that used it last, in words; empty where none did.
    pub last_client: String,
    pub expires: Option<TimeView>,
    pub ends_soon: bool,
}

impl TokenRow {
    pub fn new(token: &AccessToken, now: Moment, words: Words, zone: &Zone) -> Self {
        let status = token.status(now);
        let view = |at| TimeView::new(at, now, words, zone);
        Self {
            id: token.id.clone(),
            description: token.description.as_str().to_owned(),
            hint: token.hint.clone(),
            level: token.level,
            reach: reach_in_words(&token.reach, words),
            reach_in_full: token.reach.words().join("\n"),
            status,
            source: token.source,
            created: view(token.created_at),
            last_used: token.last_used_at.map(view),
            last_client: token.last_use.as_ref().map_or_else(String::new, |last| program(&last.origin.client, words)),
            expires: token.expires_at.map(view),
            ends_soon: status == Status::Active && token.expires_at.is_some_and(|end| end - now <= overview::SOON),
        }
    }

    pub fn level_key(&self) -> &'static str {
        level_key(self.level)
    }

    pub fn status_key(&self) -> &'static str {
        status_key(self.status)
    }

    pub fn source_key(&self) -> &'static str {
        source_key(self.source)
    }

    pub fn is_expired(&self) -> bool {
        self.status == Status::Expired
    }

    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

/// The program of a use; some give no name.
pub fn program(client: &str, words: Words) -> String {
    if client.is_empty() { words.t("uses.unnamed").into_owned() } else { client::in_words(client) }
}

fn reach_in_words(reach: &Reach, words: Words) -> String {
    match reach.words().as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first, others @ ..] => words.count("reach.more", others.len() as i64).replace("%{name}", first),
    }
}

pub const fn level_key(level: Level) -> &'static str {
    match level {
        Level::PublicRead => "levels.public_read",
        Level::Read => "levels.read",
        Level::Write => "levels.write",
        Level::Admin => "levels.admin",
    }
}

/// A permission level as a choice of the form.
#[derive(Debug)]
pub struct LevelChoice {
    pub value: &'static str,
    pub key: &'static str,
    pub is_chosen: bool,
}

impl LevelChoice {
    pub fn all(chosen: &str) -> Vec<Self> {
        let choice =
            |level: Level| Self { value: level.as_str(), key: level_key(level), is_chosen: level.as_str() == chosen };
        Level::ALL.into_iter().map(choice).collect()
    }
}

/// An option of the expiration select, with what it comes to.
#[derive(Debug)]
pub struct ExpiryOption {
    pub value: String,
    pub label: String,
    /// Said beside the select while the option is chosen.
    pub result: String,
    pub is_chosen: bool,
    /// The class by which the stylesheet shows the result of the chosen option alone, without a script.
    pub class: String,
}

impl ExpiryOption {
    pub fn all(lifetimes: Lifetimes, chosen: &str, now: Moment, words: Words) -> Vec<Self> {
        let days = lifetimes.days().into_iter().map(|days| {
            let end = now + time::Duration::days(days.into());
            let label = if days == 365 {
                words.t("expiry.one_year").into_owned()
            } else {
                words.count("expiry.days", days.into())
            };
            (days.to_string(), label, words.t1("expiry.expires_on", "date", words.date(end.date())))
        });
        let custom =
            ("custom".to_owned(), words.t("expiry.custom").into_owned(), words.t("expiry.custom_hint").into_owned());
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

const fn status_key(status: Status) -> &'static str {
    match status {
        Status::Active => "status.active",
        Status::Inactive => "status.inactive",
        Status::Expired => "status.expired",
    }
}

const fn source_key(source: Source) -> &'static str {
    match source {
        Source::Manual => "source.manual",
        Source::AutoGenerated => "source.auto_generated",
    }
}

/// A column's heading: a link that sorts by it.
#[derive(Debug)]
pub struct Heading {
    pub key: &'static str,
    pub address: String,
    /// `ascending`, `descending` or `none`, for `aria-sort`.
    pub sort: &'static str,
}

impl Heading {
    pub fn all(listing: &Listing) -> Vec<Self> {
        let heading = |column: Column| Self {
            key: heading_key(column),
            address: format!("/settings/tokens{}", address::query(&listing.sorted_by(column))),
            sort: match (listing.column == column, listing.direction) {
                (false, _) => "none",
                (true, Direction::Ascending) => "ascending",
                (true, Direction::Descending) => "descending",
            },
        };
        Column::ALL.into_iter().map(heading).collect()
    }
}

const fn heading_key(column: Column) -> &'static str {
    match column {
        Column::Description => "tokens.column_description",
        Column::Scope => "tokens.column_scope",
        Column::Status => "tokens.column_status",
        Column::Source => "tokens.column_source",
        Column::Created => "tokens.column_created",
        Column::LastUsed => "tokens.column_last_used",
        Column::Expires => "tokens.column_expires",
    }
}

/// An option of a filter.
#[derive(Debug)]
pub struct FilterOption {
    pub value: &'static str,
    pub key: &'static str,
    pub is_chosen: bool,
}

pub fn status_options(listing: &Listing) -> Vec<FilterOption> {
    let option = |status: Status| FilterOption {
        value: status.as_str(),
        key: status_key(status),
        is_chosen: listing.status == Some(status),
    };
    Status::ALL.into_iter().map(option).collect()
}

pub fn source_options(listing: &Listing) -> Vec<FilterOption> {
    let option = |source: Source| FilterOption {
        value: source.as_str(),
        key: source_key(source),
        is_chosen: listing.source == Some(source),
    };
    [Source::Manual, Source::AutoGenerated].into_iter().map(option).collect()
}

/// Which rows are shown, and the ways to the others.
#[derive(Debug)]
pub struct Paging {
    /// "51–100 of 240"; `None` where all fit on one page.
    pub summary: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl Paging {
    pub fn new(listing: &Listing, count: i64, words: Words) -> Self {
        let last = listing::pages(count);
        let to = |page| format!("/settings/tokens{}", address::query(&listing.at_page(page)));
        let (first_row, last_row) = (listing.offset() + 1, (listing.offset() + i64::from(PAGE_SIZE)).min(count));
        let summary = || {
            let range = words.t1("table.range", "count", count);
            range.replace("%{first}", &first_row.to_string()).replace("%{last}", &last_row.to_string())
        };
        Self {
            summary: (last > 1).then(summary),
            previous: (listing.page > 1).then(|| to(listing.page - 1)),
            next: (listing.page < last).then(|| to(listing.page + 1)),
        }
    }
}

/// The numbers of fair use.
#[derive(Debug)]
pub struct Quota {
    /// "12 of 200 tokens; 30 more can be created this hour".
    pub sentence: String,
    /// Why no more can be made now.
    pub full: Option<String>,
}

impl Quota {
    pub fn new(limits: Limits, used: Used, now: Moment, words: Words) -> Self {
        let tokens = words.t1("quota.tokens", "most", limits.tokens).replace("%{count}", &used.tokens.to_string());
        let hour = words.count("quota.hour", limits.left_this_hour(used));
        Self {
            sentence: words.t1("quota.sentence", "tokens", tokens).replace("%{hour}", &hour),
            full: limits.full(used, now).map(|full| full_sentence(full, words)),
        }
    }
}

/// Why no more tokens can be made, and until when.
pub fn full_sentence(full: Full, words: Words) -> String {
    match full {
        Full::Hour(wait) => words.t1("quota.full_hour", "wait", span(wait, words)),
        Full::Tokens(Some(wait)) => words.t1("quota.full_tokens_until", "wait", span(wait, words)),
        Full::Tokens(None) => words.t("quota.full_tokens").into_owned(),
    }
}
