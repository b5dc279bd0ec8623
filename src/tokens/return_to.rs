//! Where a change of a token leads: back to the token's own page if it began there, otherwise to the list.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::list_query::{self, PATH};
use crate::app::App;
use crate::web::extract::Id;
use crate::web::page::{Page, came_from};

/// The page on which an action began. The links and forms of a token's page say so with `?from={id}`.
#[derive(Debug, Default)]
pub struct ReturnTo {
    token_id: Option<String>,
}

impl FromRequestParts<App> for ReturnTo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let from = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "from");
        let from = from.and_then(|(_, id)| Id::parse(id.into_owned()).ok()).map(|Id(id)| id);
        Ok(Self { token_id: from.or_else(|| shown_token(&came_from(&parts.headers)).filter(|_| is_htmx(parts))) })
    }
}

fn is_htmx(parts: &Parts) -> bool {
    parts.headers.contains_key(axum_htmx::HX_REQUEST)
}

/// The token whose page has this address.
fn shown_token(address: &str) -> Option<String> {
    let (_, rest) = address.split_once(&format!("{PATH}/"))?;
    let id = rest.split(['?', '#']).next().unwrap_or_default();
    Id::parse(id.to_owned()).ok().map(|Id(id)| id)
}

impl ReturnTo {
    /// The list of tokens, whatever the page on which the action began: the token is gone.
    pub fn list() -> Self {
        Self::default()
    }

    /// What the address of a form carries along.
    pub fn query(&self) -> String {
        self.token_id.as_ref().map_or_else(String::new, |id| format!("?from={id}"))
    }

    /// The same for an address that has a query.
    pub fn and_query(&self) -> String {
        self.query().replace('?', "&")
    }

    /// Where Cancel and Close lead.
    pub fn address(&self) -> String {
        self.token_id.as_ref().map_or_else(|| PATH.to_owned(), |id| format!("{PATH}/{id}"))
    }

    /// Where a change leads: for the list with the rows that were shown before.
    pub fn address_after(&self, page: &Page) -> String {
        match self.token_id {
            Some(_) => self.address(),
            None => list_query::address(&list_query::parse(page.query_before(PATH))),
        }
    }

    /// Whether htmx can swap the list in place: the page behind the dialog is the list.
    pub fn is_list_shown(&self, page: &Page) -> bool {
        page.is_fragment && self.token_id.is_none() && shown_token(&page.came_from).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_of_a_token_is_taken_for_one() {
        let id = "0197c2a0-0000-7000-8000-000000000001";
        let shown = |end: &str| shown_token(&format!("https://a.example/settings/tokens{end}"));
        assert_eq!(shown(&format!("/{id}")).as_deref(), Some(id));
        assert_eq!(shown(&format!("/{id}?action=pull")).as_deref(), Some(id));
        for other in ["", "?text=a", "/new", &format!("/{id}/edit")] {
            assert_eq!(shown(other), None, "{other}");
        }
    }
}
