//! Signing in on a device through the browser (RFC 8628): the codes, the names as claimed, what a poll is answered.

use std::fmt;

use rand_core::CryptoRng;
use time::Duration;
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    secret::{SecretHash, random_base62},
    timestamp::Timestamp,
    token::Description,
    visible_text::is_invisible,
};

/// Both codes are good this long.
pub const CODE_LIFE: Duration = Duration::minutes(10);
/// Between two polls of one code, as long as it keeps to that.
pub const INTERVAL: Duration = Duration::seconds(5);
/// What each poll that comes too early adds to it, for good (RFC 8628 section 3.5).
pub const SLOWER: Duration = Duration::seconds(5);
/// It never gets longer than this: whoever is so slow asks no second time.
const SLOWEST: Duration = CODE_LIFE;
/// 190 random bits: nobody types it.
const DEVICE_CODE_LENGTH: usize = 32;
/// No vowels, so that no word comes out, and no digits (RFC 8628 section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LENGTH: usize = 8;
const LONGEST_CLAIM: usize = 64;
const LONGEST_DESCRIPTION: usize = 100;

/// The code with which the program polls: shown to nobody, stored as its hash.
pub struct DeviceCode(zeroize::Zeroizing<String>);

impl DeviceCode {
    /// A new one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(random_base62(DEVICE_CODE_LENGTH, rng))
    }

    /// The text, for the one answer that gives it out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCode(…)")
    }
}

/// The code that a device shows and a person types: `WDJB-MJHT`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A new one: 34.5 random bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut letters = String::with_capacity(USER_CODE_LENGTH);
        let mut bytes = [0; 16];
        while letters.len() < USER_CODE_LENGTH {
            rng.fill_bytes(&mut bytes);
            // 240 is the largest multiple of 20 in a byte: dropping what lies above keeps every letter equally likely.
            let fair = bytes.iter().filter(|byte| **byte < 240);
            let missing = USER_CODE_LENGTH - letters.len();
            letters.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 20)])).take(missing));
        }
        Self(letters)
    }

    /// Reads what a person typed: case, white space and punctuation mean nothing, and the wide letters of an East
    /// Asian keyboard are letters. `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String = text
            .chars()
            .take(4 * USER_CODE_LENGTH)
            .nfkc()
            .filter(|c| c.is_alphanumeric())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let is_code = letters.len() == USER_CODE_LENGTH && letters.bytes().all(|byte| ALPHABET.contains(&byte));
        is_code.then_some(Self(letters))
    }

    /// In two groups, as devices and pages show it.
    pub fn shown(&self) -> String {
        let (first, last) = self.0.split_at(USER_CODE_LENGTH / 2);
        format!("{first}-{last}")
    }

    /// What the database keeps.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

/// A name that a program or a device gives itself: 64 printable characters at most, on one line. Nobody checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// Leaves out what cannot be seen and cuts what is too long; `None` where nothing is left. Two claims that look
    /// alike would else be different.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
        let seen: String = line.filter(|c| !is_invisible(*c)).collect();
        let name: String = seen.trim().chars().take(LONGEST_CLAIM).collect();
        let name = name.trim_end();
        (!name.is_empty()).then(|| Self(name.to_owned()))
    }

    /// Takes back what this type once let into the database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a device's token is called: `laptop (docker-credential-dockpass)`, or the program alone. Of a name that is too
/// long the program is cut.
pub fn description(program: &ClientName, device: Option<&ClientName>) -> Description {
    let text = match device {
        None => program.to_string(),
        Some(device) => {
            let room = LONGEST_DESCRIPTION - device.as_str().chars().count() - " ()".len();
            let program: String = program.as_str().chars().take(room).collect();
            format!("{device} ({program})")
        }
    };
    Description::from_stored(text)
}

/// What became of a sign-in that a device began. Each step is taken once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceCodeState {
    /// Nobody has decided yet.
    Pending,
    /// Someone approved it; the token waits for the next poll.
    Approved,
    /// Someone denied it.
    Denied,
    /// The token was handed over.
    Spent,
}

impl DeviceCodeState {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeviceCodeState::Pending => "pending",
            DeviceCodeState::Approved => "approved",
            DeviceCodeState::Denied => "denied",
            DeviceCodeState::Spent => "spent",
        }
    }

    /// Reads the name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        [DeviceCodeState::Pending, DeviceCodeState::Approved, DeviceCodeState::Denied, DeviceCodeState::Spent]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What is known of a device code when it is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollState {
    /// Its state.
    pub state: DeviceCodeState,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The time between polls that this code must keep.
    pub interval: Duration,
    /// The last poll.
    pub last_at: Option<Timestamp>,
}

/// What a poll is answered. It is a value and no failure: the mark of the poll is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollAnswer {
    /// Nobody has decided yet.
    Pending,
    /// The same, and the poll came too early.
    SlowDown,
    /// The token may be handed over, to one caller.
    Approved,
    /// Someone denied it.
    Denied,
    /// Its time is over.
    Expired,
    /// The token was handed over before.
    Spent,
}

impl PollState {
    /// What to answer now; and where the poll is to be marked, the time between polls that holds from here on. Nothing
    /// is marked once the answer no longer depends on when the last poll was: a code costs so many writes and no more.
    ///
    /// Someone may approve in the last moment: what was approved waits for one more poll.
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
    use crate::visible_text::tests::unseen;
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn a_user_code_is_eight_consonants_in_two_groups_and_reads_back_however_it_is_typed() {
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
    fn what_cannot_be_a_code_is_none() {
        for text in ["", "-", "WDJB-MJH", "WDJB-MJHTB", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJHÉ", "éééééééé"] {
            assert_eq!(UserCode::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_letter_is_as_likely_as_another() {
        let mut rng = StdRng::seed_from_u64(7);
        let letters: String = (0..5000).map(|_| UserCode::generate(&mut rng).0).collect();
        for letter in ALPHABET {
            let count = letters.bytes().filter(|byte| byte == letter).count();
            assert!((1800..2200).contains(&count), "{} stands {count} times in 40,000", char::from(*letter));
        }
    }

    #[test]
    fn claims_are_one_printable_line() {
        let claimed = |text: &str| ClientName::parse(text).map(|claim| claim.to_string());
        assert_eq!(claimed(" my\tlaptop\u{202e}\u{200b}\u{7} ").as_deref(), Some("my laptop"));
        assert_eq!(claimed(" \u{200b}\n"), None);
        assert_eq!(claimed(&format!("\u{200b}{}laptop", " ".repeat(70))).as_deref(), Some("laptop"));
        assert_eq!(claimed(&"é".repeat(70)), Some("é".repeat(64)));
    }

    #[test]
    fn what_nobody_sees_is_no_part_of_a_claim() {
        for c in unseen().filter(|c| !c.is_whitespace()) {
            let code = u32::from(c);
            assert_eq!(ClientName::parse(&format!("lap{c}top")), ClientName::parse("laptop"), "U+{code:04X}");
            assert_eq!(ClientName::parse(&c.to_string()), None, "U+{code:04X}");
        }
    }

    #[test]
    fn a_token_is_called_by_device_and_program_and_never_longer_than_a_description() {
        let claim = |text: &str| ClientName::parse(text).unwrap();
        let program = claim("docker-credential-dockpass");
        assert_eq!(description(&program, Some(&claim("laptop"))).as_str(), "laptop (docker-credential-dockpass)");
        assert_eq!(description(&program, None).as_str(), "docker-credential-dockpass");
        let long = description(&claim(&"p".repeat(64)), Some(&claim(&"d".repeat(64))));
        assert_eq!(long.as_str().chars().count(), 100);
        assert!(long.as_str().ends_with("p)"));
    }

    #[test]
    fn each_poll_that_comes_too_early_slows_all_later_ones_down() {
        let mut polled = PollState {
            state: DeviceCodeState::Pending,
            expires_at: NOW + CODE_LIFE,
            interval: INTERVAL,
            last_at: None,
        };
        let mut now = NOW;
        for (after, answer, interval) in [
            (0, PollAnswer::Pending, 5),
            (4, PollAnswer::SlowDown, 10),
            (9, PollAnswer::SlowDown, 15),
            (15, PollAnswer::Pending, 15),
            (14, PollAnswer::SlowDown, 20),
        ] {
            now = now + Duration::seconds(after);
            let (said, then) = polled.answer(now);
            assert_eq!((said, then), (answer, Some(Duration::seconds(interval))), "{after} seconds later");
            polled = PollState { interval: then.unwrap(), last_at: Some(now), ..polled };
        }
    }

    #[test]
    fn however_often_a_code_is_polled_it_is_marked_so_many_times_and_no_more() {
        for milliseconds in [1, 900, 4999, 5000, 6000] {
            let mut polled = PollState {
                state: DeviceCodeState::Pending,
                expires_at: NOW + CODE_LIFE,
                interval: INTERVAL,
                last_at: None,
            };
            let (mut now, mut marks) = (NOW, 0);
            while now < polled.expires_at {
                let (answer, marked) = polled.answer(now);
                let is_early = polled.last_at.is_some_and(|last| now - last < polled.interval);
                assert_eq!(answer, if is_early { PollAnswer::SlowDown } else { PollAnswer::Pending });
                if let Some(interval) = marked {
                    marks += 1;
                    polled = PollState { interval, last_at: Some(now), ..polled };
                }
                now = now + Duration::milliseconds(milliseconds);
            }
            assert!((1..=120).contains(&marks), "{marks} marks where it is polled every {milliseconds} ms");
            assert!(polled.interval <= CODE_LIFE);
        }
    }

    #[test]
    fn every_state_has_its_answer() {
        let at = |state, later: i64| {
            let polled = PollState { state, expires_at: NOW + CODE_LIFE, interval: INTERVAL, last_at: Some(NOW) };
            polled.answer(NOW + Duration::seconds(later)).0
        };
        assert_eq!(at(DeviceCodeState::Approved, 1), PollAnswer::Approved, "whoever may have it need not wait");
        assert_eq!(
            [at(DeviceCodeState::Denied, 1), at(DeviceCodeState::Spent, 1)],
            [PollAnswer::Denied, PollAnswer::Spent]
        );
        assert_eq!(
            [at(DeviceCodeState::Pending, 599), at(DeviceCodeState::Pending, 600)],
            [PollAnswer::Pending, PollAnswer::Expired]
        );
        assert_eq!(
            [at(DeviceCodeState::Approved, 604), at(DeviceCodeState::Approved, 605)],
            [PollAnswer::Approved, PollAnswer::Expired]
        );
        for state in [DeviceCodeState::Approved, DeviceCodeState::Denied, DeviceCodeState::Spent] {
            let polled = PollState { state, expires_at: NOW, interval: INTERVAL, last_at: None };
            assert_eq!(polled.answer(NOW + Duration::DAY).1, None, "nothing is marked where nothing depends on it");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_claims_stay_short(text in "\\PC{0,200}") {
            let _ = UserCode::parse(&text);
            if let Some(claim) = ClientName::parse(&text) {
                prop_assert!((1..=64).contains(&claim.as_str().chars().count()));
                prop_assert!(description(&claim, Some(&claim)).as_str().chars().count() <= 100);
            }
        }

        #[test]
        fn of_any_characters_at_all_a_claim_keeps_what_can_be_seen(text in prop::collection::vec(any::<char>(), 0..200)) {
            let text: String = text.into_iter().collect();
            let visible = |c: &char| !is_invisible(*c) && !c.is_whitespace();
            let claim = ClientName::parse(&text);
            let kept = claim.iter().flat_map(|claim| claim.as_str().chars()).filter(visible);
            let seen = text.chars().filter(visible);
            prop_assert!(kept.clone().eq(seen.clone().take(kept.count())), "in their order");
            prop_assert_eq!(claim.is_none(), seen.count() == 0);
            prop_assert!(claim.iter().all(|claim| !claim.as_str().contains(is_invisible)));
        }
    }
}
