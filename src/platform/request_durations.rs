//! How long requests take, by route, method and class of status: histograms that cost a request two atomic additions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// The label of all requests that match no route, so that made-up paths add no series.
const UNMATCHED: &str = "unmatched";
/// Other methods share the last label.
const METHODS: [&str; 4] = ["GET", "POST", "HEAD", "other"];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Upper bounds in microseconds. A token request takes some hundred of them, and no request more than 30 s.
const BOUNDS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

#[derive(Debug, Default)]
struct Histogram {
    /// The last one is for what is above all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    fn observe(&self, duration: Duration) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.counts[BOUNDS.partition_point(|bound| *bound < microseconds)].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = self.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }
}

/// The durations of one route. A series exists from its first request on.
#[derive(Debug, Default)]
pub struct RouteDurations([[OnceLock<Box<Histogram>>; STATUS_CLASSES.len()]; METHODS.len()]);

impl RouteDurations {
    /// The place of a method, for [`RouteDurations::observe`].
    pub fn method(name: &str) -> usize {
        METHODS.iter().position(|method| *method == name).unwrap_or(METHODS.len() - 1)
    }

    pub fn observe(&self, method: usize, status: u16, duration: Duration) {
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES.len()) - 1;
        self.0[method][class].get_or_init(Box::default).observe(duration);
    }
}

/// The durations of all routes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct RequestDurations(Arc<Mutex<BTreeMap<String, Arc<RouteDurations>>>>);

impl RequestDurations {
    /// The durations of the route with this path. Ask once for each route: it takes a lock.
    pub fn of(&self, route: Option<&str>) -> Arc<RouteDurations> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(route.unwrap_or(UNMATCHED).to_owned()).or_default())
    }
}

impl Collector for RequestDurations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (name, help) = ("dockpass_http_request_duration_seconds", "Time until the response begins");
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (route, durations) in &routes {
            for (method, classes) in METHODS.iter().zip(&durations.0) {
                for (status, histogram) in STATUS_CLASSES.iter().zip(classes) {
                    let Some(histogram) = histogram.get() else { continue };
                    let labels = [("route", route.as_str()), ("method", method), ("status", status)];
                    histogram.encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
