//! Signing in on a device through the browser (RFC 8628): the two codes, and the answers to polls.

use std::net::IpAddr;

use rand_core::CryptoRng;
use time::Duration;

use crate::named::{hidden_debug, named_enum};
use crate::secret::{SecretHash, random_base62};
use crate::timestamp::Timestamp;
use crate::typed_code;

/// The lifetime of both codes.
pub const CODE_LIFE: Duration = Duration::minutes(10);
/// The shortest time between two polls of one code.
pub const INTERVAL: Duration = Duration::seconds(5);
/// Each poll that comes too early adds this to the code's interval for good (RFC 8628 section 3.5).
pub const SLOWER: Duration = Duration::seconds(5);
/// The interval grows no further, because the code expires before the next poll anyway.
const SLOWEST: Duration = CODE_LIFE;
/// 190 random bits. Only programs handle it, so it may be long.
const DEVICE_CODE_LENGTH: usize = 32;
/// Without vowels, so that it spells no words, and without digits (RFC 8628 section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LENGTH: usize = 8;

/// The secret code with which a program polls.
pub struct DeviceCode(zeroize::Zeroizing<String>);

impl DeviceCode {
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(random_base62(DEVICE_CODE_LENGTH, rng))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

/// The code that a device shows and a person types: `WDJB-MJHT`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A new code: 34.5 random bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut letters = String::with_capacity(USER_CODE_LENGTH);
        let mut bytes = [0; 16];
        while letters.len() < USER_CODE_LENGTH {
            rng.fill_bytes(&mut bytes);
            // 240 is the largest multiple of 20 in a byte. Dropping higher values keeps every letter equally likely.
            let fair = bytes.iter().filter(|byte| **byte < 240);
            let missing = USER_CODE_LENGTH - letters.len();
            letters.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 20)])).take(missing));
        }
        Self(letters)
    }

    /// Reads a typed code. Case, white space and punctuation do not matter, and full-width letters of an East Asian
    /// keyboard count as letters. `None` if it is not a code.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = typed_code::normalize(text).to_ascii_uppercase();
        let is_code = letters.len() == USER_CODE_LENGTH && letters.bytes().all(|byte| ALPHABET.contains(&byte));
        is_code.then_some(Self(letters))
    }

    /// The text in two groups, as devices and pages show it.
    pub fn shown(&self) -> String {
        let (first, last) = self.0.split_at(USER_CODE_LENGTH / 2);
        format!("{first}-{last}")
    }

    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

hidden_debug!(DeviceCode, UserCode);

/// How many codes may be pending for an IPv4 address or an IPv6 network of so many bits. An office shares an address, and
/// a provider gives a customer a /64, a /56 or a /48.
const PENDING_OF_NETWORK: [(u32, i64); 3] = [(64, 20), (56, 50), (48, 100)];

/// The networks from `first` to `last` of [`network`] share a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLimit {
    pub first: String,
    pub last: String,
    pub most: i64,
}

/// What counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address. In hexadecimal, so that texts sort
/// as numbers do.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("{:08x}", u32::from(address)),
        IpAddr::V6(address) => format!("{:016x}", u128::from(address) >> 64),
    }
}

/// The limits for the pending codes of an address, the narrowest network first.
pub fn pending_limits(address: IpAddr) -> Vec<PendingLimit> {
    let IpAddr::V6(v6) = address.to_canonical() else {
        let (only, (_, most)) = (network(address), PENDING_OF_NETWORK[0]);
        return vec![PendingLimit { first: only.clone(), last: only, most }];
    };
    let limit = |(length, most)| {
        let (bits, others) = ((u128::from(v6) >> 64) as u64, u64::MAX.checked_shr(length).unwrap_or(0));
        PendingLimit { first: format!("{:016x}", bits & !others), last: format!("{:016x}", bits | others), most }
    };
    PENDING_OF_NETWORK.map(limit).to_vec()
}

named_enum! {
    /// The state of a sign-in on a device. It never goes back to an earlier state.
    enum DeviceCodeState {
        Pending = "pending",
        Approved = "approved",
        Denied = "denied",
        Spent = "spent",
    }
}

/// What a poll's answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollState {
    pub state: DeviceCodeState,
    pub expires_at: Timestamp,
    pub interval: Duration,
    pub last_at: Option<Timestamp>,
}

/// The answer to a poll. It is a value and not an error, so that the transaction commits and records the poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollAnswer {
    Pending,
    SlowDown,
    /// The poll may get the token, if no other poll gets it first.
    Approved,
    Denied,
    Expired,
    Spent,
}

impl PollState {
    /// The answer to a poll now, and the new interval if the poll must be recorded.
    ///
    /// A poll is recorded only while the answer depends on the time of the last one. This bounds the number of writes
    /// that a code can cause. An approved code outlives its expiry by one interval, because someone may approve it at
    /// the last moment.
    pub fn answer(self, now: Timestamp) -> (PollAnswer, Option<Duration>) {
        let is_early = self.last_at.is_some_and(|last| now - last < self.interval);
        match self.state {
            DeviceCodeState::Spent => (PollAnswer::Spent, None),
            DeviceCodeState::Denied => (PollAnswer::Denied, None),
            DeviceCodeState::Approved if self.expires_at + self.interval > now => (PollAnswer::Approved, None),
            DeviceCodeState::Pending if self.expires_at > now && is_early => {
                let slower = (self.interval + SLOWER).min(SLOWEST);
                (PollAnswer::SlowDown, (slower != self.interval).then_some(slower))
            }
            DeviceCodeState::Pending if self.expires_at > now => (PollAnswer::Pending, Some(self.interval)),
            DeviceCodeState::Pending | DeviceCodeState::Approved => (PollAnswer::Expired, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn a_user_code_is_eight_consonants_in_two_groups_and_parses_in_every_spelling() {
        let code = UserCode::generate(&mut StdRng::seed_from_u64(1));
        let shown = code.shown();
        assert!(shown.len() == 9 && shown.bytes().enumerate().all(|(at, byte)| (at == 4) == (byte == b'-')));
        assert!(shown.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)), "{shown}");
        let wide: String =
            shown.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).filter(|_| c != '-').unwrap_or('。')).collect();
        let spaced = shown.chars().map(String::from).collect::<Vec<_>>().join(" ");
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', ""), format!(" {shown}.\n"), wide, spaced]
        {
            assert_eq!(UserCode::parse(&typed), Some(code.clone()), "{typed}");
        }
        assert_eq!(UserCode::parse("wdjb mjht").unwrap().hash(), UserCode::parse("WDJB–MJHT").unwrap().hash());
        assert_eq!(format!("{code:?}"), "UserCode(…)");
    }

    #[test]
    fn other_texts_are_not_codes() {
        for text in ["", "-", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJHÉ", "éééééééé"] {
            assert_eq!(UserCode::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_networks_of_a_customer_have_limits_of_their_own() {
        let limits = |address: &str| pending_limits(address.parse().unwrap());
        let range = |first: &str, last: &str, most| PendingLimit { first: first.into(), last: last.into(), most };
        let v6 = [
            range("20010db812345678", "20010db812345678", 20),
            range("20010db812345600", "20010db8123456ff", 50),
            range("20010db812340000", "20010db81234ffff", 100),
        ];
        assert_eq!(limits("2001:db8:1234:5678::1"), v6);
        let v4 = [range("0a000001", "0a000001", 20)];
        assert_eq!((limits("10.0.0.1"), limits("::ffff:10.0.0.1")), (v4.to_vec(), v4.to_vec()));
    }

    #[test]
    fn all_letters_are_equally_likely() {
        let mut rng = StdRng::seed_from_u64(7);
        let letters: String = (0..5000).map(|_| UserCode::generate(&mut rng).0).collect();
        for letter in ALPHABET {
            let count = letters.bytes().filter(|byte| byte == letter).count();
            assert!((1800..2200).contains(&count), "{} occurs {count} times in 40,000", char::from(*letter));
        }
    }

    #[test]
    fn the_number_of_recorded_polls_is_bounded() {
        for milliseconds in [1, 900, 4999, 5000, 6000] {
            let mut polled = PollState {
                state: DeviceCodeState::Pending,
                expires_at: NOW + CODE_LIFE,
                interval: INTERVAL,
                last_at: None,
            };
            let (mut now, mut recorded) = (NOW, 0);
            while now < polled.expires_at {
                let (answer, marked) = polled.answer(now);
                let is_early = polled.last_at.is_some_and(|last| now - last < polled.interval);
                assert_eq!(answer, if is_early { PollAnswer::SlowDown } else { PollAnswer::Pending });
                if let Some(interval) = marked {
                    recorded += 1;
                    polled = PollState { interval, last_at: Some(now), ..polled };
                }
                now = now + Duration::milliseconds(milliseconds);
            }
            assert!((1..=120).contains(&recorded), "{recorded} recorded when polled every {milliseconds} ms");
            assert!(polled.interval <= CODE_LIFE);
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,200}") {
            let _ = UserCode::parse(&text);
        }
    }
}
