//! Standard output, which registry clients read, and standard error, which docker passes on to the person.

use std::fmt::Display;
use std::io::{self, Write as _};

use crate::error::Error;

/// The program's file name: docker looks for it, and it is the program's OAuth client id.
pub const PROGRAM: &str = env!("CARGO_PKG_NAME");

/// Prints a line on standard output at once. A closed output is an error; `println!` would panic.
pub fn print_line(line: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    written.map_err(|error| Error::message(format!("standard output cannot be written: {error}")))
}

/// Prints a line on standard error and goes on where nobody can read it; `eprintln!` would panic.
pub fn warn(line: impl Display) {
    let _ = io::stderr().write_all(format!("{PROGRAM}: {line}\n").as_bytes());
}
