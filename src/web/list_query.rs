//! What the addresses of lists have in common: page numbers, the links to other pages, and the list that was shown
//! before a change.

use axum::http::HeaderMap;
use axum::http::header::REFERER;
use axum_htmx::HX_CURRENT_URL;
use dockpass_core::listing::{PAGE_SIZE, pages};

use super::i18n::Words;

const LAST_PAGE: u32 = 1_000_000;

/// The page number that an address asks for; the first page where it is no number.
pub fn page_number(text: &str) -> u32 {
    text.parse().unwrap_or(1).clamp(1, LAST_PAGE)
}

/// The query of the list at `path` from which a request came, by `HX-Current-URL` or `Referer`. After a change the
/// same rows are shown again.
pub fn shown_before<'h>(headers: &'h HeaderMap, path: &str) -> &'h str {
    let address = headers.get(HX_CURRENT_URL).or_else(|| headers.get(REFERER));
    let address = address.and_then(|value| value.to_str().ok()).unwrap_or_default();
    address.split_once(&format!("{path}?")).map_or("", |(_, query)| query)
}

/// Which rows a page shows, and the links to the pages beside it.
#[derive(Debug)]
pub struct Paging {
    /// "51–100 of 240"; `None` where all rows fit on one page.
    pub summary: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
}

impl Paging {
    /// For page `page` of a list of `count` rows, whose pages have the addresses that `address` gives.
    pub fn new(page: u32, count: i64, words: Words, address: impl Fn(u32) -> String) -> Self {
        let last = pages(count);
        let before = i64::from(page - 1) * i64::from(PAGE_SIZE);
        let summary = || {
            let range = words.t1("table.range", "count", count);
            let last_row = (before + i64::from(PAGE_SIZE)).min(count);
            range.replace("%{first}", &(before + 1).to_string()).replace("%{last}", &last_row.to_string())
        };
        Self {
            summary: (last > 1).then(summary),
            previous: (page > 1).then(|| address(page - 1)),
            next: (page < last).then(|| address(page + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_before_a_change_is_read_from_the_address_of_its_page() {
        let mut headers = HeaderMap::new();
        assert_eq!(shown_before(&headers, "/list"), "");
        headers.insert(REFERER, "https://a.example/list?page=2".parse().unwrap());
        assert_eq!(shown_before(&headers, "/list"), "page=2");
        headers.insert(HX_CURRENT_URL, "https://a.example/list?page=3".parse().unwrap());
        assert_eq!(shown_before(&headers, "/list"), "page=3");
        assert_eq!(shown_before(&headers, "/other"), "");
    }

    #[test]
    fn a_page_links_to_the_pages_beside_it() {
        let paging = |page, count| Paging::new(page, count, Words::default(), |page| format!("?page={page}"));
        assert_eq!((paging(1, 50).summary, paging(1, 50).next), (None, None));
        let middle = paging(2, 120);
        assert_eq!(middle.summary.unwrap(), "51–100 of 120");
        assert_eq!((middle.previous.unwrap(), middle.next.unwrap()), ("?page=1".to_owned(), "?page=3".to_owned()));
        assert_eq!(paging(3, 120).next, None);
        assert_eq!(["x", "0", "7", "99999999"].map(page_number), [1, 1, 7, LAST_PAGE]);
    }
}
