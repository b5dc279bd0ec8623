//! What every handler shares.

use std::sync::Arc;

use crate::{
    config::{Config, Urls},
    platform::{
        clock::Clock,
        database::Db,
        encryption::Encryptor,
        journal::{Failures, PasswordGrants, Refusals, RepositoryUses, TokenUses},
        metrics::Metrics,
        password_hasher::PasswordHasher,
        rate_limits::RateLimits,
        rng::SystemRng,
        signing_keys::SigningKeys,
        write_health::WriteHealth,
    },
};

/// The application: cheap to clone, one for each request.
#[derive(Debug, Clone)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The addresses by which others know this server.
    pub urls: Arc<Urls>,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub rng: SystemRng,
    /// Signs registry tokens, with keys that rotate.
    pub signing_keys: SigningKeys,
    /// The slow hash.
    pub hasher: PasswordHasher,
    /// Rate limits.
    pub rate_limits: RateLimits,
    /// What is counted for the operator.
    pub metrics: Metrics,
    /// Whether writes to the database commit.
    pub write_health: WriteHealth,
    /// Encrypts what must be read back.
    pub encryptor: Encryptor,
    /// Uses of tokens that were not written yet.
    pub token_uses: TokenUses,
    /// Pushes and pulls of repositories that were not written yet.
    pub repository_uses: RepositoryUses,
    /// What passwords were granted and was not written yet.
    pub password_grants: PasswordGrants,
    /// Refusals of tokens that were not written yet.
    pub refusals: Refusals,
    /// What the security log has of refusals and failed sign-ins, and was not written yet.
    pub failures: Failures,
}
