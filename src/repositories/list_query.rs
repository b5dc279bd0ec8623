//! The address of the list of repositories. The listing text and the page are in its query.

use crate::web::list_query::page_number;

/// The path of the list.
pub const PATH: &str = "/settings/repositories";

/// Which part of the list a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryListQuery {
    /// Only names that contain this text.
    pub text: String,
    /// From 1 on.
    pub page: u32,
}

/// Reads a query; wrong values fall back to the whole list.
pub fn parse(query: &str) -> RepositoryListQuery {
    let mut listing = RepositoryListQuery { text: String::new(), page: 1 };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            // PostgreSQL takes no text with a NUL.
            "text" => listing.text = value.trim().chars().filter(|c| !c.is_control()).take(255).collect(),
            "page" => listing.page = page_number(&value),
            _ => {}
        }
    }
    listing
}

/// The address of a list.
pub fn address(listing: &RepositoryListQuery) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !listing.text.is_empty() {
        query.append_pair("text", &listing.text);
    }
    if listing.page > 1 {
        query.append_pair("page", &listing.page.to_string());
    }
    let query = query.finish();
    if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_be_read_back_and_wrong_values_fall_back() {
        for text in ["/settings/repositories", "/settings/repositories?text=team%2F+x&page=3"] {
            let query = text.split_once('?').map_or("", |(_, query)| query);
            assert_eq!(address(&parse(query)), text);
        }
        assert_eq!(address(&parse("text=+%00&page=-1&x=y")), "/settings/repositories");
        assert_eq!(parse("page=0").page, 1);
    }
}
