//! What requests leave behind: collected in memory and written together, about once a second.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dockpass_core::timestamp::Timestamp;
use tokio::sync::OwnedMutexGuard;

/// Entries by key; equal keys merge. A request holds the lock only for a moment.
#[derive(Debug)]
pub struct Journal<K, V> {
    entries: Arc<Mutex<Entries<K, V>>>,
    /// Held by a [`Batch`].
    writing: Arc<tokio::sync::Mutex<()>>,
    merge: fn(&mut V, V),
    bound: usize,
}

#[derive(Debug)]
struct Entries<K, V> {
    waiting: HashMap<K, V>,
    /// When the oldest of them was noted.
    oldest: Option<Instant>,
    /// The entries of the batch that is being written, and when their oldest was noted.
    in_batch: (usize, Option<Instant>),
    dropped: u64,
}

/// What waits to be written.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    pub entries: usize,
    /// Zero if none waits.
    pub oldest_age: Duration,
    /// The entries that found the journal full, since the start.
    pub dropped: u64,
}

/// A journal of any type.
pub trait HasBacklog: Debug + Send + Sync {
    fn backlog(&self) -> Backlog;
}

impl<K: Debug + Send, V: Debug + Send> HasBacklog for Journal<K, V> {
    fn backlog(&self) -> Backlog {
        let Entries { waiting, oldest, in_batch, dropped } = &*self.entries();
        let oldest = [*oldest, in_batch.1].into_iter().flatten().min();
        let oldest_age = oldest.map_or(Duration::ZERO, |noted_at| noted_at.elapsed());
        Backlog { entries: waiting.len() + in_batch.0, oldest_age, dropped: *dropped }
    }
}

impl<K, V> Clone for Journal<K, V> {
    fn clone(&self) -> Self {
        let (entries, writing) = (Arc::clone(&self.entries), Arc::clone(&self.writing));
        Self { entries, writing, merge: self.merge, bound: self.bound }
    }
}

impl<K, V> Journal<K, V> {
    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Ord, V> Journal<K, V> {
    /// An empty journal. While the database is down it drops keys beyond `bound`, so that memory stays bounded.
    pub fn new(bound: usize, merge: fn(&mut V, V)) -> Self {
        let entries = Entries { waiting: HashMap::new(), oldest: None, in_batch: (0, None), dropped: 0 };
        Self { entries: Arc::new(Mutex::new(entries)), writing: Arc::default(), merge, bound }
    }

    pub fn note(&self, key: K, value: V) {
        let Entries { waiting, oldest, dropped, .. } = &mut *self.entries();
        let has_room = waiting.len() < self.bound;
        match waiting.entry(key) {
            Entry::Occupied(mut entry) => (self.merge)(entry.get_mut(), value),
            Entry::Vacant(entry) if has_room => {
                entry.insert(value);
                oldest.get_or_insert_with(Instant::now);
            }
            Entry::Vacant(_) => *dropped += 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries().waiting.is_empty()
    }

    /// In the order of the keys: always the same, so that two servers cannot deadlock.
    fn take(&self) -> Vec<(K, V)> {
        let taken = {
            let mut entries = self.entries();
            entries.in_batch = (entries.waiting.len(), entries.oldest.take());
            std::mem::take(&mut entries.waiting)
        };
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
        let oldest = self.journal.entries().in_batch.1.filter(|_| !self.entries.is_empty());
        self.journal.entries().in_batch = (self.entries.len(), oldest);
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
        let mut entries = self.journal.entries();
        let (_, oldest) = std::mem::take(&mut entries.in_batch);
        entries.oldest = oldest.or(entries.oldest);
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

    #[tokio::test]
    async fn the_backlog_counts_what_is_being_written_and_what_was_dropped() {
        let journal = Journal::new(2, add);
        assert_eq!((journal.backlog().entries, journal.backlog().oldest_age), (0, Duration::ZERO));
        ["a", "b", "c"].iter().for_each(|key| journal.note(*key, 1));
        assert_eq!((journal.backlog().entries, journal.backlog().dropped), (2, 1));
        let began = Instant::now();
        let mut batch = journal.batch().await;
        journal.note("c", 1);
        batch.written(1);
        assert_eq!(journal.backlog().entries, 2, "one in the batch and one after it");
        drop(batch);
        let backlog = journal.backlog();
        assert!(
            backlog.entries == 2 && backlog.oldest_age >= began.elapsed(),
            "what was not written is as old as before"
        );
        let mut batch = journal.batch().await;
        batch.written(2);
        assert_eq!((journal.backlog().entries, journal.backlog().oldest_age), (0, Duration::ZERO));
    }

    #[test]
    fn the_newest_of_each_owner_are_kept_in_their_order() {
        let at = Timestamp::from_seconds;
        let entries = [("a", 3), ("a", 1), ("b", 1), ("a", 2)];
        let kept = newest_of_each(&entries, |(owner, _)| owner, |(_, second)| at(*second), 2);
        assert_eq!(kept, [&("a", 3), &("b", 1), &("a", 2)]);
    }
}
