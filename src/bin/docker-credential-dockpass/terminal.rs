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
