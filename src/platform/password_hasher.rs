//! Slow hashes, on blocking threads and only a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dockpass_core::password::{Password, PasswordDigest, PasswordVerdict};
use dockpass_core::recovery_code::{self, RecoveryCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::rng::SystemRng;
use crate::error::Error;

/// Callers that waited for this long get an error, so that the queue stays bounded.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Hashes and verifies passwords.
///
/// A hash takes about 20 ms of a core and 19 MiB. At least one core stays free for pages and token requests.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
    verifications: Arc<AtomicU64>,
}

impl Default for PasswordHasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { permits: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))), verifications: Arc::default() }
    }
}

impl PasswordHasher {
    pub async fn hash(&self, password: Password) -> Result<PasswordDigest, Error> {
        self.run(move || password.hash(SystemRng.salt())).await
    }

    pub async fn verify(&self, password: Password, digest: Option<PasswordDigest>) -> Result<PasswordVerdict, Error> {
        self.verifications.fetch_add(1, Ordering::Relaxed);
        self.run(move || password.verify(digest.as_ref())).await
    }

    /// Hashes recovery codes with their set's salt. They are hashed in one go, so that many concurrent sets finish one
    /// after the other and not all at the end.
    pub async fn hash_recovery_codes(&self, codes: Vec<RecoveryCode>, salt: Vec<u8>) -> Result<Vec<[u8; 32]>, Error> {
        self.run(move || codes.iter().map(|code| recovery_code::hash(code, &salt)).collect()).await
    }

    pub fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let permit = timeout(LONGEST_WAIT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Error::Busy)?
            .map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(Error::internal)
    }
}
