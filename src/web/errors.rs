//! Turns errors into responses and logs them.
//!
//! A handler's error travels in the extensions of the response until one of the middlewares below renders it: as a page
//! or a fragment for browsers, as JSON for registry clients and devices.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_htmx::{HxRedirect, HxReswap, HxRetarget, SwapOption};
use serde_json::json;

use super::page::{Page, private, retry_after};
use crate::app::App;
use crate::error::Error;

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::SignedOut => StatusCode::UNAUTHORIZED,
            Error::Forbidden | Error::SecondFactorRequired => StatusCode::FORBIDDEN,
            Error::Invalid => StatusCode::BAD_REQUEST,
            Error::Gone | Error::LinkOver => StatusCode::GONE,
            Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::Busy | Error::Outage(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The key of its texts in the locale files.
    fn key(&self) -> &'static str {
        match self {
            Error::NotFound => "not_found",
            Error::SignedOut => "signed_out",
            Error::Forbidden | Error::SecondFactorRequired => "forbidden",
            Error::Invalid => "invalid",
            Error::Gone => "gone",
            Error::LinkOver => "link_over",
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

/// Renders errors as pages, or as notices for htmx. Redirects to the sign-in page and back.
pub async fn as_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    let page = Page::of(request.method(), request.uri(), request.headers(), app.clock.now());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    // No query of ours needs a NUL, and PostgreSQL takes none.
    let has_nul = uri.query().is_some_and(|query| query.contains("%00"));
    let mut response = if has_nul { Error::Invalid.into_response() } else { next.run(request).await };
    match response.extensions_mut().remove::<Arc<Error>>() {
        None => response,
        Some(error) => {
            error.log();
            match &*error {
                Error::SecondFactorRequired => redirect(&page, "/settings/security"),
                Error::SignedOut => redirect_to_sign_in(&page, method.is_safe(), &uri),
                other => error_page(page, other),
            }
        }
    }
}

fn redirect_to_sign_in(page: &Page, can_return: bool, uri: &Uri) -> Response {
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    // After signing in, the steps of signing in would only lead to the sign-in page again.
    let is_destination = here != "/" && !here.starts_with("/login");
    let address = if can_return && !page.is_fragment && is_destination {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", here).finish();
        format!("/login?{query}")
    } else {
        "/login".to_owned()
    };
    redirect(page, &address)
}

/// Unlike [`super::page::redirect`] with 401 for htmx: the caller did not get what it asked for.
fn redirect(page: &Page, address: &str) -> Response {
    if page.is_fragment {
        private((StatusCode::UNAUTHORIZED, HxRedirect(address.to_owned()), ()))
    } else {
        private(Redirect::to(address))
    }
}

fn error_page(page: Page, error: &Error) -> Response {
    // The language menu must not lead back here: the page may not exist for this reader.
    let page = Page { here: "/".to_owned(), ..page };
    let key = error.key();
    let title = page.t(format!("errors.{key}.title")).into_owned();
    let sentence = match error {
        Error::TooMany(wait) => page.words.count("errors.too_many.sentence", wait.as_secs().max(1) as i64),
        _ => page.t(format!("errors.{key}.sentence")).into_owned(),
    };
    let is_fragment = page.is_fragment;
    let template = ErrorPage { page, title, sentence };
    let notice = ErrorNotice { title: &template.title, sentence: &template.sentence };
    let body = if is_fragment { notice.render() } else { template.render() };
    let html = axum::response::Html(body.unwrap_or_else(|_| template.sentence.clone()));
    let response = if is_fragment {
        let target = (HxRetarget("#notice".to_owned()), HxReswap(SwapOption::InnerHtml));
        private((error.status(), target, html))
    } else {
        private((error.status(), html))
    };
    retry_after(response, error.wait())
}

/// Renders errors as registry clients show them: `{"errors":[{"code","message"}]}`.
pub async fn as_registry_json(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Error>>() {
        None => explain_refusal(response),
        Some(error) => {
            error.log();
            let (code, message) = match &*error {
                Error::TooMany(wait) => {
                    ("TOOMANYREQUESTS", format!("too many failed attempts: wait {} seconds", wait.as_secs().max(1)))
                }
                Error::Invalid => ("UNSUPPORTED", "the request cannot be read".to_owned()),
                Error::NotFound => ("NAME_UNKNOWN", "not found".to_owned()),
                Error::Busy => ("UNAVAILABLE", "the server is too busy: try again in a moment".to_owned()),
                Error::Outage(_) => {
                    ("UNAVAILABLE", "the server's database does not answer: try again in a moment".to_owned())
                }
                _ => ("UNKNOWN", "the server failed: its log says why".to_owned()),
            };
            retry_after(registry_error(error.status(), code, &message), error.wait())
        }
    }
}

const NO_SUCH_METHOD: &str = "there is no such method here: the header Allow names those";

/// Adds a message to responses that come from axum and not from a handler.
fn explain_refusal(response: Response) -> Response {
    let (code, message) = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => ("UNSUPPORTED", NO_SUCH_METHOD),
        StatusCode::PAYLOAD_TOO_LARGE => ("SIZE_INVALID", "the request is too large"),
        _ => return response,
    };
    registry_error(response.status(), code, message)
}

/// Renders errors as OAuth has them (RFC 6749 section 5.2): `{"error","error_description"}`.
pub async fn as_oauth_json(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Error>>() {
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            oauth_error(response.status(), "invalid_request", NO_SUCH_METHOD)
        }
        None => response,
        Some(error) => {
            error.log();
            let (code, description) = match &*error {
                Error::Invalid => ("invalid_request", "the request is not a form that can be read"),
                Error::Busy => ("temporarily_unavailable", "the server is too busy: try again in a moment"),
                Error::Outage(_) => {
                    ("temporarily_unavailable", "the server's database does not answer: try again in a moment")
                }
                _ => ("server_error", "the server failed: its log says why"),
            };
            retry_after(oauth_error(error.status(), code, description), error.wait())
        }
    }
}

fn oauth_error(status: StatusCode, code: &str, description: &str) -> Response {
    private((status, Json(json!({"error": code, "error_description": description}))))
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
