//! What every page needs: texts, theme, who is signed in, and whether htmx asked for a fragment.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, REFERER, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar};
use axum_htmx::{HX_CURRENT_URL, HX_REQUEST, HxRedirect};
use dockpass_core::account::Account;
use dockpass_core::timestamp::Timestamp;

use super::i18n::{LANGUAGES, Words};
use super::time::{TimeView, Zone};
use super::{assets, cookies, proxies};
use crate::app::App;
use crate::error::Error;

/// The themes that a reader can choose instead of the system's.
pub const THEMES: [&str; 2] = ["light", "dark"];

/// What the layout of a page needs. Templates get their texts from it.
#[derive(Debug, Clone)]
pub struct Page {
    pub words: Words,
    /// `light` or `dark`; `None` follows the system.
    pub theme: Option<&'static str>,
    pub path: String,
    /// Where forms of the top bar lead back to.
    pub here: String,
    /// The address of the page from which the request came, as the browser says.
    pub came_from: String,
    pub is_fragment: bool,
    /// Whether it is a form that is shown again because something in it is wrong. The title says so.
    pub has_errors: bool,
    pub now: Timestamp,
    pub zone: Zone,
    /// The name of the cookie in which the script keeps the browser's zone.
    pub zone_cookie: String,
    /// The public URL, if this browser came by plain http and cannot stay signed in.
    pub secure_address: Option<String>,
    pub account: Option<Account>,
    /// How long the session of who is signed in lasts if it is not used.
    pub session_seconds: Option<i64>,
}

/// Who is signed in, for error pages. It outlives a handler that panics or takes too long.
#[derive(Debug, Clone, Default)]
pub struct Visitor(Arc<OnceLock<Account>>);

impl Visitor {
    pub fn is(&self, account: &Account) {
        self.0.get_or_init(|| account.clone());
    }

    pub fn account(&self) -> Option<&Account> {
        self.0.get()
    }
}

impl FromRequestParts<App> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app, parts, app.clock.now()))
    }
}

impl Page {
    /// The page for a request where nobody is signed in.
    pub fn of(app: &App, parts: &Parts, now: Timestamp) -> Self {
        let (headers, urls) = (&parts.headers, &*app.urls);
        let cookies = CookieJar::from_headers(headers);
        let cookie = |name| cookies.get(&cookies::name(name, urls)).map(Cookie::value);
        let peer = proxies::peer(&parts.extensions);
        Self {
            here: here(&parts.method, &parts.uri),
            words: cookie(cookies::LANGUAGE).and_then(Words::named).unwrap_or_else(|| Words::accepted(headers)),
            theme: cookie(cookies::THEME).and_then(theme_named),
            path: parts.uri.path().to_owned(),
            came_from: came_from(headers),
            is_fragment: headers.contains_key(HX_REQUEST),
            has_errors: false,
            now,
            zone: Zone::of_browser(cookie(cookies::ZONE).unwrap_or_default()),
            zone_cookie: cookies::name(cookies::ZONE, urls),
            secure_address: proxies::is_plain_http(peer, headers, &app.config, urls).then(|| urls.public.clone()),
            account: None,
            session_seconds: None,
        }
    }

    /// The same page for an account: its settings win over the browser's.
    pub fn signed_in(mut self, account: &Account) -> Self {
        self.words = account.language.as_deref().and_then(Words::named).unwrap_or(self.words);
        self.theme = account.theme.as_deref().and_then(theme_named).or(self.theme);
        self.zone = account.time_zone.as_deref().and_then(Zone::named).unwrap_or(self.zone);
        self.account = Some(account.clone());
        self
    }

    pub fn t(&self, key: impl AsRef<str>) -> Cow<'static, str> {
        self.words.t(key.as_ref())
    }

    pub fn t1(&self, key: &str, name: &str, value: impl Display) -> String {
        self.words.t1(key, name, value)
    }

    pub fn time(&self, at: &Timestamp) -> TimeView {
        TimeView::new(*at, self.now, self.words, &self.zone)
    }

    /// The level of a dialog's heading: over a page, that page has the first one.
    pub fn dialog_level(&self) -> u8 {
        if self.is_fragment { 2 } else { 1 }
    }

    /// The same page for an answer with this status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        // 401 and 403 ask for a password: nothing that was typed is wrong.
        let is_question = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        self.has_errors = status.is_client_error() && !is_question;
        self
    }

    pub fn asset(&self, name: &str) -> &'static str {
        assets::address(name)
    }

    /// The addresses of all scripts, htmx first.
    pub fn scripts(&self) -> &'static [&'static str] {
        &assets::SCRIPTS
    }

    /// The languages to choose from: locale, its own name, whether this page uses it.
    pub fn languages(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let current = self.words.locale();
        LANGUAGES.into_iter().map(move |(locale, name)| (locale, name, locale == current))
    }

    /// The themes to choose from: name, whether this page uses it.
    pub fn themes(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let current = self.theme.unwrap_or("system");
        ["system"].into_iter().chain(THEMES).map(move |name| (name, name == current))
    }

    /// The query of the list at `path` from which this request came: after a change the same rows are shown again.
    pub fn query_before(&self, path: &str) -> &str {
        self.came_from.split_once(&format!("{path}?")).map_or("", |(_, query)| query)
    }

    pub fn is_admin(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.is_admin)
    }

    pub fn username(&self) -> &str {
        self.account.as_ref().map_or("", |account| account.username.as_str())
    }

    pub fn has_second_factor(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.has_second_factor)
    }

    pub fn has_calendar(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.has_calendar)
    }

    /// Whether a navigation link leads to this page or to one above it.
    pub fn is_at(&self, path: &str) -> bool {
        self.path == path || (path != "/settings" && self.path.starts_with(&format!("{path}/")))
    }
}

/// The address of the page from which a request came, as the browser says.
pub fn came_from(headers: &HeaderMap) -> String {
    let address = headers.get(HX_CURRENT_URL).or_else(|| headers.get(REFERER));
    address.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The address of this page with its query. For a POST, the page that has the form: many of those addresses have no
/// page of their own.
fn here(method: &Method, uri: &Uri) -> String {
    if method.is_safe() {
        return uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    }
    let homes = [
        "/device",
        "/settings/tokens",
        "/settings/repositories",
        "/settings/security",
        "/settings/sessions",
        "/settings",
        "/admin/accounts",
    ];
    let home = homes.into_iter().find(|home| uri.path().starts_with(home));
    home.unwrap_or(if uri.path().starts_with("/login") { uri.path() } else { "/" }).to_owned()
}

/// Adds `Retry-After` (RFC 9110 section 10.2.3) where the client must wait.
pub fn retry_after(mut response: Response, wait: Option<Duration>) -> Response {
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.as_secs().max(1).into());
    }
    response
}

/// Leads to another page. htmx follows ordinary redirects by itself and would put the page into the fragment.
pub fn redirect(page: &Page, address: &str) -> Response {
    if page.is_fragment {
        (HxRedirect(address.to_owned()), StatusCode::OK).into_response()
    } else {
        Redirect::to(address).into_response()
    }
}

pub fn theme_named(name: &str) -> Option<&'static str> {
    THEMES.into_iter().find(|theme| *theme == name)
}

/// A response with `Cache-Control: no-store`: neither the browser nor a proxy keeps it.
pub fn private(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page without the indentation of its templates, which adds up in a long list. Code keeps its own. Not for a page with a
/// text area.
pub fn without_indentation(page: &impl Template) -> Result<Html<String>, Error> {
    let html = page.render().map_err(Error::internal)?;
    let mut stripped = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some(start) = rest.find("<pre") {
        let (text, code) = rest.split_at(start);
        let (code, after) = code.split_at(code.find("</pre>").unwrap_or(code.len()));
        push_without_indentation(text, &mut stripped);
        stripped.push_str(code);
        rest = after;
    }
    push_without_indentation(rest, &mut stripped);
    Ok(Html(stripped))
}

/// Appends `text` to `html` without the indentation of its lines and without empty lines.
fn push_without_indentation(text: &str, html: &mut String) {
    let mut lines = text.split('\n');
    html.push_str(lines.next().unwrap_or_default());
    for line in lines {
        let line = line.trim_ascii_start();
        if !line.is_empty() {
            html.extend(["\n", line]);
        }
    }
}

/// Renders a template's `dialog` block for htmx, and the whole page without it.
macro_rules! dialog_or_page {
    ($status:expr, $template:expr) => {{
        use askama_web::WebTemplateExt as _;
        let status = $status;
        let mut template = $template;
        template.page = template.page.with_status(status);
        if template.page.is_fragment {
            $crate::web::page::private((status, template.as_dialog().into_web_template()))
        } else {
            $crate::web::page::private((status, template.into_web_template()))
        }
    }};
}

pub(crate) use dialog_or_page;
