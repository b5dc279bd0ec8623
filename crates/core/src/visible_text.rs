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
    /// The first and the last of each range.
    #[rustfmt::skip]
    const UNSEEN: [u32; 70] = [
        0x0, 0x1f, 0x7f, 0x9f, 0xad, 0xad, 0x34f, 0x34f, 0x61c, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180f,
        0x200b, 0x200f, 0x2028, 0x202e, 0x2060, 0x206f, 0x2800, 0x2800, 0x3164, 0x3164, 0xe000, 0xf8ff,
        0xfdd0, 0xfdef, 0xfe00, 0xfe0f, 0xfeff, 0xfeff, 0xffa0, 0xffa0, 0xfff0, 0xfffb, 0xfffe, 0xffff,
        0x1bca0, 0x1bca3, 0x1d159, 0x1d159, 0x1d173, 0x1d17a, 0x1fffe, 0x1ffff, 0x2fffe, 0x2ffff, 0x3fffe, 0x3ffff,
        0x4fffe, 0x4ffff, 0x5fffe, 0x5ffff, 0x6fffe, 0x6ffff, 0x7fffe, 0x7ffff, 0x8fffe, 0x8ffff, 0x9fffe, 0x9ffff,
        0xafffe, 0xaffff, 0xe0000, 0xe0fff, 0xf0000, 0x10ffff,
    ];

    pub fn unseen() -> impl Iterator<Item = char> {
        UNSEEN.chunks_exact(2).flat_map(|range| range[0]..=range[1]).filter_map(char::from_u32)
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
