//! What this server counts, for Prometheus.

use std::sync::Arc;

use dockpass_core::{refusal::Refusal, timestamp::Timestamp};
use prometheus_client::{
    encoding::text,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        info::Info,
    },
    registry::Registry,
};

use super::{log, write_health::WriteHealth};

type Labelled = Family<[(&'static str, &'static str); 1], Counter>;

/// The media type of [`Metrics::text`]: OpenMetrics, which Prometheus reads.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a request for a registry token ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRequestOutcome {
    /// With a token.
    Granted,
    /// With a refusal of the credentials, or of all that was asked.
    Refused,
    /// Turned away for having failed too often, or because too many came at once.
    Throttled,
    /// It could not be read.
    Invalid,
    /// By a fault of the server or its database.
    Failed,
}

impl TokenRequestOutcome {
    const ALL: [Self; 5] = [Self::Granted, Self::Refused, Self::Throttled, Self::Invalid, Self::Failed];

    /// By the status of the answer.
    pub const fn of(status: u16) -> Self {
        match status {
            200..400 => Self::Granted,
            401 | 403 => Self::Refused,
            429 => Self::Throttled,
            400..500 => Self::Invalid,
            _ => Self::Failed,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }
}

/// The counters; all clones count together.
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
    /// With every counter at nought. `started` is when this server began.
    pub fn new(started: Timestamp, write_health: WriteHealth) -> Self {
        let (writes_commit, lost_log_lines) = (Gauge::default(), Counter::default());
        let (token_requests, token_refusals) = (Labelled::default(), Labelled::default());
        // Shown from the beginning, so that the first of its kind is an increase.
        for outcome in TokenRequestOutcome::ALL {
            let _ = token_requests.get_or_create(&[("outcome", outcome.as_str())]);
        }
        for code in Refusal::CODES {
            let _ = token_refusals.get_or_create(&[("code", code)]);
        }
        let mut registry = Registry::default();
        registry.register(
            "dockpass_token_requests",
            "Requests at the token endpoint, by how they ended",
            token_requests.clone(),
        );
        registry.register(
            "dockpass_token_refusals",
            "Refusals at the token endpoint, by the code at the end of their sentence",
            token_refusals.clone(),
        );
        registry.register(
            "dockpass_database_writes_commit",
            "1 while writes to the database commit, 0 while they fail",
            writes_commit.clone(),
        );
        registry.register(
            "dockpass_log_lines_lost",
            "Log lines that standard error did not take",
            lost_log_lines.clone(),
        );
        registry.register("dockpass_build", "The version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let seconds = ConstGauge::new(started.seconds());
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

    /// Counts a request at the token endpoint.
    pub fn token_requested(&self, outcome: TokenRequestOutcome) {
        self.token_requests.get_or_create(&[("outcome", outcome.as_str())]).inc();
    }

    /// Counts a refusal; `code` is one of `core::refusal`.
    pub fn refused(&self, code: &'static str) {
        self.token_refusals.get_or_create(&[("code", code)]).inc();
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> String {
        self.writes_commit.set(self.write_health.is_committing().into());
        self.lost_log_lines.inc_by(log::lost_lines().saturating_sub(self.lost_log_lines.get()));
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("a text takes what is written to it");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_an_outcome() {
        let cases = [
            (200, "granted"),
            (401, "refused"),
            (429, "throttled"),
            (400, "invalid"),
            (405, "invalid"),
            (500, "failed"),
            (503, "failed"),
        ];
        for (status, outcome) in cases {
            assert_eq!(TokenRequestOutcome::of(status).as_str(), outcome, "{status}");
        }
    }

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
