//! What every handler shares.

use std::ops::Deref;
use std::sync::Arc;

use dockpass_core::activity::FailureKey;
use dockpass_core::refusal::RefusalKey;
use dockpass_core::usage::{ImageDirection, LastUse, Occurrences, TokenUse};
use tokio::sync::watch;

use crate::config::{Config, Urls};
use crate::platform::clock::Clock;
use crate::platform::database::Db;
use crate::platform::encryption::Encryptor;
use crate::platform::http_server::ServerPhase;
use crate::platform::journal::Journal;
use crate::platform::metrics::Metrics;
use crate::platform::password_hasher::PasswordHasher;
use crate::platform::rate_limits::RateLimits;
use crate::platform::rng::SystemRng;
use crate::platform::signing_keys::SigningKeys;
use crate::platform::write_health::WriteHealth;

/// What every handler shares. Each request clones it, so it is one reference count.
#[derive(Debug, Clone)]
pub struct App(Arc<AppState>);

impl From<AppState> for App {
    fn from(state: AppState) -> Self {
        Self(Arc::new(state))
    }
}

impl Deref for App {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

#[derive(Debug)]
pub struct AppState {
    pub config: Arc<Config>,
    /// The addresses by which others know this server.
    pub urls: Arc<Urls>,
    pub phase: watch::Receiver<ServerPhase>,
    pub db: Db,
    pub clock: Clock,
    pub rng: SystemRng,
    pub signing_keys: SigningKeys,
    pub hasher: PasswordHasher,
    pub rate_limits: RateLimits,
    pub metrics: Metrics,
    pub write_health: WriteHealth,
    pub encryptor: Encryptor,
    /// The journal of `tokens::usage`, by the token's id and the use.
    pub token_uses: Journal<(String, TokenUse), Occurrences>,
    /// The journal of `tokens::authenticate`, by the token's id.
    pub rotated_secret_uses: Journal<String, i64>,
    /// The journal of `repositories`, by the repository's name.
    pub repository_uses: Journal<(String, ImageDirection), LastUse>,
    /// The journal of `tokens::refusals`.
    pub refusals: Journal<RefusalKey, Occurrences>,
    /// The journal of `activity`: when, and with which program the last time.
    pub failures: Journal<FailureKey, (Occurrences, String)>,
}
