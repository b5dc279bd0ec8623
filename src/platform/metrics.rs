//! The metrics for Prometheus.

use std::sync::Arc;

use dockpass_core::refusal::Refusal;
use dockpass_core::timestamp::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::log;
use super::write_health::WriteHealth;

type Labelled = Family<[(&'static str, &'static str); 1], Counter>;

/// The media type of [`Metrics::text`]: OpenMetrics, which Prometheus reads.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const OUTCOMES: [&str; 5] = ["granted", "refused", "throttled", "invalid", "failed"];

/// The outcome of a request for a registry token, by the status of the response.
const fn outcome(status: u16) -> &'static str {
    let [granted, refused, throttled, invalid, failed] = OUTCOMES;
    match status {
        200..400 => granted,
        401 | 403 => refused,
        429 => throttled,
        400..500 => invalid,
        _ => failed,
    }
}

/// The counters. All clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    token_requests: Labelled,
    token_refusals: Labelled,
    writes_commit: Gauge,
    lost_log_lines: Counter,
    write_health: WriteHealth,
}

impl Metrics {
    /// New counters for a server that started at `started_at`.
    pub fn new(started_at: Timestamp, write_health: WriteHealth) -> Self {
        let (writes_commit, lost_log_lines) = (Gauge::default(), Counter::default());
        let (token_requests, token_refusals) = (Labelled::default(), Labelled::default());
        // Every label is shown from the start, so that Prometheus sees the first event as an increase.
        for outcome in OUTCOMES {
            let _ = token_requests.get_or_create(&[("outcome", outcome)]);
        }
        for code in Refusal::CODES {
            let _ = token_refusals.get_or_create(&[("code", code)]);
        }
        let mut registry = Registry::default();
        let help = "Requests to the token endpoint, by outcome";
        registry.register("dockpass_token_requests", help, token_requests.clone());
        let help = "Refused requests to the token endpoint, by code";
        registry.register("dockpass_token_refusals", help, token_refusals.clone());
        let help = "1 while writes to the database commit, 0 while they fail";
        registry.register("dockpass_database_writes_commit", help, writes_commit.clone());
        let help = "Log lines that standard error did not take";
        registry.register("dockpass_log_lines_lost", help, lost_log_lines.clone());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("dockpass_build", "The version of the server", version);
        let seconds = ConstGauge::new(started_at.seconds());
        registry.register("process_start_time_seconds", "When the server started, in seconds since 1970", seconds);
        Self {
            registry: Arc::new(registry),
            token_requests,
            token_refusals,
            writes_commit,
            lost_log_lines,
            write_health,
        }
    }

    /// Counts a request to the token endpoint by the status of its response.
    pub fn token_requested(&self, status: u16) {
        self.token_requests.get_or_create(&[("outcome", outcome(status))]).inc();
    }

    /// Counts a refusal by its code, one of [`Refusal::CODES`].
    pub fn refused(&self, code: &'static str) {
        self.token_refusals.get_or_create(&[("code", code)]).inc();
    }

    /// All metrics in OpenMetrics format.
    pub fn text(&self) -> String {
        self.writes_commit.set(self.write_health.is_committing().into());
        self.lost_log_lines.inc_by(log::lost_lines().saturating_sub(self.lost_log_lines.get()));
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("writing to a string never fails");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let metrics = Metrics::new(Timestamp::from_seconds(1_795_435_200), WriteHealth::default());
        metrics.clone().refused("PAT-EXPIRED");
        metrics.refused("PAT-EXPIRED");
        let text = metrics.text();
        assert!(text.contains("\ndockpass_token_refusals_total{code=\"PAT-EXPIRED\"} 2\n"), "{text}");
        assert!(text.contains("\nprocess_start_time_seconds 1795435200\n"), "{text}");
    }
}
