//! Codes as people type them.

use icu_properties::props::GeneralCategory;
use unicode_normalization::UnicodeNormalization as _;

use crate::visible_text::category;

/// No code is longer, with a separator after each character.
const MAX_LENGTH: usize = 64;

/// The letters and digits of a typed code, for every code that people type. The full-width characters of East Asian input
/// methods and the digits of every script become ASCII; white space, dashes and other separators are dropped.
pub fn normalize(typed: &str) -> String {
    let letters = typed.chars().take(MAX_LENGTH).nfkc().filter(|c| c.is_alphanumeric());
    // Without what stood between them, letters may be parts of one.
    letters.nfc().map(|c| digit(c).unwrap_or(c)).collect()
}

/// The ASCII digit that a decimal digit of any script stands for. Unicode keeps the ten of each script together, in order.
fn digit(c: char) -> Option<char> {
    let is_digit = |code: &u32| char::from_u32(*code).is_some_and(|c| category(c) == GeneralCategory::DecimalNumber);
    let first = (0..=u32::from(c)).rev().take_while(is_digit).last()?;
    char::from_digit((u32::from(c) - first) % 10, 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_of_every_script_become_ascii() {
        for typed in [
            "758802",
            " 758 802\n",
            "758-802",
            "７５８８０２",
            "７５８　８０２",
            "٧٥٨٨٠٢",
            "७५८८०२",
            "𝟕𝟓𝟖𝟖𝟎𝟐",
            "🯷🯵🯸🯸🯰🯲",
        ] {
            assert_eq!(normalize(typed), "758802", "{typed}");
        }
        assert_eq!(normalize("ＷＤＪＢ－ｍｊｈｔ。"), "WDJBmjht");
        assert_eq!(normalize("㈎ᆨ"), "각");
    }

    proptest! {
        #[test]
        fn what_is_left_is_alphanumeric_and_stays_the_same(text in "\\PC{0,200}") {
            let code = normalize(&text);
            prop_assert!(code.chars().all(char::is_alphanumeric));
            prop_assert!(code.chars().count() > MAX_LENGTH || normalize(&code) == code);
        }
    }
}
