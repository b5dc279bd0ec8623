//! How a list is sorted, filtered and cut into pages.

use crate::token::{TokenSource, TokenStatus};

/// Rows on one page of a list.
pub const PAGE_SIZE: u32 = 50;

/// A column by which tokens are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenColumn {
    /// By description.
    Description,
    /// By level, weakest first.
    Scope,
    /// Active, inactive, expired.
    Status,
    /// Auto-generated, manual.
    Source,
    /// By age.
    #[default]
    Created,
    /// By the last use; never used counts as longest ago.
    LastUsed,
    /// By the end; never counts as last.
    Expires,
}

impl TokenColumn {
    /// In the order of the table.
    pub const ALL: [TokenColumn; 7] = [
        TokenColumn::Description,
        TokenColumn::Scope,
        TokenColumn::Status,
        TokenColumn::Source,
        TokenColumn::Created,
        TokenColumn::LastUsed,
        TokenColumn::Expires,
    ];

    /// The name in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            TokenColumn::Description => "description",
            TokenColumn::Scope => "scope",
            TokenColumn::Status => "status",
            TokenColumn::Source => "source",
            TokenColumn::Created => "created",
            TokenColumn::LastUsed => "last_used",
            TokenColumn::Expires => "expires",
        }
    }

    /// The direction in which a reader first wants it: times newest first, words from A on.
    pub const fn first_direction(self) -> SortDirection {
        match self {
            TokenColumn::Created | TokenColumn::LastUsed => SortDirection::Descending,
            _ => SortDirection::Ascending,
        }
    }
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// What of the table is shown. Every combination is an address; what an address says wrongly falls back to the
/// default, for a shared link must not break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenListQuery {
    /// The sorted column.
    pub column: TokenColumn,
    /// Its direction.
    pub direction: SortDirection,
    /// Only this status.
    pub status: Option<TokenStatus>,
    /// Only this source.
    pub source: Option<TokenSource>,
    /// Only descriptions and hints that hold this text.
    pub text: String,
    /// From 1 on.
    pub page: u32,
}

impl Default for TokenListQuery {
    fn default() -> Self {
        let column = TokenColumn::default();
        let direction = column.first_direction();
        Self { column, direction, status: None, source: None, text: String::new(), page: 1 }
    }
}

impl TokenListQuery {
    /// Whether anything is left out but by paging.
    pub fn is_filtered(&self) -> bool {
        self.status.is_some() || self.source.is_some() || !self.text.is_empty()
    }

    /// The address of another page of the same list.
    pub fn at_page(&self, page: u32) -> Self {
        Self { page, ..self.clone() }
    }

    /// What a click on a column's heading leads to: sorted by it, or turned round where it is sorted by it already.
    pub fn sorted_by(&self, column: TokenColumn) -> Self {
        let direction = match (self.column == column, self.direction) {
            (false, _) => column.first_direction(),
            (true, SortDirection::Ascending) => SortDirection::Descending,
            (true, SortDirection::Descending) => SortDirection::Ascending,
        };
        Self { column, direction, page: 1, ..self.clone() }
    }

    /// How many rows come before this page.
    pub fn offset(&self) -> i64 {
        i64::from(self.page - 1) * i64::from(PAGE_SIZE)
    }
}

/// How many pages `count` rows fill; one where there are none.
pub fn pages(count: i64) -> u32 {
    u32::try_from(count.max(1).unsigned_abs().div_ceil(u64::from(PAGE_SIZE))).unwrap_or(u32::MAX)
}

/// A pattern for `LIKE … ESCAPE '\'` that finds `text` anywhere, in lower case.
pub fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_on_a_heading_sorts_and_then_turns_round() {
        let by_name = TokenListQuery::default().at_page(4).sorted_by(TokenColumn::Description);
        assert_eq!((by_name.direction, by_name.page), (SortDirection::Ascending, 1));
        assert_eq!(by_name.sorted_by(TokenColumn::Description).direction, SortDirection::Descending);
    }

    #[test]
    fn pages_hold_fifty() {
        assert_eq!([pages(0), pages(50), pages(51), pages(10_000)], [1, 1, 2, 200]);
        assert_eq!(TokenListQuery::default().at_page(3).offset(), 100);
    }

    #[test]
    fn a_pattern_means_its_text() {
        assert_eq!(like("50%_A\\"), "%50\\%\\_a\\\\%");
    }
}
