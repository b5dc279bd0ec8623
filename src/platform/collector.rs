//! What requests leave behind for a later write: collected in memory, taken together.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::core::{
    activity::{Kind, Origin},
    moment::Moment,
};

/// Uses of tokens that were not written yet: by the token's id, the latest.
pub type TokenUses = Collector<String, Moment>;

/// What equal failures have in common: account, kind, detail, origin.
pub type FailureKey = (String, Kind, String, Origin);

/// Refusals and failed sign-ins that were not written yet: first and last time, and how often.
pub type Failures = Collector<FailureKey, (Moment, Moment, i64)>;

/// Notes by key, each merged with what is there. A request only takes a lock for a moment; a job takes all notes
/// about once a second and writes them in one transaction.
#[derive(Debug)]
pub struct Collector<K, V> {
    notes: Arc<Mutex<HashMap<K, V>>>,
    arrived: Arc<Notify>,
}

impl<K, V> Clone for Collector<K, V> {
    fn clone(&self) -> Self {
        Self { notes: Arc::clone(&self.notes), arrived: Arc::clone(&self.arrived) }
    }
}

impl<K, V> Default for Collector<K, V> {
    fn default() -> Self {
        Self { notes: Arc::default(), arrived: Arc::default() }
    }
}

impl<K: Eq + Hash, V> Collector<K, V> {
    /// Notes `value` under `key`; `merge` decides what becomes of an earlier note.
    pub fn note(&self, key: K, value: V, merge: impl FnOnce(&mut V, V)) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        match notes.entry(key) {
            std::collections::hash_map::Entry::Occupied(mut entry) => merge(entry.get_mut(), value),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(value);
            }
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
