//! Turns errors into responses and logs them.
//!
//! A handler's error travels in the extensions of the response until one of the middlewares below renders it: as a page
//! or a fragment for browsers, as JSON for registry clients and devices.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_htmx::{HxRedirect, HxReswap, HxRetarget, SwapOption};
use serde_json::json;

use super::forms::local_path;
use super::page::{Page, Visitor, private, retry_after};
use crate::app::App;
use crate::error::Error;

impl Error {
    /// The error for a status with which axum or a layer refuses a request.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Error::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
            StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => Error::Busy,
            status if status.is_client_error() => Error::Invalid,
            status => Error::internal(format!("a response with status {status}")),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::SignedOut | Error::SessionEnded => StatusCode::UNAUTHORIZED,
            Error::Forbidden | Error::SecondFactorRequired => StatusCode::FORBIDDEN,
            Error::Invalid => StatusCode::BAD_REQUEST,
            Error::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Gone | Error::InvalidLink => StatusCode::GONE,
            Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::Busy | Error::Outage(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The key of its texts in the locale files.
    fn key(&self) -> &'static str {
        match self {
            Error::NotFound => "not_found",
            Error::SignedOut | Error::SessionEnded => "signed_out",
            Error::Forbidden | Error::SecondFactorRequired => "forbidden",
            Error::Invalid => "invalid",
            Error::MethodNotAllowed => "method_not_allowed",
            Error::TooLarge => "too_large",
            Error::Gone => "gone",
            Error::InvalidLink => "invalid_link",
            Error::TooMany(_) => "too_many",
            Error::Busy => "unavailable",
            Error::Outage(_) => "outage",
            Error::Internal(_) => "internal",
        }
    }

    fn wait(&self) -> Option<Duration> {
        match self {
            Error::TooMany(wait) => Some(*wait),
            Error::Busy | Error::Outage(_) => Some(Duration::from_secs(2)),
            _ => None,
        }
    }

    /// In words, for registry clients and devices.
    fn sentence(&self) -> Cow<'static, str> {
        let sentence = match self {
            Error::TooMany(wait) => {
                return format!("too many failed attempts: wait {} seconds", wait.as_secs().max(1)).into();
            }
            Error::NotFound => "not found",
            Error::Invalid => "the request cannot be read",
            Error::MethodNotAllowed => "there is no such method here: the header Allow names those",
            Error::TooLarge => "the request is too large",
            Error::Busy => "the server is too busy: try again in a moment",
            Error::Outage(_) => "the server's database does not answer: try again in a moment",
            _ => "the server failed: its log says why",
        };
        sentence.into()
    }

    fn log(&self) {
        match self {
            Error::Internal(source) => tracing::error!(error = %source, "a request failed"),
            Error::Outage(source) => tracing::error!(error = %source, "the database failed"),
            Error::Busy => tracing::warn!("the server is too busy for a request"),
            _ => {}
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[derive(Template)]
#[template(path = "errors/error.html")]
struct ErrorPage {
    page: Page,
    title: String,
    sentence: String,
    /// The page from which the reader came.
    back: String,
    /// Whether the same request can have another answer in a moment.
    can_retry: bool,
}

/// The same for htmx. It cannot be a block of the page's template: askama renders only blocks that the layout has too.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="notice danger" role="alert"><strong>{{ title }}.</strong> {{ sentence }}</p>"#
)]
struct ErrorNotice<'p> {
    title: &'p str,
    sentence: &'p str,
}

/// Renders the error of a response: the handler's, or that of a refusal that axum or a layer wrote by itself. Answers of
/// our own are HTML or JSON.
fn render(mut response: Response, show: impl FnOnce(&Error) -> Response) -> Response {
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    let is_text = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let carried = response.extensions_mut().remove::<Arc<Error>>();
    let Some(error) = carried.or_else(|| (is_refusal && is_text).then(|| Arc::new(Error::of_status(status)))) else {
        return response;
    };
    error.log();
    let mut shown = retry_after(show(&error), error.wait());
    if let Some(methods) = response.headers_mut().remove(ALLOW) {
        shown.headers_mut().insert(ALLOW, methods);
    }
    shown
}

/// Renders errors as pages, or as notices for htmx. Redirects to the sign-in page and back.
pub async fn as_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let page = Page::of(&app, &parts, app.clock.now());
    let visitor = Visitor::default();
    parts.extensions.insert(visitor.clone());
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    // No query of ours needs a NUL, and PostgreSQL takes none.
    let has_nul = uri.query().is_some_and(|query| query.contains("%00"));
    let request = Request::from_parts(parts, body);
    let response = if has_nul { Error::Invalid.into_response() } else { next.run(request).await };
    render(response, |error| match error {
        Error::SecondFactorRequired => redirect(&page, "/settings/security"),
        Error::SignedOut | Error::SessionEnded => redirect_to_sign_in(&page, error, &method, &uri),
        other => {
            let page = visitor.account().map_or_else(|| page.clone(), |account| page.clone().signed_in(account));
            error_page(page, other, method.is_safe())
        }
    })
}

/// Leads to the sign-in page, which says why, and then back: a fragment back to the page around it.
fn redirect_to_sign_in(page: &Page, error: &Error, method: &Method, uri: &Uri) -> Response {
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    let here = if page.is_fragment { path_of(&page.came_from) } else { here };
    // After signing in, the steps of signing in would only lead to the sign-in page again.
    let is_step = uri.path().starts_with("/login");
    let is_destination = (page.is_fragment || method.is_safe()) && here.len() > 1 && !is_step;
    let mut query = form_urlencoded::Serializer::new(String::new());
    if is_destination {
        query.append_pair("next", here);
    }
    let has_ended = matches!(error, Error::SessionEnded);
    if is_step && has_ended {
        query.append_pair("reason", "late");
    } else if has_ended || page.is_fragment && is_destination {
        query.append_pair("reason", "ended");
    }
    let query = query.finish();
    redirect(page, &if query.is_empty() { "/login".to_owned() } else { format!("/login?{query}") })
}

/// The path and query of an address that a browser sent, or an empty text.
fn path_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    local_path(rest.find('/').map_or("", |at| &rest[at..]), "")
}

/// Unlike [`super::page::redirect`] with 401 for htmx: the caller did not get what it asked for.
fn redirect(page: &Page, address: &str) -> Response {
    if page.is_fragment {
        private((StatusCode::UNAUTHORIZED, HxRedirect(address.to_owned()), ()))
    } else {
        private(Redirect::to(address))
    }
}

fn error_page(page: Page, error: &Error, is_safe: bool) -> Response {
    let back = path_of(&page.came_from);
    let back = if back == page.here || back.starts_with("/login") { String::new() } else { back.to_owned() };
    let can_retry =
        is_safe && matches!(error.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR);
    // The language menu must not lead back here: the page may not exist for this reader.
    let page = if can_retry { page } else { Page { here: "/".to_owned(), ..page } };
    let key = error.key();
    let title = page.t(format!("errors.{key}.title")).into_owned();
    let sentence = match error {
        Error::TooMany(wait) => page.words.count("errors.too_many.sentence", wait.as_secs().max(1) as i64),
        _ => page.t(format!("errors.{key}.sentence")).into_owned(),
    };
    let is_fragment = page.is_fragment;
    let template = ErrorPage { page, title, sentence, back, can_retry };
    let notice = ErrorNotice { title: &template.title, sentence: &template.sentence };
    let body = if is_fragment { notice.render() } else { template.render() };
    let html = axum::response::Html(body.unwrap_or_else(|_| template.sentence.clone()));
    if is_fragment {
        let target = (HxRetarget("#notice".to_owned()), HxReswap(SwapOption::InnerHtml));
        private((error.status(), target, html))
    } else {
        private((error.status(), html))
    }
}

/// Renders errors as registry clients show them: `{"errors":[{"code","message"}]}`.
pub async fn as_registry_json(request: Request, next: Next) -> Response {
    render(next.run(request).await, |error| {
        let code = match error {
            Error::TooMany(_) => "TOOMANYREQUESTS",
            Error::Invalid | Error::MethodNotAllowed => "UNSUPPORTED",
            Error::TooLarge => "SIZE_INVALID",
            Error::NotFound => "NAME_UNKNOWN",
            Error::Busy | Error::Outage(_) => "UNAVAILABLE",
            _ => "UNKNOWN",
        };
        registry_error(error.status(), code, &error.sentence())
    })
}

/// Renders errors as OAuth has them (RFC 6749 section 5.2): `{"error","error_description"}`.
pub async fn as_oauth_json(request: Request, next: Next) -> Response {
    render(next.run(request).await, |error| {
        let code = match error {
            Error::Invalid | Error::MethodNotAllowed | Error::TooLarge => "invalid_request",
            Error::TooMany(_) | Error::Busy | Error::Outage(_) => "temporarily_unavailable",
            _ => "server_error",
        };
        private((error.status(), Json(json!({"error": code, "error_description": error.sentence()}))))
    })
}

/// An error response for registry clients.
pub fn registry_error(status: StatusCode, code: &str, message: &str) -> Response {
    private((status, Json(json!({"errors": [{"code": code, "message": message}]}))))
}

pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Error::internal("a handler panicked").into_response()
}

pub async fn not_found() -> Error {
    Error::NotFound
}
