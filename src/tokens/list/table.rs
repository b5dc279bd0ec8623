//! The table of tokens with what is said about all of them, and the answer to a change: the same rows again.

use askama::Template;
use askama_web::WebTemplate;
use axum::response::{IntoResponse, Redirect, Response};
use dockpass_core::{
    account::Account,
    listing::{self, TokenListQuery},
    refusal::SuggestedFix,
};

use super::actions::{self, TokenList};
use crate::{
    app::App,
    auth::session::SignedIn,
    error::Error,
    platform::database::{Connection, Tx},
    tokens::{
        actions as tokens, list_query,
        refusals::{actions as refusals, rows::RefusalView},
        rows::{FilterOption, Heading, Paging, Quota, TokenView, source_options, status_options},
    },
    web::page::{Page, private},
};

/// What stands below the heading: the numbers, the filter, the rows, the pages.
#[derive(Debug)]
pub(in crate::tokens) struct Table {
    pub rows: Vec<TokenView>,
    pub headings: Vec<Heading>,
    pub statuses: Vec<FilterOption>,
    pub sources: Vec<FilterOption>,
    pub text: String,
    pub sort: &'static str,
    pub direction: &'static str,
    pub is_filtered: bool,
    pub paging: Paging,
    pub quota: Quota,
    /// "2 tokens end this week", with none of them left out by a filter.
    pub ending_soon: Option<String>,
    /// The auto-generated tokens that the next sign-in on a device replaces, while there is no free slot.
    pub next_to_go: Vec<String>,
    /// What was refused lately.
    pub refusals: Vec<RefusalView>,
    /// "3 older ones are not shown".
    pub refusals_more: Option<String>,
}

impl Table {
    /// Whether the next sign-in on a device replaces this row's token.
    pub(in crate::tokens) fn goes_next(&self, row: &TokenView) -> bool {
        self.next_to_go.contains(&row.id)
    }

    /// Reads a page of an account's tokens; a page after the last one shows the last.
    pub(in crate::tokens) async fn read(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        listing: TokenListQuery,
    ) -> Result<Self, Error> {
        let mut listing = listing;
        let mut read = actions::list(connection, account, &listing, page.now).await?;
        let last = listing::pages(read.count);
        if listing.page > last {
            listing.page = last;
            read = actions::list(connection, account, &listing, page.now).await?;
        }
        let next_to_go = tokens::next_replaced(connection, account, app.config.devices, page.now).await?;
        let (refused, older) = refusals::recent(connection, account, page.now).await?;
        Ok(Self {
            next_to_go: next_to_go.into_iter().map(|(id, _)| id).collect(),
            refusals: refused.into_iter().map(|refused| RefusalView::new(refused, page)).collect(),
            refusals_more: (older > 0).then(|| page.words.count("refusals.more", older)),
            ..Self::new(app, page, &listing, &read)
        })
    }

    fn new(app: &App, page: &Page, listing: &TokenListQuery, overview: &TokenList) -> Self {
        let row = |token| TokenView::new(token, page.now, page.words, &page.zone);
        Self {
            rows: overview.tokens.iter().map(row).collect(),
            headings: Heading::all(listing),
            statuses: status_options(listing),
            sources: source_options(listing),
            text: listing.text.clone(),
            sort: listing.column.as_str(),
            direction: list_query::direction(listing.direction),
            is_filtered: listing.is_filtered(),
            paging: Paging::new(listing, overview.count, page.words),
            quota: Quota::new(app.config.token_limits, overview.used, page.now, page.words),
            ending_soon: (overview.ending_soon > 0)
                .then(|| page.words.count("tokens.ending_soon", overview.ending_soon)),
            next_to_go: Vec::new(),
            refusals: Vec::new(),
            refusals_more: None,
        }
    }
}

/// The table after a change, as a fragment that closes the dialog and says what happened.
#[derive(Template, WebTemplate)]
#[template(path = "tokens/changed.html")]
struct Changed {
    page: Page,
    table: Table,
    out_of_band: bool,
    notice: Option<String>,
}

/// Answers a change that is done within `tx`: commits it, then shows the rows that were shown before, with `notice`
/// above.
pub(in crate::tokens) async fn changed(
    tx: Tx,
    app: &App,
    me: SignedIn,
    listing: TokenListQuery,
    notice: String,
) -> Result<Response, Error> {
    if me.page.is_fragment {
        // Outside of the write lock: it sorts and counts.
        tx.commit().await?;
        let table = Table::read(&mut app.db.read().await?, app, &me.account, &me.page, listing).await?;
        return Ok(private(Changed { page: me.page, table, out_of_band: true, notice: Some(notice) }));
    }
    tx.commit().await?;
    me.leave_notice(&notice).await?;
    Ok(Redirect::to(&format!("/settings/tokens{}", list_query::query(&listing))).into_response())
}
