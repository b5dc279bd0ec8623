//! The table of tokens.

use askama::Template;
use askama_web::{WebTemplate, WebTemplateExt};
use axum::{
    Router,
    extract::{RawQuery, State},
    response::{Redirect, Response},
    routing::get,
};
use axum_htmx::HxPushUrl;

use super::{
    address,
    generated::actions as generated,
    new,
    overview::actions::{self as overview, Overview},
    refusals::{actions as refusals, pages::RefusalLine},
    view::{FilterOption, Heading, Paging, Quota, TokenRow, source_options, status_options},
};
use crate::{
    accounts::session::SignedIn,
    core::{account::Account, listing::Listing, remedy::Remedy},
    error::Error,
    platform::db::Connection,
    state::App,
    web::page::{Page, private},
};

/// `/settings/tokens`.
pub fn routes() -> Router<App> {
    Router::new().route("/settings/tokens", get(list).post(new::create))
}

/// What stands below the heading: the numbers, the filter, the rows, the pages.
#[derive(Debug)]
pub(super) struct Table {
    pub rows: Vec<TokenRow>,
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
    pub refusals: Vec<RefusalLine>,
    /// "3 older ones are not shown".
    pub refusals_more: Option<String>,
}

impl Table {
    /// Whether the next sign-in on a device replaces this row's token.
    pub(super) fn goes_next(&self, row: &TokenRow) -> bool {
        self.next_to_go.contains(&row.id)
    }

    /// Reads a page of an account's tokens; a page after the last one shows the last.
    pub(super) async fn read(
        connection: &mut impl Connection,
        app: &App,
        account: &Account,
        page: &Page,
        listing: Listing,
    ) -> Result<Self, Error> {
        let mut listing = listing;
        let mut read = overview::overview(connection, account, &listing, page.now).await?;
        let last = crate::core::listing::pages(read.count);
        if listing.page > last {
            listing.page = last;
            read = overview::overview(connection, account, &listing, page.now).await?;
        }
        let next_to_go = generated::next_to_go(connection, account, app.config.devices, page.now).await?;
        let (refused, older) = refusals::recent(connection, account, page.now).await?;
        Ok(Self {
            next_to_go: next_to_go.into_iter().map(|(id, _)| id).collect(),
            refusals: refused.into_iter().map(|refused| RefusalLine::new(refused, page)).collect(),
            refusals_more: (older > 0).then(|| page.words.count("refusals.more", older)),
            ..Self::new(app, page, &listing, &read)
        })
    }

    fn new(app: &App, page: &Page, listing: &Listing, overview: &Overview) -> Self {
        let row = |token| TokenRow::new(token, page.now, page.words, &page.zone);
        Self {
            rows: overview.tokens.iter().map(row).collect(),
            headings: Heading::all(listing),
            statuses: status_options(listing),
            sources: source_options(listing),
            text: listing.text.clone(),
            sort: listing.column.as_str(),
            direction: address::direction(listing.direction),
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

#[derive(Template, WebTemplate)]
#[template(path = "tokens/index.html", blocks = ["table"])]
struct TokensPage {
    page: Page,
    table: Table,
    notice: Option<String>,
    /// Whether the table replaces another one wherever it stands on the page.
    out_of_band: bool,
}

async fn list(State(app): State<App>, me: SignedIn, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let listing = address::parse(query.as_deref().unwrap_or_default());
    let address = HxPushUrl(format!("/settings/tokens{}", address::query(&listing)));
    // A whole token that was typed into the filter leaves the address bar at once.
    let holds_secret = query.as_deref().is_some_and(|query| query.contains("text=dp_") && !address.0.ends_with(query));
    if holds_secret && !me.page.is_fragment {
        return Ok(private(Redirect::to(&address.0)));
    }
    let table = Table::read(&mut app.db.read().await?, &app, &me.account, &me.page, listing).await?;
    if me.page.is_fragment {
        let fragment = TokensPage { page: me.page, table, notice: None, out_of_band: false };
        return Ok(private((address, fragment.as_table().into_web_template())));
    }
    let notice = me.take_notice().await?;
    Ok(private(TokensPage { page: me.page, table, notice, out_of_band: false }))
}
