//! The address of the list of repositories. The listing text and the page are in its query.

use crate::web::list_query::page_number;

pub const PATH: &str = "/settings/repositories";

/// Which part of the list a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryListQuery {
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
