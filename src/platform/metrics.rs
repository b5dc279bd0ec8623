//! The metrics for Prometheus.

use std::fmt;
use std::sync::Arc;

use dockpass_core::refusal::Refusal;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::usage::UseAction;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::journal::HasBacklog;
use super::request_durations::RequestDurations;
use super::write_health::WriteHealth;
use super::{database, log};

/// The media type of [`Metrics::text`]: OpenMetrics, which Prometheus reads.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// An enum whose variants are the values of a label.
macro_rules! label_values {
    ($(#[$attribute:meta])* $visibility:vis enum $name:ident { $($(#[$detail:meta])* $variant:ident = $value:literal),* $(,)? }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name { $($(#[$detail])* $variant),* }

        impl $name {
            const ALL: &[&str] = &[$($value),*];
        }
    };
}

label_values! {
    /// How a request for a registry token ended.
    enum TokenRequestOutcome {
        Granted = "granted",
        Refused = "refused",
        Throttled = "throttled",
        Invalid = "invalid",
        Failed = "failed",
    }
}

impl TokenRequestOutcome {
    const fn of(status: u16) -> Self {
        match status {
            200..400 => Self::Granted,
            401 | 403 => Self::Refused,
            429 => Self::Throttled,
            400..500 => Self::Invalid,
            _ => Self::Failed,
        }
    }
}

label_values! {
    /// How a notification from a registry was answered.
    enum NotificationOutcome {
        Accepted = "accepted",
        Refused = "refused",
        Invalid = "invalid",
        Failed = "failed",
    }
}

impl NotificationOutcome {
    const fn of(status: u16) -> Self {
        match status {
            200..400 => Self::Accepted,
            401 | 403 => Self::Refused,
            400..500 => Self::Invalid,
            _ => Self::Failed,
        }
    }
}

label_values! {
    /// How a step of a sign-in in the browser ended.
    pub enum SignInOutcome {
        SignedIn = "signed_in",
        /// The password was right, and the second factor is still missing.
        SecondFactor = "second_factor",
        WrongPassword = "wrong_password",
        WrongCode = "wrong_code",
        Disabled = "disabled",
        Throttled = "throttled",
    }
}

/// What registries notify.
const NOTIFIED_ACTIONS: [&str; 3] = [UseAction::Push.as_str(), UseAction::Pull.as_str(), UseAction::Delete.as_str()];

/// Counters of which one label has these values. All are shown from the start, so that Prometheus sees the first event as an
/// increase. Each counter is found once, so that counting takes no lock.
#[derive(Debug, Clone)]
struct Counters {
    values: &'static [&'static str],
    counters: Arc<[Counter]>,
}

impl Counters {
    fn register(registry: &mut Registry, name: &str, help: &str, label: &'static str, values: &'static [&str]) -> Self {
        let family: Family<[(&str, &str); 1], Counter> = Family::default();
        let counters = values.iter().map(|value| family.get_or_create_owned(&[(label, *value)])).collect();
        registry.register(name, help, family);
        Self { values, counters }
    }

    fn count(&self, place: usize) {
        self.counters[place].inc();
    }

    fn count_value(&self, value: &str) {
        if let Some(place) = self.values.iter().position(|known| *known == value) {
            self.count(place);
        }
    }
}

type TokenGauges = Family<[(&'static str, &'static str); 2], Gauge>;

/// The counters. All clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    pub request_durations: RequestDurations,
    token_requests: Counters,
    token_refusals: Counters,
    sign_ins: Counters,
    notifications: Counters,
    notified_events: Counters,
    tokens: TokenGauges,
    active_tokens: TokenGauges,
}

/// The journals by their names in the label.
pub type Journals = Vec<(&'static str, Arc<dyn HasBacklog>)>;

impl Metrics {
    /// New counters for a server that started at `started_at`.
    pub fn new(started_at: Timestamp, write_health: WriteHealth, journals: Journals) -> Self {
        let mut registry = Registry::default();
        let request_durations = RequestDurations::default();
        registry.register_collector(Box::new(request_durations.clone()));
        let mut counters = |name, help, label, values| Counters::register(&mut registry, name, help, label, values);
        let help = "Requests to the token endpoint, by outcome";
        let token_requests = counters("dockpass_token_requests", help, "outcome", TokenRequestOutcome::ALL);
        let help = "Refused requests to the token endpoint, by code";
        let token_refusals = counters("dockpass_token_refusals", help, "code", &Refusal::CODES);
        let help = "Steps of signing in with the browser, by outcome";
        let sign_ins = counters("dockpass_sign_ins", help, "outcome", SignInOutcome::ALL);
        let help = "Notifications from registries, by outcome";
        let notifications = counters("dockpass_notifications", help, "outcome", NotificationOutcome::ALL);
        let help = "Pushes, pulls and deletions that registries notified";
        let notified_events = counters("dockpass_notified_events", help, "action", &NOTIFIED_ACTIONS);
        let (tokens, active_tokens) = (TokenGauges::default(), TokenGauges::default());
        registry.register("dockpass_tokens", "Tokens in the database, by status", tokens.clone());
        let help = "Active tokens in the database, by the days until they expire";
        registry.register("dockpass_active_tokens", help, active_tokens.clone());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("dockpass_build", "The version of the server", version);
        let seconds = ConstGauge::new(started_at.seconds());
        registry.register("process_start_time_seconds", "When the server started, in seconds since 1970", seconds);
        registry.register_collector(Box::new(ReadAtScrape { write_health, journals }));
        Self {
            registry: Arc::new(registry),
            request_durations,
            token_requests,
            token_refusals,
            sign_ins,
            notifications,
            notified_events,
            tokens,
            active_tokens,
        }
    }

    /// Counts a request to the token endpoint by the status of its response.
    pub fn token_requested(&self, status: u16) {
        self.token_requests.count(TokenRequestOutcome::of(status) as usize);
    }

    /// Counts a refusal by its code, one of [`Refusal::CODES`].
    pub fn refused(&self, code: &'static str) {
        self.token_refusals.count_value(code);
    }

    pub fn sign_in(&self, outcome: SignInOutcome) {
        self.sign_ins.count(outcome as usize);
    }

    /// Counts a notification by the status of its response.
    pub fn notified(&self, status: u16) {
        self.notifications.count(NotificationOutcome::of(status) as usize);
    }

    /// Counts what a registry notified.
    pub fn notified_event(&self, action: UseAction) {
        self.notified_events.count_value(action.as_str());
    }

    /// Sets the number of tokens of this source with this status.
    pub fn set_tokens(&self, source: &'static str, status: &'static str, count: i64) {
        self.tokens.get_or_create(&[("source", source), ("status", status)]).set(count);
    }

    /// Sets the number of active tokens of this source that expire in so many days.
    pub fn set_active_tokens(&self, source: &'static str, days: &'static str, count: i64) {
        self.active_tokens.get_or_create(&[("source", source), ("expires_in_days", days)]).set(count);
    }

    /// All metrics in OpenMetrics format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("writing to a string never fails");
        text
    }
}

/// What others count, read when Prometheus asks.
#[derive(Debug)]
struct ReadAtScrape {
    write_health: WriteHealth,
    journals: Journals,
}

impl Collector for ReadAtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let backlogs: Vec<_> = self.journals.iter().map(|(name, journal)| (*name, journal.backlog())).collect();
        let entries = backlogs.iter().map(|(name, backlog)| (*name, ConstGauge::new(backlog.entries as i64)));
        let help = "Entries that wait to be written to the database";
        encode(&mut encoder, "dockpass_journal_entries", help, "journal", entries)?;
        let ages = backlogs.iter().map(|(name, backlog)| (*name, ConstGauge::new(backlog.oldest_age.as_secs_f64())));
        let help = "Age of the oldest entry that waits, or 0";
        encode(&mut encoder, "dockpass_journal_oldest_entry_age_seconds", help, "journal", ages)?;
        let dropped = backlogs.iter().map(|(name, backlog)| (*name, ConstCounter::new(backlog.dropped)));
        let help = "Entries dropped because too many waited";
        encode(&mut encoder, "dockpass_journal_entries_dropped", help, "journal", dropped)?;
        let errors = database::error_counts().map(|(kind, count)| (kind, ConstCounter::new(count)));
        encode(&mut encoder, "dockpass_database_errors", "Errors of the database, by kind", "kind", errors)?;
        let help = "1 while writes to the database commit, 0 while they fail";
        let is_committing = ConstGauge::new(i64::from(self.write_health.is_committing()));
        let name = "dockpass_database_writes_commit";
        is_committing.encode(encoder.encode_descriptor(name, help, None, is_committing.metric_type())?)?;
        let lost = ConstCounter::new(log::lost_lines());
        let (name, help) = ("dockpass_log_lines_lost", "Log lines that standard error did not take");
        lost.encode(encoder.encode_descriptor(name, help, None, lost.metric_type())?)
    }
}

/// Encodes a metric with one label.
fn encode<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    values: impl IntoIterator<Item = (&'static str, M)>,
) -> fmt::Result {
    let mut values = values.into_iter().peekable();
    let Some(kind) = values.peek().map(|(_, metric)| metric.metric_type()) else { return Ok(()) };
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    values.try_for_each(|(value, metric)| metric.encode(family.encode_family(&[(label, value)])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let metrics = Metrics::new(Timestamp::from_seconds(1_795_435_200), WriteHealth::default(), Journals::new());
        metrics.clone().refused("PAT-EXPIRED");
        metrics.refused("PAT-EXPIRED");
        let text = metrics.text();
        assert!(text.contains("\ndockpass_token_refusals_total{code=\"PAT-EXPIRED\"} 2\n"), "{text}");
        assert!(text.contains("\nprocess_start_time_seconds 1795435200\n"), "{text}");
    }
}
