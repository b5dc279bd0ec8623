//! The signing keys that count, exchanged while requests run: one signs, all verify.

use std::sync::{Arc, PoisonError, RwLock};

use dockpass_core::{key_rotation, timestamp::Timestamp};
use serde_json::json;

use super::jwt::{Claims, JwtSigner};

/// A signing key with its place among the others.
#[derive(Debug)]
pub struct DatedKey {
    /// Counts up from 1.
    pub generation: i64,
    /// When it was made.
    pub made: Timestamp,
    /// What signs and verifies with it.
    pub signer: JwtSigner,
}

/// Signs registry tokens, and recognises those that were signed with an earlier key. Cheap to clone; all clones get
/// the new keys.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    ring: Arc<RwLock<Arc<Ring>>>,
}

#[derive(Debug)]
struct Ring {
    /// Newest first, at least one.
    keys: Vec<Arc<DatedKey>>,
    signing: Arc<DatedKey>,
    jwks: String,
}

impl Ring {
    fn new(mut keys: Vec<Arc<DatedKey>>, now: Timestamp) -> Self {
        let made: Vec<Timestamp> = keys.iter().map(|key| key.made).collect();
        let signing = Arc::clone(&keys[key_rotation::signing(&made, now)]);
        keys.truncate(key_rotation::counting(&made, now));
        let jwks = json!({"keys": keys.iter().map(|key| key.signer.jwk()).collect::<Vec<_>>()}).to_string();
        Self { keys, signing, jwks }
    }
}

impl SigningKeys {
    /// Of these keys, newest first.
    ///
    /// # Panics
    /// Where there is none.
    pub fn new(keys: Vec<DatedKey>, now: Timestamp) -> Self {
        let keys = keys.into_iter().map(Arc::new).collect();
        Self { ring: Arc::new(RwLock::new(Arc::new(Ring::new(keys, now)))) }
    }

    /// The newest key: its generation, and when it was made.
    pub fn newest(&self) -> (i64, Timestamp) {
        let ring = self.ring();
        (ring.keys[0].generation, ring.keys[0].made)
    }

    /// Takes what `other` holds. Whether another key signs from now on.
    pub fn become_like(&self, other: &SigningKeys) -> bool {
        self.exchange(other.ring())
    }

    /// Lets time work: a new key begins to sign, an old one counts no more. Whether another key signs from now on.
    pub fn settle(&self, now: Timestamp) -> bool {
        let ring = self.ring();
        ring.keys.len() > 1 && self.exchange(Arc::new(Ring::new(ring.keys.clone(), now)))
    }

    /// The token as text, signed with the key whose time it is.
    pub fn sign(&self, claims: &Claims) -> String {
        self.ring().signing.signer.sign(claims)
    }

    /// What a token says, if one of the keys signed it for this service and it is valid now, with the registry's
    /// leeway.
    pub fn verify(&self, token: &str, issuer: &str, service: &str, now: Timestamp) -> Option<Claims> {
        self.ring().keys.iter().find_map(|key| key.signer.verify(token, issuer, service, now))
    }

    /// The public keys as a JWK set (RFC 7517), newest first.
    pub fn jwks(&self) -> String {
        self.ring().jwks.clone()
    }

    /// Held for the time it takes to count a reference.
    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn exchange(&self, ring: Arc<Ring>) -> bool {
        let generation = ring.signing.generation;
        let mut held = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, ring).signing.generation != generation
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::platform::certificates::{make_leaf, make_root};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn key(generation: i64, made: Timestamp) -> DatedKey {
        let leaf = make_leaf(&make_root(made).unwrap(), made).unwrap();
        DatedKey { generation, made, signer: JwtSigner::new(&leaf).unwrap() }
    }

    fn claims() -> Claims {
        let at = NOW.seconds();
        let text = |text: &str| text.to_owned();
        let (iss, sub, aud, jti) = (text("i"), text("alice"), text("s"), text("1"));
        Claims { iss, sub, aud, exp: at + 300, nbf: at - 60, iat: at, jti, access: vec![] }
    }

    #[test]
    fn a_new_key_verifies_at_once_and_signs_a_little_later() {
        let (old, new) = (key(1, NOW - Duration::DAY), key(2, NOW));
        let of_the_new = new.signer.sign(&claims());
        let ring = SigningKeys::new(vec![new, old], NOW);
        let (first, knows) = (ring.sign(&claims()), |token: &str| ring.verify(token, "i", "s", NOW).is_some());
        assert!(knows(&first) && knows(&of_the_new));
        let header = |token: &str| token.split('.').next().unwrap().to_owned();
        assert_ne!(header(&first), header(&of_the_new));
        assert!(!ring.settle(NOW + Duration::seconds(4)));
        assert!(ring.settle(NOW + Duration::seconds(5)));
        assert_eq!(header(&ring.sign(&claims())), header(&of_the_new));
        assert!(knows(&first));
        let count = |text: String| text.matches("\"kid\"").count();
        assert_eq!(count(ring.jwks()), 2);
        assert!(!ring.settle(NOW + Duration::minutes(10)), "the same key signs on");
        assert_eq!(count(ring.jwks()), 1);
        assert!(!knows(&first) && knows(&of_the_new));
    }

    #[test]
    fn all_clones_get_new_keys() {
        let ring = SigningKeys::new(vec![key(1, NOW)], NOW);
        let clone = ring.clone();
        let later = NOW + Duration::MINUTE;
        assert!(ring.become_like(&SigningKeys::new(vec![key(2, NOW)], later)));
        assert_eq!((clone.newest(), clone.jwks()), ((2, NOW), ring.jwks()));
    }
}
