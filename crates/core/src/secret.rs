//! The secrets of tokens: kinds, format, checksum and hash.

use std::fmt;

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 30;
const CHECKSUM_LENGTH: usize = 6;
/// Shared by all kinds, so that one comparison tells a token from a password.
const COMMON_PREFIX: &str = "dp_";

/// The kind of a secret. Its prefix names it for people and leak scanners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    PersonalAccess,
    Device,
    Refresh,
}

impl SecretKind {
    const ALL: [SecretKind; 3] = [SecretKind::PersonalAccess, SecretKind::Device, SecretKind::Refresh];

    pub const fn prefix(self) -> &'static str {
        match self {
            SecretKind::PersonalAccess => "dp_pat_",
            SecretKind::Device => "dp_dev_",
            SecretKind::Refresh => "dp_ref_",
        }
    }
}

/// A token in plain text. It is shown once and never stored, and `Debug` does not print it.
#[derive(Clone)]
pub struct Secret {
    kind: SecretKind,
    text: Zeroizing<String>,
}

/// The text is not a token, or it was mistyped. Both are known without a database query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token")]
pub struct NotAToken;

impl Secret {
    /// A new secret: 30 base62 characters (178 random bits) and their checksum.
    pub fn generate(kind: SecretKind, rng: &mut impl CryptoRng) -> Self {
        let random = random_base62(RANDOM_LENGTH, rng);
        let text = Zeroizing::new(format!("{}{}{}", kind.prefix(), *random, checksum(&random)));
        Self { kind, text }
    }

    /// A secret from the output of a pseudorandom function. Two bytes for each character leave no bias that matters.
    pub fn derived(kind: SecretKind, bytes: &[u8; 64]) -> Self {
        let pairs = bytes.chunks_exact(2).take(RANDOM_LENGTH);
        let character = |pair: &[u8]| char::from(ALPHABET[usize::from(u16::from_be_bytes([pair[0], pair[1]])) % 62]);
        let random = Zeroizing::new(pairs.map(character).collect::<String>());
        Self { kind, text: Zeroizing::new(format!("{}{}{}", kind.prefix(), *random, checksum(&random))) }
    }

    /// Reads a token. Prefix, length, alphabet and checksum must be right.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let kind = SecretKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix())).ok_or(NotAToken)?;
        let body = &text[kind.prefix().len()..];
        let is_well_formed =
            body.len() == RANDOM_LENGTH + CHECKSUM_LENGTH && body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_well_formed || checksum(&body[..RANDOM_LENGTH]) != body[RANDOM_LENGTH..] {
            return Err(NotAToken);
        }
        Ok(Self { kind, text: Zeroizing::new(text.to_owned()) })
    }

    pub fn kind(&self) -> SecretKind {
        self.kind
    }

    pub fn expose(&self) -> &str {
        &self.text
    }

    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.text)
    }

    /// The prefix with the first and the last three characters, so that the owner can tell tokens apart. The omitted
    /// characters still have 160 random bits.
    pub fn hint(&self) -> String {
        let body = &self.text[self.kind.prefix().len()..];
        format!("{}{}…{}", self.kind.prefix(), &body[..3], &body[body.len() - 3..])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}…)", self.kind.prefix())
    }
}

/// Whether a text begins like a token. Such a text is never compared with passwords, which may not begin like that.
pub fn has_token_prefix(text: &str) -> bool {
    text.starts_with(COMMON_PREFIX)
}

/// SHA-256 of a secret with high entropy. A slow hash would not help, because 178 random bits cannot be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    pub fn from_text(text: &str) -> Option<Self> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn to_text(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `length` random characters of `0-9A-Za-z`, with 5.95 bits each.
pub fn random_base62(length: usize, rng: &mut impl CryptoRng) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0u8; 64]);
    while text.len() < length {
        rng.fill_bytes(bytes.as_mut_slice());
        // 248 is the largest multiple of 62 in a byte. Dropping higher values keeps every character equally likely.
        let characters = bytes.iter().filter(|byte| **byte < 248).map(|byte| ALPHABET[usize::from(byte % 62)] as char);
        let missing = length - text.len();
        text.extend(characters.take(missing));
    }
    text
}

/// CRC-32 (IEEE) of the random part in base62, left-padded with `0`. It detects typing errors and texts that only look
/// like tokens; it adds no security.
fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn the_checksum_has_the_documented_value() {
        assert_eq!(checksum(&"A".repeat(30)), "0uCPlr");
    }

    #[test]
    fn a_generated_secret_parses() {
        let secret = Secret::generate(SecretKind::PersonalAccess, &mut StdRng::seed_from_u64(1));
        let read = Secret::parse(secret.expose()).unwrap();
        assert_eq!(read.hash(), secret.hash());
        assert_eq!(secret.expose().len(), 7 + 36);
    }

    #[test]
    fn a_derived_secret_parses() {
        let secret = Secret::derived(SecretKind::Refresh, &std::array::from_fn(|at| at as u8));
        assert_eq!(Secret::parse(secret.expose()).unwrap().kind(), SecretKind::Refresh);
        assert_ne!(secret.hash(), Secret::derived(SecretKind::Refresh, &[7; 64]).hash());
    }

    #[test]
    fn one_changed_character_is_refused() {
        let secret = Secret::generate(SecretKind::Device, &mut StdRng::seed_from_u64(2));
        for at in 7..secret.expose().len() {
            let mut bytes = secret.expose().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert!(Secret::parse(std::str::from_utf8(&bytes).unwrap()).is_err());
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let secret = Secret::generate(SecretKind::PersonalAccess, &mut StdRng::seed_from_u64(3));
        assert_eq!(format!("{secret:?}"), "Secret(dp_pat_…)");
    }

    #[test]
    fn other_texts_are_not_tokens() {
        for text in ["", "dp_pat_", "dp_pat_é", "dp_xyz_", "password", &"dp_pat_".repeat(50)] {
            assert_eq!(Secret::parse(text).unwrap_err(), NotAToken, "{text}");
        }
    }
}
