//! The table of tokens, and the response to a change: the same rows again.

use askama::Template;
use askama_web::WebTemplate;
use axum::http::StatusCode;
use axum::response::Response;
use dockpass_core::account::Account;
use dockpass_core::listing::TokenListQuery;
use dockpass_core::refusal::SuggestedFix;
use dockpass_core::token::{TokenSource, TokenStatus};

use super::actions;
use super::pages::TokensPage;
use crate::app::App;
use crate::auth::session::SignedIn;
use crate::error::Error;
use crate::platform::database::{Connection, Tx};
use crate::tokens::actions::EXPIRES_SOON;
use crate::tokens::refusals::actions as refusals;
use crate::tokens::refusals::rows::RefusalView;
use crate::tokens::return_to::ReturnTo;
use crate::tokens::rows::{ColumnHeading, QuotaView, TokenView};
use crate::tokens::{actions as tokens, list_query};
use crate::web::list_query::Paging;
use crate::web::page::{Page, private, redirect};

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
    /// The direction of the first click on the sorted column.
    pub first_direction: &'static str,
    pub is_filtered: bool,
    pub paging: Paging,
    pub quota: QuotaView,
    /// "2 tokens expire this week", whatever the filter.
    pub ending_soon: Option<String>,
    /// The auto-generated tokens that the next sign-in on a device replaces, if there is no free slot.
    pub next_to_go: Vec<String>,
    pub refusals: Vec<RefusalView>,
    /// "Show all 5".
    pub refusals_all: String,
    /// "3 older ones are not shown".
    pub refusals_more: Option<String>,
    /// What screen readers hear after filtering and paging: "12 tokens".
    pub announcement: String,
    /// The command of an account without tokens.
    pub login: String,
}

impl TokenTable {
    /// Whether the account has tokens, as far as this page of the list tells.
    pub(in crate::tokens) fn has_tokens(&self) -> bool {
        !self.rows.is_empty() || self.is_filtered
    }

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
        let used = tokens::used(connection, account, now).await?;
        let (rows, count) = actions::list(connection, account, &mut listing, used.all_tokens, now).await?;
        let expiring = actions::count_expiring(connection, account, now, now + EXPIRES_SOON).await?;
        let next_to_go = tokens::next_replaced(connection, account, app.config.devices, now).await?;
        let (refused, older) = refusals::recent(connection, account, now).await?;
        let refused: Vec<RefusalView> = refused.into_iter().map(|refused| RefusalView::new(refused, page)).collect();
        let all = if older > 0 { "refusals.show_latest" } else { "refusals.show_all" };
        let paging = Paging::new(listing.page, count, words, |number| list_query::address(&listing.at_page(number)));
        let found =
            || if count == 0 { words.t("tokens.none_found").into() } else { words.count("tokens.found", count) };
        Ok(Self {
            announcement: paging.summary.clone().unwrap_or_else(found),
            login: format!("docker login {} -u {}", app.urls.registry_host, account.username),
            rows: rows.iter().map(|token| TokenView::new(token, page)).collect(),
            headings: ColumnHeading::all(&listing),
            statuses: TokenStatus::ALL.map(|status| (status.as_str(), listing.status == Some(status))),
            sources: TokenSource::ALL.map(|source| (source.as_str(), listing.source == Some(source))),
            sort: listing.column.as_str(),
            direction: list_query::direction(listing.direction),
            first_direction: list_query::direction(listing.column.first_direction()),
            is_filtered: listing.is_filtered(),
            paging,
            quota: QuotaView::new(app.config.token_limits, used, now, words),
            ending_soon: (expiring > 0).then(|| words.count("tokens.ending_soon", expiring)),
            next_to_go: next_to_go.into_iter().map(|(id, _)| id).collect(),
            refusals_all: words.t1(all, "count", refused.len()),
            refusals: refused,
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
pub(super) struct TokensChangedPage {
    pub page: Page,
    pub table: TokenTable,
    pub out_of_band: bool,
    pub notice: Option<String>,
}

/// Commits a change and returns to where it began, with a notice: to the page of a token, or to the rows that were shown.
pub(in crate::tokens) async fn changed(
    tx: Tx,
    app: &App,
    me: SignedIn,
    back: &ReturnTo,
    notice: String,
) -> Result<Response, Error> {
    tx.commit().await?;
    if back.is_list_shown(&me.page) {
        let table = TokenTable::read_again(app, &me).await?;
        return Ok(private(TokensChangedPage { page: me.page, table, out_of_band: true, notice: Some(notice) }));
    }
    me.leave_notice(&notice).await?;
    Ok(redirect(&me.page, &back.address_after(&me.page)))
}

/// The response about tokens that are not there. If the account deleted them meanwhile, such as in another tab, it is the
/// list as it is now with a notice; for every other id it is [`Error::NotFound`].
pub(in crate::tokens) async fn not_there(app: &App, me: SignedIn, ids: &[&str]) -> Result<Response, Error> {
    let mut reader = app.db.read().await?;
    let mut names = Vec::with_capacity(ids.len());
    for id in ids {
        names.push(tokens::find_deleted(&mut reader, &me.account, id).await?.ok_or(Error::NotFound)?.to_string());
    }
    drop(reader);
    let notice = match names.as_slice() {
        [name] => me.page.t1("tokens.already_deleted", "name", name),
        _ => me.page.t("tokens.already_deleted_all").into_owned(),
    };
    let back = ReturnTo::list();
    if me.page.is_fragment && !back.is_list_shown(&me.page) {
        me.leave_notice(&notice).await?;
        return Ok(redirect(&me.page, list_query::PATH));
    }
    let (table, is_fragment) = (TokenTable::read_again(app, &me).await?, me.page.is_fragment);
    let shown = TokensChangedPage { page: me.page, table, out_of_band: is_fragment, notice: Some(notice) };
    let status = StatusCode::NOT_FOUND;
    Ok(if is_fragment { private((status, shown)) } else { private((status, TokensPage::from(shown))) })
}
