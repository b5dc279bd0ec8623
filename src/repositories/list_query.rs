//! The list's address: the search text and the page.

use axum::http::{HeaderMap, HeaderName, header::REFERER};

const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");

/// The part of the list that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Only names that hold this text.
    pub text: String,
    /// From 1 on.
    pub page: u32,
}

/// Reads an address's query; wrong values fall back to the whole list.
pub fn parse(query: &str) -> Search {
    let mut search = Search { text: String::new(), page: 1 };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            // PostgreSQL takes no text with a NUL.
            "text" => search.text = value.trim().chars().filter(|c| !c.is_control()).take(255).collect(),
            "page" => search.page = value.parse().unwrap_or(1).clamp(1, 1_000_000),
            _ => {}
        }
    }
    search
}

/// The list's address.
pub fn of(search: &Search) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !search.text.is_empty() {
        query.append_pair("text", &search.text);
    }
    if search.page > 1 {
        query.append_pair("page", &search.page.to_string());
    }
    let query = query.finish();
    if query.is_empty() { "/settings/repositories".to_owned() } else { format!("/settings/repositories?{query}") }
}

/// What the page showed from which a request came: after a change the same rows are shown again.
pub fn shown_before(headers: &HeaderMap) -> Search {
    let address = [HX_CURRENT_URL, REFERER].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    let query = address.and_then(|address| address.split_once("/settings/repositories?")).map(|(_, query)| query);
    parse(query.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_and_falls_back() {
        for address in ["/settings/repositories", "/settings/repositories?text=team%2F+x&page=3"] {
            let query = address.split_once('?').map_or("", |(_, query)| query);
            assert_eq!(of(&parse(query)), address);
        }
        assert_eq!(of(&parse("text=+%00&page=-1&x=y")), "/settings/repositories");
        assert_eq!(parse("page=0").page, 1);
    }
}
