//! Permits for slow work, handed out in turn, so that one network or account that asks for much does not hold up others.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dockpass_core::secret::SecretHash;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::Error;

/// Callers that waited for this long get an error.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What can be done within that time.
const WAITING_OF_NETWORK: usize = 500;
const WAITING: usize = 2000;

/// Who waits. What is done for browsers that signed in to the account before waits for those browsers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueKeys {
    pub network: SecretHash,
    pub account: SecretHash,
}

/// A permit with what belongs to it, such as memory. It returns to the queue when it is dropped.
#[derive(Debug)]
pub struct Permit<R> {
    resource: Option<R>,
    queue: FairQueue<R>,
}

/// A place in the queue.
#[derive(Debug)]
pub enum Place<R> {
    Permit(Permit<R>),
    Waiting(oneshot::Receiver<Permit<R>>),
}

/// Permits, and those who wait for one.
#[derive(Debug)]
pub struct FairQueue<R>(Arc<Mutex<Queue<R>>>);

#[derive(Debug)]
struct Queue<R> {
    free: Vec<R>,
    waiting: Vec<Waiting<R>>,
    /// The round of the last permit.
    round: usize,
}

#[derive(Debug)]
struct Waiting<R> {
    keys: QueueKeys,
    round: usize,
    sender: oneshot::Sender<Permit<R>>,
}

impl<R> Clone for FairQueue<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> FairQueue<R> {
    /// A queue with a permit for each resource.
    pub fn new(resources: impl IntoIterator<Item = R>) -> Self {
        let queue = Queue { free: resources.into_iter().collect(), waiting: Vec::new(), round: 0 };
        Self(Arc::new(Mutex::new(queue)))
    }

    /// Takes a place in the queue; [`Error::Busy`] where too many wait.
    pub fn place(&self, keys: QueueKeys) -> Result<Place<R>, Error> {
        let mut queue = self.lock();
        match queue.free.pop() {
            Some(resource) => Ok(Place::Permit(Permit { resource: Some(resource), queue: self.clone() })),
            None => queue.join(keys).map(Place::Waiting),
        }
    }

    /// Calls `change` on each resource whose permit nobody holds.
    pub fn for_each_free(&self, change: impl FnMut(&mut R)) {
        self.lock().free.iter_mut().for_each(change);
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Hands a resource to the next that waits.
    fn release(&self, resource: R) {
        let mut resource = Some(resource);
        while let Some(free) = resource.take() {
            let next = {
                let mut queue = self.lock();
                match queue.next() {
                    Some(next) => next,
                    None => return queue.free.push(free),
                }
            };
            // The caller may have gone meanwhile.
            if let Err(mut permit) = next.send(Permit { resource: Some(free), queue: self.clone() }) {
                resource = permit.resource.take();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Queue<R> {
    /// Gives a caller a round: the one after the last of its network, so that each network gets one permit a round. Of the
    /// networks that wait for one account, one gets a permit a round.
    fn join(&mut self, keys: QueueKeys) -> Result<oneshot::Receiver<Permit<R>>, Error> {
        self.waiting.retain(|other| !other.sender.is_closed());
        let of_network = || self.waiting.iter().filter(|other| other.keys.network == keys.network);
        if of_network().count() >= WAITING_OF_NETWORK {
            return Err(Error::Busy);
        }
        let of_account = self.waiting.iter().filter(|other| other.keys.account == keys.account);
        let others: HashSet<&SecretHash> =
            of_account.map(|other| &other.keys.network).filter(|network| **network != keys.network).collect();
        let last = of_network().map(|other| other.round).max().unwrap_or(self.round);
        let round = (last + 1).max(self.round + 1 + others.len());
        if self.waiting.len() >= WAITING {
            // The one with the longest wait gives way.
            let (at, longest) = self
                .waiting
                .iter()
                .map(|other| other.round)
                .enumerate()
                .max_by_key(|(_, round)| *round)
                .ok_or(Error::Busy)?;
            if longest <= round {
                return Err(Error::Busy);
            }
            self.waiting.remove(at);
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(Waiting { keys, round, sender });
        Ok(receiver)
    }

    /// The first of the earliest round.
    fn next(&mut self) -> Option<oneshot::Sender<Permit<R>>> {
        let (at, _) = self.waiting.iter().enumerate().min_by_key(|(_, waiting)| waiting.round)?;
        let next = self.waiting.remove(at);
        self.round = self.round.max(next.round);
        Some(next.sender)
    }
}

impl<R> Place<R> {
    /// Waits for the permit; [`Error::Busy`] after too long a wait.
    pub async fn permit(self) -> Result<Permit<R>, Error> {
        match self {
            Place::Permit(permit) => Ok(permit),
            Place::Waiting(receiver) => {
                timeout(LONGEST_WAIT, receiver).await.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)
            }
        }
    }
}

impl<R> Permit<R> {
    /// What belongs to the permit.
    pub fn resource(&mut self) -> Option<&mut R> {
        self.resource.as_mut()
    }
}

impl<R> Drop for Permit<R> {
    fn drop(&mut self) {
        if let Some(resource) = self.resource.take() {
            self.queue.release(resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(network: &str, account: &str) -> QueueKeys {
        QueueKeys { network: SecretHash::of(network), account: SecretHash::of(account) }
    }

    /// The order in which callers get the only permit that is held while they queue up.
    async fn order(callers: &[(&'static str, &'static str)]) -> Vec<&'static str> {
        let queue = FairQueue::new([()]);
        let held = queue.place(keys("first", "first")).unwrap().permit().await.unwrap();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for (network, account) in callers.iter().copied() {
            let (place, sender) = (queue.place(keys(network, account)).unwrap(), sender.clone());
            tokio::spawn(async move {
                let _permit = place.permit().await.unwrap();
                sender.send(network).unwrap();
            });
        }
        drop((held, sender));
        let mut order = Vec::new();
        while let Some(network) = receiver.recv().await {
            order.push(network);
        }
        order
    }

    #[tokio::test]
    async fn a_network_that_asks_for_much_holds_up_nobody_else() {
        let mut callers = vec![("flood", "alice"); 20];
        callers.extend([("home", "bob"), ("office", "alice"), ("home", "bob")]);
        let order = order(&callers).await;
        assert_eq!(order[..5], ["flood", "home", "flood", "office", "home"]);
        assert_eq!(order.len(), 23, "and all get their turn");
    }

    #[tokio::test]
    async fn an_account_that_many_networks_ask_for_holds_up_no_other() {
        let callers =
            [("a", "alice"), ("b", "alice"), ("c", "alice"), ("d", "alice"), ("home", "bob"), ("office", "carol")];
        assert_eq!(order(&callers).await[..3], ["a", "home", "office"]);
    }

    #[tokio::test]
    async fn those_who_left_cost_nothing_and_lose_no_permit() {
        let queue = FairQueue::new([()]);
        let held = queue.place(keys("a", "a")).unwrap();
        let (gone, late) = (queue.place(keys("b", "b")).unwrap(), queue.place(keys("b", "b")).unwrap());
        drop(gone);
        drop(held);
        // The permit is on its way to one that leaves before it takes it.
        drop(late);
        assert!(matches!(queue.place(keys("c", "c")), Ok(Place::Permit(_))));
    }

    #[tokio::test]
    async fn a_full_queue_takes_those_with_a_short_wait() {
        let queue = FairQueue::new([()]);
        let _held = queue.place(keys("a", "a")).unwrap();
        let mut receivers = Vec::new();
        for network in ["a", "b", "c", "d"] {
            for _ in 0..WAITING_OF_NETWORK {
                receivers.push(queue.lock().join(keys(network, network)).unwrap());
            }
            assert!(queue.lock().join(keys(network, network)).is_err(), "its part of the queue is full");
        }
        assert_eq!(queue.waiting(), WAITING);
        let mut home = queue.lock().join(keys("home", "bob")).unwrap();
        assert_eq!(queue.waiting(), WAITING, "one with a long wait gave way");
        assert!(home.try_recv().is_err());
    }
}
