//! Reading secrets and settings from files and standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// More than any of them has: a larger file is another file.
const MOST_BYTES: u64 = 1024 * 1024;

/// Reads a text without what nobody typed: editors and shells add a byte order mark, a CR before each LF, and line breaks
/// at the end.
pub fn read(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    if source.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large"));
    }
    let text = match bytes.as_slice() {
        // What `>` writes in PowerShell 5.
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        bytes => std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.replace("\r\n", "\n"))),
    };
    let text = text.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads a file as [`read`] does.
pub fn read_file(path: &Path) -> io::Result<Zeroizing<String>> {
    read(File::open(path)?)
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Zeroizing<String>> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(pairs.iter().map(|pair| unit(*pair)).collect());
    let text = Zeroizing::new(String::from_utf16(&units).ok()?);
    Some(Zeroizing::new(text.replace("\r\n", "\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_typed_is_no_part_of_a_text() {
        let utf16: Vec<u8> = "\u{feff}a b\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for same in [&b"a b"[..], b"a b\n", b"a b\r\n", b"a b\r\n\r\n", b"\xef\xbb\xbfa b\n", b"a b\r", &utf16] {
            assert_eq!(read(same).unwrap().as_str(), "a b", "{same:?}");
        }
        assert_eq!(read(&b" a \r\nb "[..]).unwrap().as_str(), " a \nb ");
        assert!(read(&b"\xff"[..]).is_err() && read(&b"\xff\xfea"[..]).is_err());
        assert!(read(io::repeat(b'a')).is_err());
    }
}
