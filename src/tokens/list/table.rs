//! The table of tokens, and the response to a change: the same rows again.

use askama::Template;
use askama_web::WebTemplate;
use axum::response::{IntoResponse, Redirect, Response};
use dockpass_core::account::Account;
use dockpass_core::listing::TokenListQuery;
use dockpass_core::refusal::SuggestedFix;
use dockpass_core::token::{TokenSource, TokenStatus};

use super::actions;
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::platform::database::{Connection, Tx};
use crate::tokens::actions::EXPIRES_SOON;
use crate::tokens::refusals::actions as refusals;
use crate::tokens::refusals::rows::RefusalView;
use crate::tokens::rows::{ColumnHeading, QuotaView, TokenView};
use crate::tokens::{actions as tokens, list_query};
use crate::web::list_query::Paging;
use crate::web::page::{Page, private};

/// Everything below the heading: numbers, filter, rows and pages.
pub(in crate::tokens) struct TokenTable {
    pub rows: Vec<TokenView>,
    pub headings: Vec<ColumnHeading>,
    /// Value, and whether it is chosen.
    pub statuses: [(&'static str, bool); 3],
    pub sources: [(&'static str, bool); 2],
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
    pub refusals: Vec<RefusalView>,
    /// "3 older ones are not shown".
    pub refusals_more: Option<String>,
}

impl TokenTable {
    /// Whether the next sign-in on a device replaces this token.
    pub(in crate::tokens) fn goes_next(&self, row: &TokenView) -> bool {
        self.next_to_go.contains(&row.id)
    }

    pub(in crate::tokens) async fn read(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        mut listing: TokenListQuery,
    ) -> Result<Self, Error> {
        let (now, words) = (page.now, page.words);
        let (rows, count) = actions::list(connection, account, &mut listing, now).await?;
        let expiring = actions::count_expiring(connection, account, now, now + EXPIRES_SOON).await?;
        let used = tokens::used(connection, account, now).await?;
        let next_to_go = tokens::next_replaced(connection, account, app.config.devices, now).await?;
        let (refused, older) = refusals::recent(connection, account, now).await?;
        Ok(Self {
            rows: rows.iter().map(|token| TokenView::new(token, page)).collect(),
            headings: ColumnHeading::all(&listing),
            statuses: TokenStatus::ALL.map(|status| (status.as_str(), listing.status == Some(status))),
            sources: TokenSource::ALL.map(|source| (source.as_str(), listing.source == Some(source))),
            sort: listing.column.as_str(),
            direction: list_query::direction(listing.direction),
            is_filtered: listing.is_filtered(),
            paging: Paging::new(listing.page, count, words, |number| list_query::address(&listing.at_page(number))),
            quota: QuotaView::new(app.config.token_limits, used, now, words),
            ending_soon: (expiring > 0).then(|| words.count("tokens.ending_soon", expiring)),
            next_to_go: next_to_go.into_iter().map(|(id, _)| id).collect(),
            refusals: refused.into_iter().map(|refused| RefusalView::new(refused, page)).collect(),
            refusals_more: (older > 0).then(|| words.count("refusals.more", older)),
            text: listing.text,
        })
    }

    /// Reads the page of the list from which a request came.
    pub(in crate::tokens) async fn read_again(app: &App, me: &SignedIn) -> Result<Self, Error> {
        let listing = list_query::parse(me.page.query_before(list_query::PATH));
        Self::read(&mut app.db.read().await?, app, &me.account, &me.page, listing).await
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
pub(in crate::tokens) async fn changed(tx: Tx, app: &App, me: SignedIn, notice: String) -> Result<Response, Error> {
    tx.commit().await?;
    if me.page.is_fragment {
        let table = TokenTable::read_again(app, &me).await?;
        return Ok(private(TokensChangedPage { page: me.page, table, out_of_band: true, notice: Some(notice) }));
    }
    me.leave_notice(&notice).await?;
    let listing = list_query::parse(me.page.query_before(list_query::PATH));
    Ok(Redirect::to(&list_query::address(&listing)).into_response())
}
