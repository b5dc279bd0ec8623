//! What requests leave behind: collected in memory and written together, about once a second.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use dockpass_core::timestamp::Timestamp;
use tokio::sync::OwnedMutexGuard;

/// Entries by key; equal keys merge. A request holds the lock only for a moment.
#[derive(Debug)]
pub struct Journal<K, V> {
    entries: Arc<Mutex<HashMap<K, V>>>,
    /// Held by a [`Batch`].
    writing: Arc<tokio::sync::Mutex<()>>,
    merge: fn(&mut V, V),
    bound: usize,
}

impl<K, V> Clone for Journal<K, V> {
    fn clone(&self) -> Self {
        let (entries, writing) = (Arc::clone(&self.entries), Arc::clone(&self.writing));
        Self { entries, writing, merge: self.merge, bound: self.bound }
    }
}

impl<K: Eq + Hash + Ord, V> Journal<K, V> {
    /// An empty journal. While the database is down it drops keys beyond `bound`, so that memory stays bounded.
    pub fn new(bound: usize, merge: fn(&mut V, V)) -> Self {
        Self { entries: Arc::default(), writing: Arc::default(), merge, bound }
    }

    pub fn note(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = entries.len() < self.bound;
        match entries.entry(key) {
            Entry::Occupied(mut entry) => (self.merge)(entry.get_mut(), value),
            Entry::Vacant(entry) if has_room => drop(entry.insert(value)),
            Entry::Vacant(_) => {}
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// In the order of the keys: always the same, so that two servers cannot deadlock.
    pub fn take(&self) -> Vec<(K, V)> {
        let taken = std::mem::take(&mut *self.entries.lock().unwrap_or_else(PoisonError::into_inner));
        let mut entries: Vec<(K, V)> = taken.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }

    /// Takes all entries to write them. It waits for the batch before: what was noted by now is written once this returns
    /// an empty batch, or this batch is written.
    pub async fn batch(&self) -> Batch<K, V> {
        let one_at_a_time = Arc::clone(&self.writing).lock_owned().await;
        Batch { entries: self.take(), journal: self.clone(), _one_at_a_time: one_at_a_time }
    }
}

/// Entries that are being written. Those that were not written when it is dropped go back into the journal.
#[derive(Debug)]
pub struct Batch<K: Eq + Hash + Ord, V> {
    entries: Vec<(K, V)>,
    journal: Journal<K, V>,
    _one_at_a_time: OwnedMutexGuard<()>,
}

impl<K: Eq + Hash + Ord, V> Batch<K, V> {
    /// Says that the first `count` entries are committed.
    pub fn written(&mut self, count: usize) {
        self.entries.drain(..count);
    }
}

impl<K: Eq + Hash + Ord, V> Deref for Batch<K, V> {
    type Target = [(K, V)];

    fn deref(&self) -> &[(K, V)] {
        &self.entries
    }
}

impl<K: Eq + Hash + Ord, V> Drop for Batch<K, V> {
    fn drop(&mut self) {
        self.entries.drain(..).for_each(|(key, value)| self.journal.note(key, value));
    }
}

/// Keeps the newest `most` entries of each owner, in their order: a client that makes up names must not hold the database.
pub fn newest_of_each<E>(
    entries: &[E],
    owner: impl Fn(&E) -> &str,
    time: impl Fn(&E) -> Timestamp,
    most: usize,
) -> Vec<&E> {
    let mut places: Vec<usize> = (0..entries.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(time(&entries[*place])));
    let mut counts: HashMap<&str, usize> = HashMap::new();
    places.retain(|place| {
        let count = counts.entry(owner(&entries[*place])).or_default();
        *count += 1;
        *count <= most
    });
    places.sort_unstable();
    places.into_iter().map(|place| &entries[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(sum: &mut i64, other: i64) {
        *sum += other;
    }

    #[tokio::test]
    async fn what_was_not_written_goes_back_and_merges_with_what_came_since() {
        let journal = Journal::new(3, add);
        for key in ["b", "a", "b", "c", "d"] {
            journal.note(key, 1);
        }
        let mut batch = journal.batch().await;
        assert_eq!(*batch, [("a", 1), ("b", 2), ("c", 1)], "in order, and no more than the bound");
        batch.written(1);
        journal.note("b", 1);
        drop(batch);
        let mut batch = journal.batch().await;
        assert_eq!(*batch, [("b", 3), ("c", 1)]);
        batch.written(2);
        drop(batch);
        assert!(journal.batch().await.is_empty());
    }

    #[tokio::test]
    async fn a_batch_waits_for_the_one_before() {
        let journal = Journal::new(3, add);
        journal.note("a", 1);
        let (first, other) = (journal.batch().await, journal.clone());
        let second = tokio::spawn(async move { other.batch().await.len() });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert_eq!(second.await.unwrap(), 1);
    }

    #[test]
    fn the_newest_of_each_owner_are_kept_in_their_order() {
        let at = Timestamp::from_seconds;
        let entries = [("a", 3), ("a", 1), ("b", 1), ("a", 2)];
        let kept = newest_of_each(&entries, |(owner, _)| owner, |(_, second)| at(*second), 2);
        assert_eq!(kept, [&("a", 3), &("b", 1), &("a", 2)]);
    }
}
