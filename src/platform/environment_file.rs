//! Files of settings, as systemd's `EnvironmentFile` has them (systemd.exec(5)): `NAME=value` lines.

/// The names and values of a text, in its order. The error has the numbers of lines that are not `NAME=value`.
///
/// Empty lines and lines that begin with `#` or `;` are skipped. A value may be in single or double quotes, which may span
/// lines. A backslash at the end of a line continues it; in double quotes it also escapes `"`, `\`, `` ` `` and `$`, and
/// without quotes every character.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Vec<usize>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let begun_at = line;
        let first = rest.split('\n').next().unwrap_or_default();
        let is_comment = first.trim().is_empty() || first.trim_start().starts_with(['#', ';']);
        let name = first.split_once('=').map(|(name, _)| name.trim()).filter(|name| is_name(name));
        let length = match name {
            Some(name) if !is_comment => {
                let start = first.find('=').map_or(0, |at| at + 1);
                let (value, end) = value(&rest[start..]);
                match value {
                    Some(value) => found.push((name.to_owned(), value)),
                    None => wrong.push(begun_at),
                }
                start + end
            }
            _ => {
                wrong.extend((!is_comment).then_some(begun_at));
                first.len()
            }
        };
        let (read, after) = rest.split_at(length);
        line += read.matches('\n').count() + 1;
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn is_name(name: &str) -> bool {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_plain && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The value at the beginning of a text and how long it is; `None` where a quote is not closed.
fn value(text: &str) -> (Option<String>, usize) {
    let (mut value, mut quote, mut kept) = (String::new(), None, 0);
    // A quote opens only here: at the beginning, and after another one.
    let mut is_start = true;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, '\n') => return (Some(trimmed(value, kept)), at),
            (None, '\'' | '"') if is_start => quote = Some(c),
            (None, c) if is_start && c.is_whitespace() => {}
            (Some(open), c) if c == open => (quote, kept, is_start) = (None, value.len(), true),
            (None | Some('"'), '\\') => match chars.next() {
                Some((_, '\n')) | None => {}
                Some((_, next)) => {
                    if quote.is_some() && !matches!(next, '"' | '\\' | '`' | '$') {
                        value.push('\\');
                    }
                    value.push(next);
                    (kept, is_start) = (value.len(), false);
                }
            },
            (_, c) => {
                value.push(c);
                is_start = false;
            }
        }
    }
    (quote.is_none().then(|| trimmed(value, kept)), text.len())
}

/// Without blanks at the end, except for those that were quoted or escaped.
fn trimmed(mut value: String, kept: usize) -> String {
    value.truncate(value.trim_end().len().max(kept));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        parse(&format!("A={text}")).unwrap().remove(0).1
    }

    #[test]
    fn values_are_read_as_systemd_reads_them() {
        for (text, value) in [
            ("", ""),
            ("  b c  ", "b c"),
            ("\"b c \" ", "b c "),
            ("' b\\ '", " b\\ "),
            ("\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d"),
            ("a\\ b\\\nc", "a bc"),
            ("'two\nlines'", "two\nlines"),
            ("it's", "it's"),
            ("a=b#c", "a=b#c"),
            ("trailing\\ ", "trailing "),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
    }

    #[test]
    fn comments_are_skipped_and_other_lines_are_reported() {
        let text = "# A=1\n\n; B=2\n  C = 3\nD='4\n5'\nE=6";
        let names = |found: &[(String, String)]| found.iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>();
        assert_eq!(names(&parse(text).unwrap()), ["C:3", "D:4\n5", "E:6"]);
        assert_eq!(parse("A=1\nexport B\nC='x\ny'\n=2\nD=\"open"), Err(vec![2, 5, 6]));
    }
}
