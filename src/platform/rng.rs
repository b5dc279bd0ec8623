//! Randomness from the operating system, and ids from it.

use dockpass_core::timestamp::Timestamp;
use getrandom::SysRng;
use rand_core::{CryptoRng, Rng, UnwrapErr};

/// The source of everything that must be unguessable.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl SystemRng {
    /// The operating system's generator. It panics if the system provides no randomness, because nothing safe can follow.
    pub fn generator(self) -> impl CryptoRng {
        UnwrapErr(SysRng)
    }

    /// An id for a row: a UUID of version 7 (RFC 9562 section 5.7), which sorts by creation time.
    pub fn id(self, now: Timestamp) -> String {
        let mut random = [0; 10];
        self.generator().fill_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(now.millis().unsigned_abs(), &random).into_uuid().to_string()
    }

    pub fn salt(self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.generator().fill_bytes(&mut salt);
        salt
    }
}
