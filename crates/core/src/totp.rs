//! Time-based one-time passwords (RFC 6238): SHA-1, 30 seconds, six digits.

use rand_core::CryptoRng;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::named::hidden_debug;
use crate::timestamp::Timestamp;
use crate::typed_code;

/// RFC 4226 section 4 recommends 160 bits.
const SECRET_BYTES: usize = 20;
/// One time step in either direction (RFC 6238 section 5.2).
const DRIFT_STEPS: u16 = 1;
const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;

/// The secret that the authenticator and the server share.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The time step of a typed code, at most one step from now. `None` if the code is wrong.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let digits = typed_code::normalize(code);
        if digits.len() != usize::from(DIGITS) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let step = self.totp("account")?.check(&digits, now.seconds().unsigned_abs())?;
        i64::try_from(step).ok()
    }

    pub fn code_at(&self, now: Timestamp) -> Option<String> {
        Some(self.totp("account")?.generate(now.seconds().unsigned_abs()).to_string())
    }

    /// The secret to type into an authenticator: base32 in groups of four.
    pub fn text(&self) -> String {
        let text = data_encoding::BASE32_NOPAD.encode(&self.0);
        let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
        groups.join(" ")
    }

    pub fn url(&self, username: &str) -> Option<Zeroizing<String>> {
        self.totp(username)?.to_url().ok().map(Zeroizing::new)
    }

    fn totp(&self, username: &str) -> Option<Totp> {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(DRIFT_STEPS)
            .with_step_duration(STEP_SECONDS)
            .with_secret(self.0.to_vec())
            .with_issuer(Some("Dockpass"))
            .with_account_name(username)
            .build()
            .ok()
    }
}

hidden_debug!(TotpSecret);

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    /// RFC 6238 appendix B, SHA-1, the last six of its eight digits.
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn the_test_vectors_of_rfc_6238_match() {
        for (seconds, code) in VECTORS {
            let at = Timestamp::from_seconds(seconds);
            assert_eq!(rfc().code_at(at).as_deref(), Some(code));
            assert_eq!(rfc().step_of(code, at), Some(seconds / 30));
        }
    }

    #[test]
    fn one_time_step_of_drift_is_accepted() {
        let (at, step) = (1_234_567_890_i64, 1_234_567_890 / 30);
        let step_at = |seconds: i64| rfc().step_of("005924", Timestamp::from_seconds(at + seconds));
        assert_eq!([step_at(-30), step_at(0), step_at(30)], [Some(step); 3]);
        assert_eq!([step_at(-60), step_at(60)], [None; 2]);
    }

    #[test]
    fn codes_are_accepted_with_white_space_and_in_full_width() {
        let at = Timestamp::from_seconds(59);
        assert!(rfc().step_of(" 287 082\n", at).is_some() && rfc().step_of("２８７０８２", at).is_some());
        for wrong in ["", "28708", "2870822", "28708a", "-87082"] {
            assert_eq!(rfc().step_of(wrong, at), None, "{wrong}");
        }
    }

    #[test]
    fn the_secret_is_given_as_text_and_as_url() {
        assert_eq!(rfc().text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let url = rfc().url("alice").unwrap();
        assert!(url.starts_with("otpauth://totp/Dockpass:alice?"), "{}", *url);
        assert!(url.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
    }
}
