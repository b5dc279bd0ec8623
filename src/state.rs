//! What every handler shares.

use std::sync::Arc;

use crate::{
    config::{Config, Urls},
    platform::{
        clock::Clock,
        collector::{Failures, PasswordGrants, Refusals, RepositoryUses, TokenUses},
        db::Db,
        entropy::Entropy,
        hasher::Hasher,
        keyring::Keyring,
        limits::Limits,
        metrics::Metrics,
        vault::Vault,
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
    pub entropy: Entropy,
    /// Signs registry tokens, with keys that rotate.
    pub signer: Keyring,
    /// The slow hash.
    pub hasher: Hasher,
    /// Rate limits.
    pub limits: Limits,
    /// What is counted for the operator.
    pub metrics: Metrics,
    /// Encrypts what must be read back.
    pub vault: Vault,
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
