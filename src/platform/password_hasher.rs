//! Slow work, on blocking threads and only a few at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use dockpass_core::password::{HashMemory, Password, PasswordDigest, PasswordVerdict};
use dockpass_core::recovery_code::{self, RecoveryCode};
use dockpass_core::secret::SecretHash;
use dockpass_core::timestamp::Timestamp;
use rand_core::Rng;
use time::Duration;
use tokio::task::JoinSet;

use super::fair_queue::{FairQueue, Permit, QueueKeys};
use super::rate_limits::networks_of;
use super::rng::SystemRng;
use crate::error::Error;

/// Each permit takes 19 MiB while passwords are hashed. Two permits hash a hundred passwords a second.
const MOST_PERMITS: usize = 2;
/// One action of a registry client sends the same wrong secret up to six times, and a forgotten job sends it all day.
const REMEMBERED: Duration = Duration::MINUTE;
const MOST_REMEMBERED: usize = 10_000;

/// For whom slow work is done.
#[derive(Debug, Clone)]
pub struct Requester {
    pub address: IpAddr,
    /// The account's name as it was typed.
    pub account: String,
    /// The id of a browser that signed in to the account before.
    pub browser: Option<String>,
}

impl Requester {
    /// What an account asks for from an address.
    pub fn new(address: IpAddr, account: &str) -> Self {
        Self { address, account: account.to_owned(), browser: None }
    }

    fn keys(&self) -> QueueKeys {
        let [largest, ..] = networks_of(self.address);
        let (network, account) = match &self.browser {
            // One account's browsers share a place: anyone can collect cookies for an account of one's own.
            Some(_) => (format!("browsers of {}", self.account), format!("browsers of {}", self.account)),
            None => (format!("network {largest:?}"), format!("account {}", self.account)),
        };
        QueueKeys { network: SecretHash::of(&network), account: SecretHash::of(&account) }
    }
}

/// Hashes and verifies passwords, and does other slow work.
///
/// A hash takes about 20 ms of a core. At least one core stays free for pages and token requests, except while a digest of
/// bcrypt is compared.
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    queue: FairQueue<HashMemory>,
    /// One comparison at a time, which takes up to a few seconds. It holds up only those of other imported accounts.
    bcrypt_queue: FairQueue<()>,
    wrong_secrets: Arc<WrongSecrets>,
    verifications: Arc<AtomicU64>,
}

impl Default for PasswordHasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = cores.saturating_sub(1).clamp(1, MOST_PERMITS);
        Self {
            queue: FairQueue::new((0..permits).map(|_| HashMemory::default())),
            bcrypt_queue: FairQueue::new([()]),
            wrong_secrets: Arc::default(),
            verifications: Arc::default(),
        }
    }
}

impl PasswordHasher {
    /// Does slow work in turn; [`Error::Busy`] where too many wait.
    pub async fn run<T: Send + 'static>(
        &self,
        requester: &Requester,
        work: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run_unless(requester, || None, work).await
    }

    /// The same, unless the result is known once it is this caller's turn.
    async fn run_unless<T: Send + 'static>(
        &self,
        requester: &Requester,
        known: impl FnOnce() -> Option<T>,
        work: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.queue.place(requester.keys())?.permit().await?;
        if let Some(result) = known() {
            return Ok(result);
        }
        blocking(permit, work).await
    }

    /// Frees the memory that no hash has used since the last call.
    pub fn release_idle_memory(&self) {
        self.queue.for_each_free(HashMemory::release_if_idle);
    }

    pub async fn hash(&self, requester: &Requester, password: Password) -> Result<PasswordDigest, Error> {
        self.run(requester, move |memory| password.hash(SystemRng.salt(), memory)).await
    }

    /// Compares a typed password with a digest. Without a digest it takes as long and fails. `None` for a secret that was
    /// wrong within the last minute: it is not hashed again. `subject` names the account in its present state.
    pub async fn verify(
        &self,
        requester: &Requester,
        subject: &str,
        typed: &str,
        digest: Option<PasswordDigest>,
        now: Timestamp,
    ) -> Result<Option<PasswordVerdict>, Error> {
        let [.., network] = networks_of(requester.address);
        let key = self.wrong_secrets.key(&[subject, &format!("{network:?}"), typed]);
        let is_known = || self.wrong_secrets.contains(&key, now);
        if is_known() {
            return Ok(None);
        }
        let password = Password::typed(typed);
        if let Some(digest) = digest.clone().filter(PasswordDigest::is_bcrypt) {
            return self.verify_bcrypt(requester, password, digest, key, now).await;
        }
        let verifications = Arc::clone(&self.verifications);
        let verify = move |memory: &mut HashMemory| {
            verifications.fetch_add(1, Ordering::Relaxed);
            Some(password.verify(digest.as_ref(), memory))
        };
        // Another request with the same secret may have come first.
        let verdict = self.run_unless(requester, || is_known().then_some(None), verify).await?;
        if verdict == Some(PasswordVerdict::Wrong) {
            self.wrong_secrets.insert(key, now);
        }
        Ok(verdict)
    }

    async fn verify_bcrypt(
        &self,
        requester: &Requester,
        password: Password,
        digest: PasswordDigest,
        key: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PasswordVerdict>, Error> {
        let permit = self.bcrypt_queue.place(requester.keys())?.permit().await?;
        if self.wrong_secrets.contains(&key, now) {
            return Ok(None);
        }
        self.verifications.fetch_add(1, Ordering::Relaxed);
        let (compared, wrong_secrets) = (password.clone(), Arc::clone(&self.wrong_secrets));
        let compare = move |(): &mut ()| {
            let is_right = compared.matches_bcrypt(&digest);
            // Before the next caller gets the permit: it may have the same secret.
            if !is_right {
                wrong_secrets.insert(key, now);
            }
            is_right
        };
        if blocking(permit, compare).await? {
            return Ok(Some(PasswordVerdict::RightButOutdated));
        }
        // A wrong password is not answered sooner than for a name without an account.
        self.run(requester, move |memory| Some(password.verify(None, memory))).await
    }

    /// Hashes recovery codes with their set's salt, in any order. Each takes a turn of its own, so that a set holds up nobody.
    /// All take their places at once, so that many concurrent sets finish one after the other and not all at the end.
    pub async fn hash_recovery_codes(
        &self,
        requester: &Requester,
        codes: Vec<RecoveryCode>,
        salt: &[u8],
    ) -> Result<Vec<[u8; 32]>, Error> {
        let mut hashing = JoinSet::new();
        for code in codes {
            let (place, salt) = (self.queue.place(requester.keys())?, salt.to_vec());
            let hash = move |memory: &mut HashMemory| recovery_code::hash(&code, &salt, memory);
            hashing.spawn(async move { blocking(place.permit().await?, hash).await });
        }
        hashing.join_all().await.into_iter().collect()
    }

    /// The number of comparisons since the start.
    pub fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    /// The number of callers that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.queue.waiting() + self.bcrypt_queue.waiting()
    }
}

async fn blocking<R: Send + 'static, T: Send + 'static>(
    mut permit: Permit<R>,
    work: impl FnOnce(&mut R) -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(move || permit.resource().map(work));
    done.await.map_err(Error::internal)?.ok_or(Error::Busy)
}

/// The wrong secrets of the last minute, hashed with a key that each process chooses at random.
#[derive(Debug)]
struct WrongSecrets {
    key: hmac::Key,
    seen: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Default for WrongSecrets {
    fn default() -> Self {
        let mut key = [0; 32];
        SystemRng.generator().fill_bytes(&mut key);
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), seen: Mutex::default() }
    }
}

impl WrongSecrets {
    fn key(&self, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }

    fn contains(&self, key: &[u8; 32], now: Timestamp) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(key).is_some_and(|at| now - *at < REMEMBERED)
    }

    fn insert(&self, key: [u8; 32], now: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_REMEMBERED {
            seen.retain(|_, at| now - *at < REMEMBERED);
        }
        if seen.len() < MOST_REMEMBERED {
            seen.insert(key, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_permits_are_few_and_a_set_of_recovery_codes_returns_them() {
        let hasher = PasswordHasher::default();
        let requester = Requester::new([192, 0, 2, 1].into(), "alice");
        let codes = vec![RecoveryCode::new("a".to_owned()), RecoveryCode::new("b".to_owned())];
        let hashes = hasher.hash_recovery_codes(&requester, codes, &[1; 16]).await.unwrap();
        assert!(hashes.len() == 2 && hashes[0] != hashes[1]);
        let places: Vec<_> = (0..=MOST_PERMITS).map(|_| hasher.queue.place(requester.keys()).unwrap()).collect();
        assert!(hasher.waiting() >= 1, "{}", places.len());
    }

    #[tokio::test]
    async fn while_bcrypt_is_compared_and_waited_for_others_sign_in() {
        let hasher = PasswordHasher::default();
        let (imported, other) =
            (Requester::new([192, 0, 2, 1].into(), "imported"), Requester::new([192, 0, 2, 2].into(), "other"));
        let now = Timestamp::from_seconds(1_795_435_200);
        let bcrypt =
            PasswordDigest::from_bcrypt("$2b$04$5AmxamYRwIlE7CdDNjGbtezQRVOIY7hAsw6bpUVjwdAQ671tD2XC6").unwrap();
        let argon2 = hasher.hash(&other, Password::typed("a quiet harbour at dawn")).await.unwrap();

        let comparing = hasher.bcrypt_queue.place(imported.keys()).unwrap();
        let mut waiting = Vec::new();
        for typed in ["caf\u{e9}", "wrong", "wrong"] {
            let (theirs, imported, bcrypt) = (hasher.clone(), imported.clone(), bcrypt.clone());
            waiting.push(tokio::spawn(async move { theirs.verify(&imported, "i", typed, Some(bcrypt), now).await }));
            while hasher.waiting() < waiting.len() {
                tokio::task::yield_now().await;
            }
        }
        let verdict = hasher.verify(&other, "o", "a quiet harbour at dawn", Some(argon2), now).await.unwrap();
        assert_eq!((verdict, hasher.waiting()), (Some(PasswordVerdict::Right), 3));

        drop(comparing);
        let mut verdicts = Vec::new();
        for one in waiting {
            verdicts.push(one.await.unwrap().unwrap());
        }
        // The last one finds its secret among the wrong ones.
        assert_eq!(verdicts, [Some(PasswordVerdict::RightButOutdated), Some(PasswordVerdict::Wrong), None]);
        assert_eq!(hasher.verifications(), 3);
    }
}
