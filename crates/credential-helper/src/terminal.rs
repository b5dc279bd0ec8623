//! What a person reads in a terminal, and what registry clients quote.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use crate::{failure::Failure, verbs::NAME};

/// A line on standard output, at once. A closed one is an error, not a panic.
pub fn say(line: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    written.map_err(|error| Failure::said(format!("standard output cannot be written: {error}")))
}

/// A line on standard error, which docker passes on to the person. That nobody can read it is no reason to stop, as
/// `eprintln!` would.
pub fn warn(line: impl Display) {
    let _ = io::stderr().write_all(format!("{NAME}: {line}\n").as_bytes());
}

/// Words of a server or of a library, fit for a terminal: one line, nothing that moves the cursor, turns the direction
/// of a line or hides in it, not endless.
pub fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    spaced.filter(|c| !c.is_control() && !is_unseen(*c)).take(200).collect::<String>().trim().to_owned()
}

/// Unicode's Default_Ignorable_Code_Point, in which all Bidi_Control are, and the marks of annotations.
pub fn is_unseen(c: char) -> bool {
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
    fn words_from_outside_cannot_move_the_cursor() {
        assert_eq!(one_line("a\nb\u{1b}[2Jc\u{9b}d "), "a b[2Jcd");
        assert_eq!(one_line(&"x".repeat(500)).len(), 200);
    }

    #[test]
    fn words_from_outside_cannot_turn_the_line_or_hide_in_it() {
        assert_eq!(one_line("a\u{202e}b\u{2066}c\u{2069}\u{200f}\u{61c}d"), "abcd");
        assert_eq!(one_line("\u{feff}a\u{200b}\u{200d}\u{ad}b\u{2060}\u{e0041}c\u{fe0f}"), "abc");
        assert_eq!(one_line("a\u{2028}b\u{2029}c"), "a b c");
        assert_eq!(one_line("ключ 钥匙 e\u{301}"), "ключ 钥匙 e\u{301}");
    }
}
