//! The table's address: what is shown of it stands in the URL, so that a view can be kept and shared.

use axum::http::{HeaderMap, HeaderName, header::REFERER};
use dockpass_core::{
    listing::{SortDirection, TokenColumn, TokenListQuery},
    secret::Secret,
    token::{TokenSource, TokenStatus},
};

/// Reads an address's query.
pub fn parse(query: &str) -> TokenListQuery {
    let mut listing = TokenListQuery::default();
    let mut wanted = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "sort" => {
                listing.column =
                    TokenColumn::ALL.into_iter().find(|column| column.as_str() == value).unwrap_or_default();
            }
            "direction" => {
                wanted = match value.as_ref() {
                    "asc" => Some(SortDirection::Ascending),
                    "desc" => Some(SortDirection::Descending),
                    _ => None,
                }
            }
            "status" => listing.status = TokenStatus::ALL.into_iter().find(|status| status.as_str() == value),
            "source" => listing.source = TokenSource::parse(&value),
            "text" => listing.text = searchable(&value),
            "page" => listing.page = value.parse().unwrap_or(1).clamp(1, 1_000_000),
            _ => {}
        }
    }
    listing.direction = wanted.unwrap_or(listing.column.first_direction());
    listing
}

/// What is looked for. Of a whole token only what its hint shows: more finds nothing, and the address in which it comes
/// back would keep the secret.
fn searchable(text: &str) -> String {
    let text = text.trim();
    match Secret::parse(text) {
        Ok(secret) => secret.hint().split('…').next().unwrap_or_default().to_owned(),
        Err(_) => text.chars().take(100).collect(),
    }
}

/// The query of a list's address, with its question mark; empty for the default list.
pub fn query(listing: &TokenListQuery) -> String {
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
        return String::new();
    }
    format!("?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The word for a direction.
pub const fn direction(direction: SortDirection) -> &'static str {
    match direction {
        SortDirection::Ascending => "asc",
        SortDirection::Descending => "desc",
    }
}

const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");

/// What was shown on the page from which a request came, by its `HX-Current-URL` or `Referer`: after a change the
/// same rows come back.
pub fn shown_before(headers: &HeaderMap) -> TokenListQuery {
    let address = [HX_CURRENT_URL, REFERER].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    let query = address.and_then(|address| address.split_once("/settings/tokens?")).map(|(_, query)| query);
    parse(query.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_reads_back() {
        for query in [
            "",
            "?sort=expires&status=active",
            "?sort=last_used&direction=asc&source=auto-generated&text=ci+%26+cd&page=3",
            "?sort=created&direction=asc",
        ] {
            assert_eq!(super::query(&parse(query.trim_start_matches('?'))), query);
        }
    }

    #[test]
    fn what_an_address_says_wrongly_falls_back() {
        assert_eq!(parse("sort=password_hash&status=dead&page=-1&direction=up"), TokenListQuery::default());
        assert_eq!(parse("page=0").page, 1);
    }

    proptest! {
        #[test]
        fn nothing_panics(query in "\\PC{0,80}") {
            let listing = parse(&query);
            prop_assert!(listing.offset() >= 0);
            prop_assert_eq!(parse(super::query(&listing).trim_start_matches('?')), listing);
        }
    }
}
