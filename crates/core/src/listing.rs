//! Sorting, filtering and paging of lists.

use crate::token::{TokenSource, TokenStatus};

/// Rows per page.
pub const PAGE_SIZE: u32 = 50;

/// A sortable column of the token table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenColumn {
    /// The description.
    Description,
    /// The level, weakest first.
    Scope,
    /// Active, inactive, expired.
    Status,
    /// Auto-generated, manual.
    Source,
    /// The creation time.
    #[default]
    Created,
    /// The last use. Never used comes before everything else.
    LastUsed,
    /// The expiry. Never comes last.
    Expires,
}

impl TokenColumn {
    /// All columns, in the order of the table.
    pub const ALL: [TokenColumn; 7] = [
        TokenColumn::Description,
        TokenColumn::Scope,
        TokenColumn::Status,
        TokenColumn::Source,
        TokenColumn::Created,
        TokenColumn::LastUsed,
        TokenColumn::Expires,
    ];

    /// The name in URLs.
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

    /// The direction of the first click: newest first for times, A to Z for words.
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

/// The part of the table that a URL shows. Invalid values in a URL become the default, so that shared links keep
/// working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenListQuery {
    /// The sort column.
    pub column: TokenColumn,
    /// The sort direction.
    pub direction: SortDirection,
    /// Only this status.
    pub status: Option<TokenStatus>,
    /// Only this source.
    pub source: Option<TokenSource>,
    /// Only descriptions and hints that contain this text.
    pub text: String,
    /// The page number, from 1.
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
    /// Whether it hides rows other than by paging.
    pub fn is_filtered(&self) -> bool {
        self.status.is_some() || self.source.is_some() || !self.text.is_empty()
    }

    /// The same list on another page.
    pub fn at_page(&self, page: u32) -> Self {
        Self { page, ..self.clone() }
    }

    /// The list after a click on a column's heading: sorted by it, or in the other direction if it already was.
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

/// How many pages `count` rows fill, at least one.
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
    fn a_click_on_a_heading_sorts_and_a_second_click_reverses() {
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
    fn a_pattern_is_escaped() {
        assert_eq!(like("50%_A\\"), "%50\\%\\_a\\\\%");
    }
}
