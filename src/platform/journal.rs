//! What requests leave behind for a later write: collected in memory, taken together.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use dockpass_core::{
    access_level::RepositoryAction,
    activity::{ActivityKind, ClientInfo},
    timestamp::Timestamp,
    usage::{Occurrences, TokenUse, UseAction},
};
use tokio::sync::Notify;

/// Uses of tokens that were not written yet, by the token's id and the use.
pub type TokenUses = Journal<(String, TokenUse), Occurrences>;

/// What equal failures have in common: account, kind, detail, origin.
pub type FailureKey = (String, ActivityKind, String, ClientInfo);

/// Failed sign-ins and refusals for the security log that were not written yet.
pub type Failures = Journal<FailureKey, Occurrences>;

/// Refusals of real tokens that were not written yet.
pub type Refusals = Journal<RefusalKey, Occurrences>;

/// What equal refusals have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefusalKey {
    /// The owner's account.
    pub account_id: String,
    /// The token; it may be deleted.
    pub token_id: String,
    /// The refusal's code.
    pub code: &'static str,
    /// The first repository that was asked for; empty where none was.
    pub repository: String,
    /// What for.
    pub action: RepositoryAction,
    /// From where.
    pub address: String,
    /// With which program.
    pub client: String,
    /// What the token was for.
    pub description: String,
}

/// Pushes and pulls of repositories that were not written yet, by name: the latest of each.
pub type RepositoryUses = Journal<(String, ImageDirection), LastUse>;

/// Which way an image goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageDirection {
    /// To the registry.
    Push,
    /// From it.
    Pull,
}

/// What accounts' passwords were granted and was not written yet, by the account's id, the repository and the action.
pub type PasswordGrants = Journal<(String, String, UseAction), Occurrences>;

/// Who pushed or pulled, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// The account; `None` where nobody was signed in.
    pub account_id: Option<String>,
    /// With what.
    pub by: UsedWith,
}

/// What an account pushed or pulled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsedWith {
    /// A token.
    Token {
        /// Its id.
        id: String,
        /// What it was for.
        description: String,
    },
    /// The account's password.
    Password,
    /// Nobody can tell, or nobody was signed in.
    Unknown,
}

impl UsedWith {
    /// As the database has it: a token's id and description, nothing for a password, empty texts where nobody can tell.
    pub fn as_columns(&self) -> (Option<&str>, Option<&str>) {
        match self {
            UsedWith::Token { id, description } => (Some(id), Some(description)),
            UsedWith::Password => (None, None),
            UsedWith::Unknown => (Some(""), Some("")),
        }
    }

    /// Reads that.
    pub fn of_columns(token_id: Option<String>, description: Option<String>) -> Self {
        match token_id.zip(description) {
            Some((id, _)) if id.is_empty() => UsedWith::Unknown,
            Some((id, description)) => UsedWith::Token { id, description },
            None => UsedWith::Password,
        }
    }
}

/// Of what was taken, the newest `most` of each owner.
pub fn newest_of_each<K>(
    taken: &[(K, Occurrences)],
    owner: impl Fn(&K) -> &str,
    most: usize,
) -> Vec<&(K, Occurrences)> {
    let mut newest: Vec<&(K, Occurrences)> = taken.iter().collect();
    newest.sort_by_key(|(_, span)| std::cmp::Reverse(span.last_at));
    let mut counts: HashMap<&str, usize> = HashMap::new();
    newest.retain(|(key, _)| {
        let count = counts.entry(owner(key)).or_default();
        *count += 1;
        *count <= most
    });
    newest
}

/// What waits for a database that is away must not fill the memory: further notes are let go.
const MOST_NOTES: usize = 50_000;

/// Notes by key, each merged with what is there. A request only takes a lock for a moment; a job takes all notes
/// about once a second and writes them in one transaction.
#[derive(Debug)]
pub struct Journal<K, V> {
    notes: Arc<Mutex<HashMap<K, V>>>,
    arrived: Arc<Notify>,
}

impl<K, V> Clone for Journal<K, V> {
    fn clone(&self) -> Self {
        Self { notes: Arc::clone(&self.notes), arrived: Arc::clone(&self.arrived) }
    }
}

impl<K, V> Default for Journal<K, V> {
    fn default() -> Self {
        Self { notes: Arc::default(), arrived: Arc::default() }
    }
}

impl<K: Eq + Hash, V> Journal<K, V> {
    /// Notes `value` under `key`; `merge` decides what becomes of an earlier note.
    pub fn note(&self, key: K, value: V, merge: impl FnOnce(&mut V, V)) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = notes.len();
        match notes.entry(key) {
            std::collections::hash_map::Entry::Occupied(mut entry) => merge(entry.get_mut(), value),
            std::collections::hash_map::Entry::Vacant(entry) if count < MOST_NOTES => {
                entry.insert(value);
            }
            std::collections::hash_map::Entry::Vacant(_) => {}
        }
        drop(notes);
        self.arrived.notify_one();
    }

    /// Takes everything that was noted.
    pub fn take(&self) -> HashMap<K, V> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something was noted since the last wait.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
