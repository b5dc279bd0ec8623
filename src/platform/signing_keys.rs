//! The signing keys. One signs and all verify, and they can be replaced while requests run.

use std::sync::{Arc, PoisonError, RwLock};

use dockpass_core::key_rotation;
use dockpass_core::timestamp::Timestamp;
use serde_json::json;

use super::jwt::{Claims, JwtSigner};

/// A signing key and when it was created.
#[derive(Debug)]
pub struct DatedKey {
    /// Its number, from 1.
    pub generation: i64,
    pub created_at: Timestamp,
    pub signer: JwtSigner,
}

/// Signs registry tokens, and verifies tokens of earlier keys too. Clones are cheap and share the keys.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    key_set: Arc<RwLock<Arc<KeySet>>>,
}

#[derive(Debug)]
struct KeySet {
    /// At least one, newest first.
    keys: Vec<Arc<DatedKey>>,
    signing: Arc<DatedKey>,
    jwks: String,
}

impl KeySet {
    fn new(mut keys: Vec<Arc<DatedKey>>, now: Timestamp) -> Self {
        let created_at: Vec<Timestamp> = keys.iter().map(|key| key.created_at).collect();
        let signing = Arc::clone(&keys[key_rotation::signing_index(&created_at, now)]);
        keys.truncate(key_rotation::published_count(&created_at, now));
        let jwks = json!({"keys": keys.iter().map(|key| key.signer.jwk()).collect::<Vec<_>>()}).to_string();
        Self { keys, signing, jwks }
    }
}

impl SigningKeys {
    /// `keys` are newest first, and at least one.
    pub fn new(keys: Vec<DatedKey>, now: Timestamp) -> Self {
        let keys = keys.into_iter().map(Arc::new).collect();
        Self { key_set: Arc::new(RwLock::new(Arc::new(KeySet::new(keys, now)))) }
    }

    /// The generation of the newest key, and when it was created.
    pub fn newest(&self) -> (i64, Timestamp) {
        let key_set = self.current();
        (key_set.keys[0].generation, key_set.keys[0].created_at)
    }

    /// Takes over the keys of `other`. Returns whether another key signs now.
    pub fn replace_with(&self, other: &SigningKeys) -> bool {
        self.set(other.current())
    }

    /// Lets a new key begin to sign and drops retired keys, once it is time. Returns whether another key signs now.
    pub fn update(&self, now: Timestamp) -> bool {
        let key_set = self.current();
        key_set.keys.len() > 1 && self.set(Arc::new(KeySet::new(key_set.keys.clone(), now)))
    }

    pub fn sign(&self, claims: &Claims) -> String {
        self.current().signing.signer.sign(claims)
    }

    /// The claims of a token, if one of the keys signed it for this issuer and service and it is valid at `now`, with
    /// the registry's leeway.
    pub fn verify(&self, token: &str, issuer: &str, service: &str, now: Timestamp) -> Option<Claims> {
        self.current().keys.iter().find_map(|key| key.signer.verify(token, issuer, service, now))
    }

    /// The public keys as a JWK set (RFC 7517), newest first.
    pub fn jwks(&self) -> String {
        self.current().jwks.clone()
    }

    fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.key_set.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, new: Arc<KeySet>) -> bool {
        let generation = new.signing.generation;
        let mut current = self.key_set.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, new).signing.generation != generation
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::platform::certificates::{make_leaf, make_root};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_435_200);

    fn key(generation: i64, created_at: Timestamp) -> DatedKey {
        let leaf = make_leaf(&make_root().unwrap(), created_at).unwrap();
        DatedKey { generation, created_at, signer: JwtSigner::new(&leaf).unwrap() }
    }

    fn claims() -> Claims {
        let at = NOW.seconds();
        let text = |text: &str| text.to_owned();
        let (iss, sub, aud, jti) = (text("i"), text("alice"), text("s"), text("1"));
        Claims { iss, sub, aud, exp: at + 300, nbf: at - 60, iat: at, jti, access: vec![] }
    }

    #[test]
    fn a_new_key_verifies_at_once_and_signs_five_seconds_later() {
        let (old, new) = (key(1, NOW - Duration::DAY), key(2, NOW));
        let token_of_new = new.signer.sign(&claims());
        let keys = SigningKeys::new(vec![new, old], NOW);
        let (first, verifies) = (keys.sign(&claims()), |token: &str| keys.verify(token, "i", "s", NOW).is_some());
        assert!(verifies(&first) && verifies(&token_of_new));
        let header = |token: &str| token.split('.').next().unwrap().to_owned();
        assert_ne!(header(&first), header(&token_of_new));
        assert!(!keys.update(NOW + Duration::seconds(4)));
        assert!(keys.update(NOW + Duration::seconds(5)));
        assert_eq!(header(&keys.sign(&claims())), header(&token_of_new));
        assert!(verifies(&first));
        let count = |text: String| text.matches("\"kid\"").count();
        assert_eq!(count(keys.jwks()), 2);
        assert!(!keys.update(NOW + Duration::minutes(10)), "the same key still signs");
        assert_eq!(count(keys.jwks()), 1);
        assert!(!verifies(&first) && verifies(&token_of_new));
    }

    #[test]
    fn clones_share_new_keys() {
        let keys = SigningKeys::new(vec![key(1, NOW)], NOW);
        let clone = keys.clone();
        let later = NOW + Duration::MINUTE;
        assert!(keys.replace_with(&SigningKeys::new(vec![key(2, NOW)], later)));
        assert_eq!((clone.newest(), clone.jwks()), ((2, NOW), keys.jwks()));
    }
}
