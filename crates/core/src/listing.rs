//! Sorting, filtering and paging of lists.

use crate::named::named_enum;
use crate::token::{TokenSource, TokenStatus};

/// Rows per page.
pub const PAGE_SIZE: u32 = 50;

named_enum! {
    /// A sortable column of the token table.
    #[derive(Default)]
    enum TokenColumn {
        Description = "description",
        Scope = "scope",
        Status = "status",
        Source = "source",
        #[default]
        Created = "created",
        /// The last use. Never used comes before everything else.
        LastUsed = "last_used",
        /// The expiry. Never comes last.
        Expires = "expires",
    }
}

impl TokenColumn {
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
    Ascending,
    Descending,
}

/// The part of the table that a URL shows. Invalid values in a URL become the default, so that shared links keep
/// working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenListQuery {
    pub column: TokenColumn,
    pub direction: SortDirection,
    pub status: Option<TokenStatus>,
    pub source: Option<TokenSource>,
    /// Only descriptions and hints that contain this text.
    pub text: String,
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
    fn a_pattern_is_escaped() {
        assert_eq!(like("50%_A\\"), "%50\\%\\_a\\\\%");
    }
}
