//! Text from outside: files, standard input, servers and libraries.

/// The text of a file or of standard input, without the byte order mark and the line ends that editors and shells add.
pub fn decode(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches(['\r', '\n']))
}

/// A server's or a library's words as one short line, without characters that move the cursor, reverse the line or are
/// invisible.
pub fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| !c.is_control() && !is_invisible(*c)).take(200).collect::<String>().trim().to_owned()
}

/// Unicode's Default_Ignorable_Code_Point, which includes all Bidi_Control, and the interlinear annotation characters.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_and_line_ends_are_not_part_of_the_text() {
        for bytes in ["hub", "hub\n", "hub\r\n", "\u{feff}hub", "\u{feff}hub\r\n\r\n"] {
            assert_eq!(decode(bytes.as_bytes()), Some("hub"), "{bytes:?}");
        }
        assert_eq!(decode(b" a \n b "), Some(" a \n b "));
        assert_eq!(decode(b"\xff\xfeh\0"), None);
    }

    #[test]
    fn outside_text_cannot_move_the_cursor() {
        assert_eq!(one_line("a\nb\u{1b}[2Jc\u{9b}d "), "a b[2Jcd");
        assert_eq!(one_line(&"x".repeat(500)).len(), 200);
    }

    #[test]
    fn outside_text_cannot_reverse_the_line_or_hide_in_it() {
        assert_eq!(one_line("a\u{202e}b\u{2066}c\u{2069}\u{200f}\u{61c}d"), "abcd");
        assert_eq!(one_line("\u{feff}a\u{200b}\u{200d}\u{ad}b\u{2060}\u{e0041}c\u{fe0f}"), "abc");
        assert_eq!(one_line("a\u{2028}b\u{2029}c"), "a b c");
        assert_eq!(one_line("ключ 钥匙 e\u{301}"), "ключ 钥匙 e\u{301}");
    }
}
