//! The table of tokens, and the response to a change: the same rows again.

use askama::Template;
use askama_web::WebTemplate;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use dockpass_core::account::Account;
use dockpass_core::listing::{self, TokenListQuery};
use dockpass_core::refusal::SuggestedFix;

use super::actions::{self, TokenList};
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::platform::database::{Connection, Tx};
use crate::tokens::refusals::actions as refusals;
use crate::tokens::refusals::rows::RefusalView;
use crate::tokens::rows::{ColumnHeading, FilterOption, QuotaView, TokenView, source_options, status_options};
use crate::tokens::{actions as tokens, list_query};
use crate::web::list_query::{Paging, shown_before};
use crate::web::page::{Page, private};

/// Everything below the heading: numbers, filter, rows and pages.
#[derive(Debug)]
pub(in crate::tokens) struct TokenTable {
    pub rows: Vec<TokenView>,
    pub headings: Vec<ColumnHeading>,
    pub statuses: Vec<FilterOption>,
    pub sources: Vec<FilterOption>,
    pub text: String,
    pub sort: &'static str,
    pub direction: &'static str,
    pub is_filtered: bool,
    pub paging: Paging,
    pub quota: QuotaView,
    /// "2 tokens expire this week", whatever the filter.
    pub ending_soon: Option<String>,
    /// The auto-generated tokens that the next sign-in on a device replaces, if there is no free slot.
    pub next_to_go: Vec<String>,
    /// Recent refusals.
    pub refusals: Vec<RefusalView>,
    /// "3 older ones are not shown".
    pub refusals_more: Option<String>,
}

impl TokenTable {
    /// Whether the next sign-in on a device replaces this token.
    pub(in crate::tokens) fn goes_next(&self, row: &TokenView) -> bool {
        self.next_to_go.contains(&row.id)
    }

    /// Reads a page of an account's tokens, at most the last one.
    pub(in crate::tokens) async fn read(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        listing: TokenListQuery,
    ) -> Result<Self, Error> {
        let mut listing = listing;
        let mut list = actions::list(connection, account, &listing, page.now).await?;
        let last = listing::pages(list.count);
        if listing.page > last {
            listing.page = last;
            list = actions::list(connection, account, &listing, page.now).await?;
        }
        let next_to_go = tokens::next_replaced(connection, account, app.config.devices, page.now).await?;
        let (refused, older) = refusals::recent(connection, account, page.now).await?;
        Ok(Self {
            next_to_go: next_to_go.into_iter().map(|(id, _)| id).collect(),
            refusals: refused.into_iter().map(|refused| RefusalView::new(refused, page)).collect(),
            refusals_more: (older > 0).then(|| page.words.count("refusals.more", older)),
            ..Self::new(app, page, &listing, &list)
        })
    }

    /// Reads the page of the list from which a request came.
    pub(in crate::tokens) async fn read_again(app: &App, me: &SignedIn, headers: &HeaderMap) -> Result<Self, Error> {
        let listing = list_query::parse(shown_before(headers, list_query::PATH));
        Self::read(&mut app.db.read().await?, app, &me.account, &me.page, listing).await
    }

    fn new(app: &App, page: &Page, listing: &TokenListQuery, list: &TokenList) -> Self {
        let row = |token| TokenView::new(token, page.now, page.words, &page.zone);
        Self {
            rows: list.tokens.iter().map(row).collect(),
            headings: ColumnHeading::all(listing),
            statuses: status_options(listing),
            sources: source_options(listing),
            text: listing.text.clone(),
            sort: listing.column.as_str(),
            direction: list_query::direction(listing.direction),
            is_filtered: listing.is_filtered(),
            paging: Paging::new(listing.page, list.count, page.words, |number| {
                list_query::address(&listing.at_page(number))
            }),
            quota: QuotaView::new(app.config.token_limits, list.used, page.now, page.words),
            ending_soon: (list.expiring_soon > 0).then(|| page.words.count("tokens.ending_soon", list.expiring_soon)),
            next_to_go: Vec::new(),
            refusals: Vec::new(),
            refusals_more: None,
        }
    }
}

/// The table after a change, as a fragment that also closes the dialog.
#[derive(Template, WebTemplate)]
#[template(path = "tokens/changed.html")]
struct TokensChangedPage {
    page: Page,
    table: TokenTable,
    out_of_band: bool,
    notice: Option<String>,
}

/// Commits a change and shows the rows that were shown before, with a notice.
pub(in crate::tokens) async fn changed(
    tx: Tx,
    app: &App,
    me: SignedIn,
    headers: &HeaderMap,
    notice: String,
) -> Result<Response, Error> {
    tx.commit().await?;
    if me.page.is_fragment {
        let table = TokenTable::read_again(app, &me, headers).await?;
        return Ok(private(TokensChangedPage { page: me.page, table, out_of_band: true, notice: Some(notice) }));
    }
    me.leave_notice(&notice).await?;
    let listing = list_query::parse(shown_before(headers, list_query::PATH));
    Ok(Redirect::to(&list_query::address(&listing)).into_response())
}
