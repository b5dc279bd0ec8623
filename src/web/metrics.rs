//! Measuring requests, and `/metrics` on a listener of its own: metrics are for the operator only.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{Route, get};
use tower::{Layer, Service};

use super::headers;
use crate::platform::metrics::{MEDIA_TYPE, Metrics};
use crate::platform::request_durations::RouteDurations;

pub fn router(metrics: Metrics) -> Router {
    let routes = Router::new().route("/metrics", get(show)).with_state(metrics);
    routes.layer(middleware::from_fn_with_state(false, headers::secure))
}

async fn show(State(metrics): State<Metrics>) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], metrics.text()).into_response()
}

/// Measures every request, and counts token requests and notifications by the status of the response.
///
/// A middleware function would allocate for each request. axum makes one service for each route, so that a service finds
/// its histograms once.
#[derive(Debug, Clone)]
pub struct Measure(pub Metrics);

impl Layer<Route> for Measure {
    type Service = Measured;

    fn layer(&self, inner: Route) -> Measured {
        Measured { inner, route: Arc::new(MeasuredRoute { metrics: self.0.clone(), found: OnceLock::new() }) }
    }
}

#[derive(Debug)]
struct MeasuredRoute {
    metrics: Metrics,
    found: OnceLock<(Arc<RouteDurations>, EndpointKind)>,
}

/// The endpoints that have a counter of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndpointKind {
    Token,
    Notifications,
    Other,
}

impl MeasuredRoute {
    fn find(&self, request: &Request) -> &(Arc<RouteDurations>, EndpointKind) {
        self.found.get_or_init(|| {
            let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
            let kind = match path {
                Some("/token") => EndpointKind::Token,
                Some("/registry/events") => EndpointKind::Notifications,
                _ => EndpointKind::Other,
            };
            (self.metrics.request_durations.of(path), kind)
        })
    }

    fn count(&self, method: usize, status: u16, began: Instant) {
        let Some((durations, kind)) = self.found.get() else { return };
        durations.observe(method, status, began.elapsed());
        match kind {
            EndpointKind::Token => self.metrics.token_requested(status),
            EndpointKind::Notifications => self.metrics.notified(status),
            EndpointKind::Other => {}
        }
    }
}

/// A route whose requests are measured.
#[derive(Debug, Clone)]
pub struct Measured {
    inner: Route,
    route: Arc<MeasuredRoute>,
}

impl Service<Request> for Measured {
    type Response = Response;
    type Error = Infallible;
    type Future = MeasuredResponse;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, request: Request) -> MeasuredResponse {
        let (began, method) = (Instant::now(), RouteDurations::method(request.method().as_str()));
        self.route.find(&request);
        MeasuredResponse { inner: self.inner.call(request), route: Arc::clone(&self.route), method, began }
    }
}

pub struct MeasuredResponse {
    inner: <Route as Service<Request>>::Future,
    route: Arc<MeasuredRoute>,
    method: usize,
    began: Instant,
}

impl Future for MeasuredResponse {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.inner).poll(context))?;
        self.route.count(self.method, response.status().as_u16(), self.began);
        Poll::Ready(Ok(response))
    }
}
