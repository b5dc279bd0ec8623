//! Recovery codes for the second factor: sets of ten, 80 random bits each.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::password::{HashMemory, argon2};
use crate::typed_code;

pub const CODES: usize = 10;
const CODE_BYTES: usize = 10;

/// A code in plain text.
pub type RecoveryCode = Zeroizing<String>;

/// A new set of codes of 16 letters and digits, in groups of four.
pub fn generate(rng: &mut impl CryptoRng) -> Vec<RecoveryCode> {
    let one = |_| {
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        let text = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(bytes.as_slice()).to_lowercase());
        let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
        Zeroizing::new(groups.join("-"))
    };
    (0..CODES).map(one).collect()
}

/// Reads a typed code, without separators. `None` if it is not a code, which saves the slow hash.
pub fn parse(typed: &str) -> Option<RecoveryCode> {
    let bare = typed_code::normalize(typed).to_lowercase();
    let is_code = bare.len() == 16 && bare.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    is_code.then(|| Zeroizing::new(bare))
}

/// Hashes a parsed code with its set's salt. Codes of fewer than 112 bits need a slow hash (ASVS 5.0, 6.5.2), so it is
/// argon2id as for passwords. All codes of a set share a salt, so that an attempt costs one hash and not ten. Slow: call
/// it on a blocking thread.
pub fn hash(code: &RecoveryCode, salt: &[u8], memory: &mut HashMemory) -> [u8; 32] {
    let mut digest = [0; 32];
    memory.hash(&argon2(), code.as_bytes(), salt, &mut digest).expect("a salt of 16 bytes is always accepted");
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_code_parses_in_every_spelling() {
        let codes = generate(&mut StdRng::seed_from_u64(1));
        assert_eq!(codes.len(), CODES);
        for code in &codes {
            assert_eq!(code.len(), 19);
            let parsed = parse(code).unwrap();
            let wide: String = code.bytes().filter_map(|byte| char::from_u32(u32::from(byte) + 0xfee0)).collect();
            assert_eq!(parse(&code.to_uppercase().replace('-', " ")), Some(parsed.clone()));
            assert_eq!(parse(&wide), Some(parsed));
        }
        for wrong in ["", "abcd", "abcd-efgh-ijkl-mno1", "abcd-efgh-ijkl-mnopq"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
