//! Passwords: the policy, the hash, and the comparison, which takes the same time with and without an account.

use std::fmt;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::bcrypt_digest::{BcryptDigest, BcryptKey, DigestProblem};
use crate::named::hidden_debug;
use crate::secret;

/// NIST SP 800-63B-4 section 3.1.1.2: 15 characters if the password is the only factor.
const MIN_CHARACTERS: usize = 15;
/// Enough for every passphrase. The limit keeps requests from making us normalise megabytes.
const MAX_CHARACTERS: usize = 512;
/// Attackers with a list of common passwords need only seconds for fewer guesses than this.
const COMMON_GUESSES_LOG10: f64 = 8.0;

/// OWASP Password Storage Cheat Sheet: argon2id with at least m = 19456 KiB, t = 2, p = 1.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A typed text is cut off here before it is normalised. What is left is still longer than every password.
const MAX_TYPED: usize = 8 * MAX_CHARACTERS;
/// zxcvbn reads digits and symbols as letters in every possible way: for a hundred characters it then takes seconds.
const JUDGED_CHARACTERS: usize = 32;
/// Letters have one reading.
const JUDGED_LETTERS: usize = 100;

/// Memory for one hash at a time. It is allocated for the first hash and reused until [`HashMemory::release_if_idle`].
#[derive(Default)]
pub struct HashMemory {
    blocks: Vec<Block>,
    /// Whether a hash has used it since the last [`HashMemory::release_if_idle`].
    has_been_used: bool,
}

/// 33 MiB, in blocks of 1 KiB. glibc may keep a freed allocation for the process, but never one above 32 MiB. The part that a hash
/// does not write to, all but 19 MiB, takes no memory.
const ALLOCATED_BLOCKS: usize = 33 << 10;

impl HashMemory {
    pub(crate) fn hash(
        &mut self,
        argon2: &Argon2<'_>,
        secret: &[u8],
        salt: &[u8],
        hash: &mut [u8],
    ) -> argon2::Result<()> {
        self.has_been_used = true;
        let count = argon2.params().block_count();
        if self.blocks.len() < count {
            let missing = count.max(ALLOCATED_BLOCKS) - self.blocks.len();
            // A failed allocation would abort the program; this panic fails one request.
            self.blocks.try_reserve_exact(missing).expect("there is memory for a hash");
            self.blocks.resize(count, Block::new());
        }
        argon2.hash_password_into_with_memory(secret, salt, hash, &mut self.blocks[..count])
    }

    /// Frees the memory if no hash has used it since the last call.
    pub fn release_if_idle(&mut self) {
        if !std::mem::take(&mut self.has_been_used) {
            self.blocks = Vec::new();
        }
    }
}

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashMemory(…)")
    }
}

/// A password.
#[derive(Clone)]
pub struct Password {
    /// In normal form (NFKC), so that the same characters typed on different keyboards are equal.
    text: Zeroizing<String>,
    /// For a bcrypt digest, which was made of the bytes as they were typed.
    bcrypt_key: BcryptKey,
}

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProblem {
    Missing,
    Short,
    Long,
    Common,
    /// It begins like a token, and such a text is never compared with a password.
    LooksLikeToken,
}

impl Password {
    /// A password for a comparison. Nothing is trimmed, and nothing that could be a password is cut off.
    pub fn typed(text: &str) -> Self {
        let normal = text.chars().take(MAX_TYPED).nfkc().collect();
        Self { text: Zeroizing::new(normal), bcrypt_key: BcryptKey::typed(text) }
    }

    /// A new password, checked for everything. There are no composition rules. As slow as [`Password::is_common`].
    pub fn chosen(text: &str, username: &str) -> Result<Self, PasswordProblem> {
        let password = Self::well_formed(text)?;
        if password.is_common(username) { Err(PasswordProblem::Common) } else { Ok(password) }
    }

    /// A new password, checked for all but being common, which takes no time.
    pub fn well_formed(text: &str) -> Result<Self, PasswordProblem> {
        if text.is_empty() {
            return Err(PasswordProblem::Missing);
        }
        let password = Self::typed(text);
        let length = password.text.chars().count();
        if length < MIN_CHARACTERS {
            return Err(PasswordProblem::Short);
        }
        if length > MAX_CHARACTERS {
            return Err(PasswordProblem::Long);
        }
        if secret::has_token_prefix(&password.text) {
            return Err(PasswordProblem::LooksLikeToken);
        }
        Ok(password)
    }

    /// Whether attackers try it, or one like it, early. The `username` counts as a common word. This takes up to 100 ms:
    /// call it on a blocking thread.
    pub fn is_common(&self, username: &str) -> bool {
        let has_one_reading = self.text.chars().all(|c| c.is_alphabetic() || c == ' ');
        let most = if has_one_reading { JUDGED_LETTERS } else { JUDGED_CHARACTERS };
        let judged: Zeroizing<String> = Zeroizing::new(self.text.chars().take(most).collect());
        zxcvbn::zxcvbn(&judged, &[username, "dockpass", "docker", "registry"]).guesses_log10() < COMMON_GUESSES_LOG10
    }

    /// Hashes with the current parameters. This takes about 20 ms: call it on a blocking thread and outside of transactions.
    pub fn hash(&self, salt: [u8; 16], memory: &mut HashMemory) -> PasswordDigest {
        let mut hash = [0; 32];
        memory
            .hash(&argon2(), self.text.as_bytes(), &salt, &mut hash)
            .expect("a salt of 16 bytes and constant parameters are always accepted");
        let (salt, hash) = (BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&hash));
        PasswordDigest(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
    }

    /// Compares with a digest of argon2. Without one, and with one of bcrypt, it does the same work and answers
    /// [`PasswordVerdict::Wrong`], so that the time does not tell whether an account exists. As slow as [`Password::hash`].
    pub fn verify(&self, digest: Option<&PasswordDigest>, memory: &mut HashMemory) -> PasswordVerdict {
        let (digest, dummy) = (digest.filter(|digest| !digest.is_bcrypt()), PasswordDigest::unusable());
        let matches = self.matches(digest.unwrap_or(&dummy), memory).unwrap_or(false);
        match (digest, matches) {
            (Some(digest), true) if digest.is_outdated() => PasswordVerdict::RightButOutdated,
            (Some(_), true) => PasswordVerdict::Right,
            _ => PasswordVerdict::Wrong,
        }
    }

    /// Compares with a digest of bcrypt, in a millisecond to a few seconds, by its cost. A password that matches is to be
    /// hashed again.
    pub fn matches_bcrypt(&self, digest: &PasswordDigest) -> bool {
        BcryptDigest::parse(&digest.0).is_ok_and(|bcrypt| bcrypt.matches(&self.bcrypt_key))
    }

    /// `None` for a digest that cannot be read. The comparison takes constant time.
    fn matches(&self, digest: &PasswordDigest, memory: &mut HashMemory) -> Option<bool> {
        let stored = PasswordHash::new(&digest.0).ok()?;
        let expected = stored.hash?;
        let algorithm = Algorithm::new(stored.algorithm.as_str()).ok()?;
        let version = stored.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).ok()?);
        let mut hash = vec![0; expected.len()];
        memory.hash(&argon2, self.text.as_bytes(), &stored.salt?, &mut hash).ok()?;
        Some(Output::new(&hash).ok()? == expected)
    }
}

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordVerdict {
    Right,
    /// The password is right, but was hashed with weaker parameters or another algorithm: hash it again.
    RightButOutdated,
    Wrong,
}

/// The hash of a password, as a PHC string; of an imported account, bcrypt's until its first sign-in.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest(String);

impl PasswordDigest {
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// A bcrypt digest of another program.
    pub fn from_bcrypt(text: &str) -> Result<Self, DigestProblem> {
        BcryptDigest::parse(text).map(|_| Self(text.to_owned()))
    }

    pub fn is_bcrypt(&self) -> bool {
        BcryptDigest::parse(&self.0).is_ok()
    }

    /// The digest of a password that nobody knows, for accounts without a password.
    pub fn unusable() -> Self {
        Self(UNUSABLE_DIGEST.to_owned())
    }

    /// The text for the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether any of the current parameters is stronger.
    fn is_outdated(&self) -> bool {
        let Ok(parsed) = PasswordHash::new(&self.0) else { return true };
        let number = |name: &str| parsed.params.get(name).and_then(|value| value.decimal().ok()).unwrap_or(0);
        parsed.algorithm.as_str() != "argon2id"
            || number("m") < MEMORY_KIB
            || number("t") < PASSES
            || number("p") < LANES
    }
}

hidden_debug!(Password, PasswordDigest);

/// It has the current parameters, so that a comparison takes as long as with a real digest.
const UNUSABLE_DIGEST: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IG5vYm9keSE$HnVHtX8OM3y3y4mu0ckkQ9n8IUL9RkmJM4mTLVaVlz0";

/// argon2id with the current parameters.
pub(crate) fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constant parameters within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    #[test]
    fn a_hash_verifies_and_contains_its_parameters() {
        let mut memory = HashMemory::default();
        let password = Password::chosen("a quiet harbour at dawn", "alice").unwrap();
        let digest = password.hash([7; 16], &mut memory);
        assert!(digest.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(password.verify(Some(&digest), &mut memory), PasswordVerdict::Right);
        assert_eq!(
            Password::typed("a quiet harbour at dusk").verify(Some(&digest), &mut memory),
            PasswordVerdict::Wrong
        );
        assert_eq!(password.verify(None, &mut memory), PasswordVerdict::Wrong);
    }

    #[test]
    fn the_unusable_digest_costs_as_much_as_a_real_one() {
        let parsed = PasswordHash::new(UNUSABLE_DIGEST).unwrap();
        assert_eq!(parsed.params.to_string(), format!("m={MEMORY_KIB},t={PASSES},p={LANES}"));
        assert_eq!(parsed.hash.unwrap().as_bytes().len(), 32);
    }

    #[test]
    fn weaker_parameters_are_outdated() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(4096, 2, 1, None).unwrap());
        let digest = weak.hash_password_with_salt(b"a quiet harbour at dawn", &[1; 16]).unwrap();
        let digest = PasswordDigest(digest.to_string());
        assert_eq!(
            Password::typed("a quiet harbour at dawn").verify(Some(&digest), &mut HashMemory::default()),
            PasswordVerdict::RightButOutdated
        );
    }

    #[test]
    fn the_policy_has_no_composition_rules() {
        let long = "a violet tractor seldom rains on glass ".repeat(5);
        for good in ["violet tractor seldom rains", "十五个字以上的口令其实也很容易记住", long.as_str()]
        {
            assert!(Password::chosen(good, "alice").is_ok(), "{good}");
        }
        let cases = [
            ("", PasswordProblem::Missing),
            ("short enough", PasswordProblem::Short),
            ("passwordpassword", PasswordProblem::Common),
            ("123456789012345", PasswordProblem::Common),
            ("aaaaaaaaaaaaaaaaaaaa", PasswordProblem::Common),
            ("qwertyuiopasdfghjkl", PasswordProblem::Common),
            ("dp_something very long", PasswordProblem::LooksLikeToken),
        ];
        for (text, problem) in cases {
            assert_eq!(Password::chosen(text, "alice").unwrap_err(), problem, "{text}");
        }
        assert_eq!(Password::chosen(&"ab ".repeat(200), "alice").unwrap_err(), PasswordProblem::Long);
    }

    #[test]
    fn long_passwords_are_not_cut_and_normal_forms_are_equal() {
        let mut memory = HashMemory::default();
        let long = "0123456789abcdef".repeat(20);
        let digest = Password::typed(&format!("{long}x")).hash([3; 16], &mut memory);
        let verdict = Password::typed(&format!("{long}y")).verify(Some(&digest), &mut memory);
        assert_eq!(verdict, PasswordVerdict::Wrong);
        let composed = Password::typed("caf\u{e9} terrace at night").hash([4; 16], &mut memory);
        let verdict = Password::typed("cafe\u{301} terrace at night").verify(Some(&composed), &mut memory);
        assert_eq!(verdict, PasswordVerdict::Right);
    }

    #[test]
    fn what_was_hashed_before_in_the_same_memory_changes_nothing() {
        let mut memory = HashMemory::default();
        let fresh = Password::typed("a quiet harbour at dawn").hash([3; 16], &mut memory);
        Password::typed("another").hash([5; 16], &mut memory);
        assert_eq!(Password::typed("a quiet harbour at dawn").hash([3; 16], &mut memory), fresh);
    }

    #[test]
    fn a_bcrypt_digest_matches_even_a_short_password_typed_in_its_own_form() {
        let digest =
            PasswordDigest::from_bcrypt("$2b$04$5AmxamYRwIlE7CdDNjGbtezQRVOIY7hAsw6bpUVjwdAQ671tD2XC6").unwrap();
        let matches = |typed: &str| Password::typed(typed).matches_bcrypt(&digest);
        assert!(digest.is_bcrypt() && !PasswordDigest::unusable().is_bcrypt());
        assert_eq!(["caf\u{e9}", "cafe\u{301}", "cafe", ""].map(matches), [true, false, false, false]);
        let verdict = Password::typed("caf\u{e9}").verify(Some(&digest), &mut HashMemory::default());
        assert_eq!(verdict, PasswordVerdict::Wrong, "the comparison with argon2 only takes its time");
    }

    #[test]
    fn megabytes_are_not_normalised() {
        let typed = Password::typed(&"e\u{301}".repeat(1_000_000));
        assert!(typed.text.chars().count() <= MAX_TYPED && typed.text.chars().count() > MAX_CHARACTERS);
    }

    #[test]
    fn symbols_that_read_as_letters_are_judged_by_a_few_of_them() {
        let start = "4@8({[<3691!|70$5+%2".repeat(2);
        let rest = |text: &str| Password::typed(&format!("{}{text}", &start[..JUDGED_CHARACTERS]));
        assert!(!rest("").is_common("alice") && !rest(&start.repeat(2)).is_common("alice"));
    }
}
