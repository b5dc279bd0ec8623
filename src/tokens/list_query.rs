//! The address of the list of tokens. Sorting, filter and page are in its query, so that a view can be bookmarked.

use dockpass_core::listing::{SortDirection, TokenColumn, TokenListQuery};
use dockpass_core::secret::Secret;
use dockpass_core::token::{TokenSource, TokenStatus};

use crate::web::list_query::page_number;

pub const PATH: &str = "/settings/tokens";

/// Reads a query; wrong values fall back to the defaults.
pub fn parse(query: &str) -> TokenListQuery {
    let mut listing = TokenListQuery::default();
    let mut direction = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "sort" => listing.column = TokenColumn::parse(&value).unwrap_or_default(),
            "direction" => {
                direction = match value.as_ref() {
                    "asc" => Some(SortDirection::Ascending),
                    "desc" => Some(SortDirection::Descending),
                    _ => None,
                }
            }
            "status" => listing.status = TokenStatus::parse(&value),
            "source" => listing.source = TokenSource::parse(&value),
            "text" => listing.text = searchable(&value),
            "page" => listing.page = page_number(&value),
            _ => {}
        }
    }
    listing.direction = direction.unwrap_or(listing.column.first_direction());
    listing
}

/// The text to search for. Of a whole token only the part that its hint shows: the rest finds nothing, and the secret
/// must not stay in an address.
fn searchable(text: &str) -> String {
    let text = text.trim();
    match Secret::parse(text) {
        Ok(secret) => secret.hint().split('…').next().unwrap_or_default().to_owned(),
        Err(_) => text.chars().take(100).collect(),
    }
}

pub fn address(listing: &TokenListQuery) -> String {
    let default = TokenListQuery::default();
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if (listing.column, listing.direction) != (default.column, default.direction) {
        pairs.push(("sort", listing.column.as_str().to_owned()));
        if listing.direction != listing.column.first_direction() {
            pairs.push(("direction", direction(listing.direction).to_owned()));
        }
    }
    pairs.extend(listing.status.map(|status| ("status", status.as_str().to_owned())));
    pairs.extend(listing.source.map(|source| ("source", source.as_str().to_owned())));
    if !listing.text.is_empty() {
        pairs.push(("text", listing.text.clone()));
    }
    if listing.page > 1 {
        pairs.push(("page", listing.page.to_string()));
    }
    if pairs.is_empty() {
        return PATH.to_owned();
    }
    format!("{PATH}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

pub const fn direction(direction: SortDirection) -> &'static str {
    match direction {
        SortDirection::Ascending => "asc",
        SortDirection::Descending => "desc",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_can_be_read_back() {
        for query in [
            "",
            "?sort=expires&status=active",
            "?sort=last_used&direction=asc&source=auto-generated&text=ci+%26+cd&page=3",
            "?sort=created&direction=asc",
        ] {
            assert_eq!(address(&parse(query.trim_start_matches('?'))), format!("{PATH}{query}"));
        }
    }

    #[test]
    fn wrong_values_fall_back_to_the_defaults() {
        assert_eq!(parse("sort=password_hash&status=dead&page=-1&direction=up"), TokenListQuery::default());
        assert_eq!(parse("page=0").page, 1);
    }

    proptest! {
        #[test]
        fn nothing_panics(query in "\\PC{0,80}") {
            let listing = parse(&query);
            prop_assert!(listing.offset() >= 0);
            prop_assert_eq!(parse(address(&listing).trim_start_matches(PATH).trim_start_matches('?')), listing);
        }
    }
}
