//! Visible and invisible characters.
//!
//! Names and descriptions are repeated in tables, terminals and log lines. There, an invisible character can make two
//! of them look alike, and one that changes the text direction can reorder the text around it.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, NoncharacterCodePoint};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Control characters, line and paragraph separators, and characters that change the text direction.
pub fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that are invisible or look different on every machine: control and format characters (with all of
/// Bidi_Control), Default_Ignorable_Code_Point (DerivedCoreProperties.txt), private use, noncharacters, and two blank
/// symbols.
pub fn is_invisible(c: char) -> bool {
    // U+2800 is the Braille pattern without dots, U+1D159 the null notehead.
    is_unprintable(c)
        || matches!(c, '\u{2800}' | '\u{1d159}')
        || matches!(category(c), GeneralCategory::Format | GeneralCategory::PrivateUse)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
}

/// Joiners and variation selectors. They are invisible, but belong to the spelling of Persian, of Indian languages and of
/// emoji.
pub fn is_spelling(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

pub(crate) fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Default_Ignorable_Code_Point of Unicode 17 (DerivedCoreProperties.txt) and the other invisible characters, written
    /// down independently of the code.
    const UNSEEN: &str = "0-1f 7f-9f ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 2028-202e 2060-206f 2800 3164 \
        e000-f8ff fdd0-fdef fe00-fe0f feff ffa0 fff0-fffb fffe-ffff 1bca0-1bca3 1d159 1d173-1d17a \
        1fffe-1ffff 2fffe-2ffff 3fffe-3ffff 4fffe-4ffff 5fffe-5ffff 6fffe-6ffff 7fffe-7ffff 8fffe-8ffff \
        9fffe-9ffff afffe-affff e0000-e0fff f0000-10ffff";

    pub fn unseen() -> impl Iterator<Item = char> {
        let number = |text: &str| u32::from_str_radix(text, 16).unwrap();
        let range = move |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            number(first)..=number(last)
        };
        UNSEEN.split(' ').flat_map(range).filter_map(char::from_u32)
    }

    #[test]
    fn listed_characters_are_invisible() {
        assert_eq!(unseen().filter(|c| !is_invisible(*c)).map(u32::from).collect::<Vec<_>>(), Vec::<u32>::new());
    }

    #[test]
    fn letters_and_symbols_are_visible() {
        let hidden: Vec<u32> = ('\0'..=char::MAX)
            .filter(|c| c.is_alphanumeric() || c.is_ascii_graphic() || *c == ' ')
            .filter(|c| is_invisible(*c))
            .map(u32::from)
            .collect();
        // The Hangul fillers count as letters, but are blank.
        assert_eq!(hidden, [0x115f, 0x1160, 0x3164, 0xffa0]);
        assert!("é 漢字 हिन्दी العربية 🐳 👍🏽 ½ –".chars().all(|c| !is_invisible(c)));
    }
}
