//! Passwords: the policy, the hash, and the comparison, which takes the same time with and without an account.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::named::hidden_debug;
use crate::secret::{self, SecretHash};

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

/// A password in normal form (NFKC), so that the same characters typed on different keyboards are equal.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

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
    /// A password for a comparison. Nothing is trimmed and nothing is cut off.
    pub fn typed(text: &str) -> Self {
        Self(Zeroizing::new(text.nfkc().collect()))
    }

    /// A new password, checked for its length and for being common. There are no composition rules. The `username`
    /// counts as a common word.
    pub fn chosen(text: &str, username: &str) -> Result<Self, PasswordProblem> {
        if text.is_empty() {
            return Err(PasswordProblem::Missing);
        }
        let password = Self::typed(text);
        let length = password.0.chars().count();
        if length < MIN_CHARACTERS {
            return Err(PasswordProblem::Short);
        }
        if length > MAX_CHARACTERS {
            return Err(PasswordProblem::Long);
        }
        if secret::has_token_prefix(&password.0) {
            return Err(PasswordProblem::LooksLikeToken);
        }
        if zxcvbn::zxcvbn(&password.0, &[username, "dockpass", "docker", "registry"]).guesses_log10()
            < COMMON_GUESSES_LOG10
        {
            return Err(PasswordProblem::Common);
        }
        Ok(password)
    }

    /// Hashes with the current parameters. This takes about 20 ms and 19 MiB: call it on a blocking thread and outside
    /// of transactions.
    pub fn hash(&self, salt: [u8; 16]) -> PasswordDigest {
        let digest = argon2()
            .hash_password_with_salt(self.0.as_bytes(), &salt)
            .expect("a salt of 16 bytes and constant parameters are always accepted");
        PasswordDigest(digest.to_string())
    }

    /// Compares with a stored digest. Without one it does the same work and answers [`PasswordVerdict::Wrong`], so that
    /// the time does not tell whether an account exists. As slow as [`Password::hash`].
    pub fn verify(&self, digest: Option<&PasswordDigest>) -> PasswordVerdict {
        let dummy = PasswordDigest::unusable();
        let stored = digest.unwrap_or(&dummy);
        let matches = PasswordHash::new(&stored.0)
            .is_ok_and(|parsed| argon2().verify_password(self.0.as_bytes(), &parsed).is_ok());
        match (digest, matches) {
            (Some(digest), true) if digest.is_outdated() => PasswordVerdict::RightButOutdated,
            (Some(_), true) => PasswordVerdict::Right,
            _ => PasswordVerdict::Wrong,
        }
    }
}

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordVerdict {
    Right,
    /// The password is right, but was hashed with weaker parameters: hash it again.
    RightButOutdated,
    Wrong,
}

/// The hash of a password, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest(String);

impl PasswordDigest {
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn unusable() -> Self {
        Self(UNUSABLE_DIGEST.to_owned())
    }

    pub fn fingerprint(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

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

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constant parameters within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_and_contains_its_parameters() {
        let password = Password::chosen("a quiet harbour at dawn", "alice").unwrap();
        let digest = password.hash([7; 16]);
        assert!(digest.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(password.verify(Some(&digest)), PasswordVerdict::Right);
        assert_eq!(Password::typed("a quiet harbour at dusk").verify(Some(&digest)), PasswordVerdict::Wrong);
        assert_eq!(password.verify(None), PasswordVerdict::Wrong);
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
        assert_eq!(Password::typed("a quiet harbour at dawn").verify(Some(&digest)), PasswordVerdict::RightButOutdated);
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
        let long = "0123456789abcdef".repeat(20);
        let digest = Password::typed(&format!("{long}x")).hash([3; 16]);
        assert_eq!(Password::typed(&format!("{long}y")).verify(Some(&digest)), PasswordVerdict::Wrong);
        let composed = Password::typed("caf\u{e9} terrace at night").hash([4; 16]);
        assert_eq!(Password::typed("cafe\u{301} terrace at night").verify(Some(&composed)), PasswordVerdict::Right);
    }
}
