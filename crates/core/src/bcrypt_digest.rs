//! bcrypt digests, as htpasswd files of registries have them. A password that matches one is hashed again with argon2id.

use std::sync::LazyLock;

use argon2::password_hash::phc::Output;
use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

/// Each step doubles the work: at 14 one comparison takes a second or two, and those of other imported accounts wait for it.
pub const MAX_COST: u32 = 14;
/// bcrypt has no lower one.
const MIN_COST: u32 = 4;
/// bcrypt reads no more of a password.
pub(crate) const KEY_BYTES: usize = 72;
/// 16 bytes of salt.
const SALT_CHARACTERS: usize = 22;
/// 23 bytes of hash.
const HASH_CHARACTERS: usize = 31;

/// Registries accept salts with bits after the last whole byte, which some scripts write.
static ENCODING: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    specification.check_trailing_bits = false;
    specification.encoding().expect("64 different symbols")
});

/// Why a digest cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestProblem {
    /// The beginning of the digest says that another algorithm made it.
    Other(Algorithm),
    /// It begins like bcrypt, but characters are missing or wrong.
    Damaged,
    Cost(u32),
}

/// What can be in the place of a bcrypt digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Apache's MD5, which `htpasswd` takes if nothing else is asked for.
    Apr1,
    Sha1,
    /// SHA-256 or SHA-512 of the system's `crypt`.
    ShaCrypt,
    /// The mistaken bcrypt of PHP before 5.3.7.
    Bcrypt2x,
    /// DES, a plain password, or nothing that is known.
    Unknown,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BcryptDigest {
    cost: u32,
    salt: [u8; 16],
    hash: Vec<u8>,
}

impl BcryptDigest {
    /// Reads `$2y$`, `$2b$` or `$2a$`, two digits of cost, `$`, salt and hash. Registries compute all three alike.
    pub(crate) fn parse(text: &str) -> Result<Self, DigestProblem> {
        let version = ["$2y$", "$2b$", "$2a$"].into_iter().find_map(|version| text.strip_prefix(version));
        let rest = version.ok_or_else(|| DigestProblem::Other(algorithm(text)))?;
        let (cost, encoded) = rest.split_once('$').ok_or(DigestProblem::Damaged)?;
        let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost = cost.parse().ok().filter(|_| is_number).ok_or(DigestProblem::Damaged)?;
        if encoded.len() != SALT_CHARACTERS + HASH_CHARACTERS || !encoded.is_ascii() {
            return Err(DigestProblem::Damaged);
        }
        let (salt, hash) = encoded.split_at(SALT_CHARACTERS);
        let decode = |text: &str| ENCODING.decode(text.as_bytes()).map_err(|_| DigestProblem::Damaged);
        let salt = decode(salt)?.try_into().map_err(|_| DigestProblem::Damaged)?;
        let hash = decode(hash)?;
        if (MIN_COST..=MAX_COST).contains(&cost) {
            Ok(Self { cost, salt, hash })
        } else {
            Err(DigestProblem::Cost(cost))
        }
    }

    /// Compares in constant time. It takes from a millisecond to a second, by the cost: call it on a blocking thread.
    pub(crate) fn matches(&self, key: &BcryptKey) -> bool {
        let computed = bcrypt::bcrypt(self.cost, self.salt, &key.0);
        let (computed, stored) = (Output::new(&computed[..self.hash.len()]), Output::new(&self.hash));
        computed.is_ok() && computed.ok() == stored.ok()
    }
}

fn algorithm(text: &str) -> Algorithm {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    if starts(&["$apr1$", "$1$"]) {
        Algorithm::Apr1
    } else if starts(&["{SHA}"]) {
        Algorithm::Sha1
    } else if starts(&["$5$", "$6$"]) {
        Algorithm::ShaCrypt
    } else if starts(&["$2x$"]) {
        Algorithm::Bcrypt2x
    } else {
        Algorithm::Unknown
    }
}

/// What bcrypt reads of a password: its first bytes as they were typed, and a NUL where there is room.
#[derive(Clone)]
pub(crate) struct BcryptKey(Zeroizing<Vec<u8>>);

impl BcryptKey {
    pub(crate) fn typed(text: &str) -> Self {
        Self(Zeroizing::new(text.bytes().chain([0]).take(KEY_BYTES).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a quiet harbour`, from htpasswd and twice from Python's bcrypt.
    const DIGESTS: [&str; 3] = [
        "$2y$05$kD1rmHSRrLMNZgz1YGuIT./X5ORqjfLVDuoHWNKAi29Vhz8rkwkkK",
        "$2b$05$U4uDI8PdrV74oiZfWg3AdecoHpmkljCih5mlKHQAHfTRBM/RwCKdK",
        "$2a$05$krygZv.993yqip.JEdW7zeOKa6s68Irfso6V/zxA9CFBb1Ven.XHO",
    ];

    /// `0123456789` eight times.
    const LONG: &str = "$2y$05$A3TtY1gbWxVj4eTur7wtd.ISg0QsV4vJlEpKSEWQ1fAq6rDz7AtQm";
    /// `café at night`, the é as one character.
    const ACCENT: &str = "$2y$05$XsyUX58CF.WWMRRc8fKKN.WhAK8oy6wAIL.Es6CX/txeAjd8/gmJy";

    fn matches(digest: &str, typed: &str) -> bool {
        BcryptDigest::parse(digest).unwrap().matches(&BcryptKey::typed(typed))
    }

    #[test]
    fn the_three_versions_are_compared_alike() {
        for digest in DIGESTS {
            assert!(matches(digest, "a quiet harbour"), "{digest}");
            for wrong in ["", "a quiet harbou", "a quiet harbour ", "A quiet harbour"] {
                assert!(!matches(digest, wrong), "{digest} {wrong}");
            }
        }
    }

    #[test]
    fn seventy_two_bytes_are_read_and_the_rest_is_not() {
        let long = "0123456789".repeat(8);
        assert!(matches(LONG, &long) && matches(LONG, &long[..72]) && matches(LONG, &format!("{}x", &long[..72])));
        assert!(!matches(LONG, &long[..71]) && !matches(LONG, &format!("{}x", &long[..71])));
    }

    #[test]
    fn bytes_are_compared_as_typed() {
        assert!(matches(ACCENT, "caf\u{e9} at night"));
        assert!(!matches(ACCENT, "cafe\u{301} at night"), "the same letters in another normal form");
    }

    #[test]
    fn what_is_not_bcrypt_or_too_costly_is_told_apart() {
        use Algorithm::*;
        use DigestProblem::*;
        let bcrypt = DIGESTS[1];
        let cases = [
            ("$apr1$xyz$Zy3J6xVqcTCwcRw1h5xW7.", Other(Apr1)),
            ("$1$xyz$Zy3J6xVqcTCwcRw1h5xW7.", Other(Apr1)),
            ("{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8=", Other(Sha1)),
            ("$5$rounds=1000$salt$hash", Other(ShaCrypt)),
            ("$6$salt$hash", Other(ShaCrypt)),
            (&bcrypt.replace("$2b$", "$2x$"), Other(Bcrypt2x)),
            ("rqXexS6ZhobKA", Other(Unknown)),
            ("", Other(Unknown)),
            (&bcrypt.replace("$05$", "$15$"), Cost(15)),
            (&bcrypt.replace("$05$", "$03$"), Cost(3)),
            (&bcrypt.replace("$05$", "$5$"), Damaged),
            (&bcrypt.replace("$05$", "$+5$"), Damaged),
            (&bcrypt[..59], Damaged),
            (&format!("{bcrypt}."), Damaged),
            (&bcrypt.replace("U4u", "U4\u{e9}"), Damaged),
            (&bcrypt.replace("U4u", "U4*"), Damaged),
            ("$2b$05", Damaged),
        ];
        for (text, problem) in cases {
            assert_eq!(BcryptDigest::parse(text), Err(problem), "{text}");
        }
        assert!(BcryptDigest::parse(&bcrypt.replace("$05$", "$04$")).is_ok());
        assert!(BcryptDigest::parse(&bcrypt.replace("$05$", "$14$")).is_ok());
    }

    #[test]
    fn a_salt_with_odd_bits_at_its_end_works_as_in_registries() {
        // Its 22 characters have 132 bits, of which 128 count: `e` and `f` at the end are the same salt.
        let odd = DIGESTS[1].replace("g3Ade", "g3Adf");
        assert!(matches(&odd, "a quiet harbour"));
    }
}
