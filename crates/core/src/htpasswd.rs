//! htpasswd files of registries: a line `name:digest` for each account.

use std::collections::HashMap;

use crate::bcrypt_digest::DigestProblem;
use crate::password::PasswordDigest;
use crate::username::{Username, UsernameProblem};

/// The longest name that is repeated in a message.
const MAX_SHOWN: usize = 64;

/// A line that names an account.
#[derive(Debug, PartialEq, Eq)]
pub struct HtpasswdLine {
    /// The first line is 1.
    pub number: usize,
    /// The name, where it can be shown; a digest in its place is not.
    pub name: Option<String>,
    pub content: Result<HtpasswdAccount, LineProblem>,
}

/// An account that can be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtpasswdAccount {
    pub username: Username,
    pub digest: PasswordDigest,
}

/// Why a line cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineProblem {
    NoColon,
    Digest(DigestProblem),
    Username {
        problem: UsernameProblem,
        /// The name in lower case, where that is valid and not in the file.
        lower_case: Option<Username>,
    },
    /// The name is on a later line too, which is the one that registries use.
    Repeated {
        later: usize,
    },
}

/// Reads a file as registries do: without empty lines, comments (`#`) and blanks around a line, and of two lines with one
/// name the later one.
pub fn parse(text: &str) -> Vec<HtpasswdLine> {
    let lines = text.lines().map(str::trim).enumerate().map(|(at, line)| (at + 1, line));
    let lines: Vec<(usize, &str)> = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    let last: HashMap<&str, usize> =
        lines.iter().filter_map(|(number, line)| Some((line.split_once(':')?.0, *number))).collect();
    let read = |(number, line): (usize, &str)| {
        let Some((name, digest)) = line.split_once(':') else {
            return HtpasswdLine { number, name: None, content: Err(LineProblem::NoColon) };
        };
        let later = last.get(name).copied().filter(|later| *later > number);
        let content = match later {
            Some(later) => Err(LineProblem::Repeated { later }),
            None => account(name, digest, |name| last.contains_key(name)),
        };
        HtpasswdLine { number, name: is_shown(name).then(|| name.to_owned()), content }
    };
    lines.into_iter().map(read).collect()
}

fn account(name: &str, digest: &str, is_in_file: impl Fn(&str) -> bool) -> Result<HtpasswdAccount, LineProblem> {
    let digest = PasswordDigest::from_bcrypt(digest).map_err(LineProblem::Digest)?;
    match Username::parse(name) {
        Ok(username) => Ok(HtpasswdAccount { username, digest }),
        Err(problem) => {
            let lower_case = Some(name.to_lowercase()).filter(|name| !is_in_file(name));
            let lower_case = lower_case.and_then(|name| Username::parse(&name).ok());
            Err(LineProblem::Username { problem, lower_case })
        }
    }
}

/// Whether a name can stand in a message. Digests begin with `$` or `{`.
fn is_shown(name: &str) -> bool {
    name.chars().count() <= MAX_SHOWN && !name.starts_with(['$', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bcrypt_digest::Algorithm;

    const DIGEST: &str = "$2b$05$U4uDI8PdrV74oiZfWg3AdecoHpmkljCih5mlKHQAHfTRBM/RwCKdK";
    const LATER: &str = "$2a$05$krygZv.993yqip.JEdW7zeOKa6s68Irfso6V/zxA9CFBb1Ven.XHO";

    fn taken(lines: &[HtpasswdLine]) -> Vec<(usize, &str, &str)> {
        let accounts = lines.iter().filter_map(|line| Some((line.number, line.content.as_ref().ok()?)));
        accounts.map(|(number, account)| (number, account.username.as_str(), account.digest.as_str())).collect()
    }

    #[test]
    fn names_and_digests_are_read_as_registries_read_them() {
        let text = format!("# of the team\n\nalice:{DIGEST}\n  bob:{DIGEST}  \r\n#carol:{DIGEST}\nal-1:{LATER}");
        assert_eq!(taken(&parse(&text)), [(3, "alice", DIGEST), (4, "bob", DIGEST), (6, "al-1", LATER)]);
        assert!(parse("").is_empty() && parse("\n# nothing\n").is_empty());
    }

    #[test]
    fn of_two_lines_with_a_name_the_later_one_counts() {
        let text = format!("alice:{DIGEST}\nbob:{DIGEST}\nalice:{LATER}\n");
        let lines = parse(&text);
        assert_eq!(taken(&lines), [(2, "bob", DIGEST), (3, "alice", LATER)]);
        assert_eq!(lines[0].content, Err(LineProblem::Repeated { later: 3 }));
        let lines = parse(&format!("alice:{DIGEST}\nalice:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"));
        assert!(taken(&lines).is_empty(), "the registry does not know alice either");
    }

    #[test]
    fn what_cannot_be_taken_has_a_reason() {
        let username = |problem, lower_case: Option<&str>| LineProblem::Username {
            problem,
            lower_case: lower_case.map(|name| Username::parse(name).unwrap()),
        };
        let cases = [
            (format!("Alice:{DIGEST}"), username(UsernameProblem::Characters, Some("alice"))),
            (format!("Library:{DIGEST}"), username(UsernameProblem::Characters, None)),
            (format!("alice@example.com:{DIGEST}"), username(UsernameProblem::Characters, None)),
            (format!("a:{DIGEST}"), username(UsernameProblem::Length, None)),
            (format!(":{DIGEST}"), username(UsernameProblem::Missing, None)),
            (format!("library:{DIGEST}"), username(UsernameProblem::Reserved, None)),
            ("alice".to_owned(), LineProblem::NoColon),
            ("alice:".to_owned(), LineProblem::Digest(DigestProblem::Other(Algorithm::Unknown))),
            (format!("alice:{DIGEST}:a comment"), LineProblem::Digest(DigestProblem::Damaged)),
            (format!("alice: {DIGEST}"), LineProblem::Digest(DigestProblem::Other(Algorithm::Unknown))),
        ];
        for (line, problem) in cases {
            assert_eq!(parse(&line)[0].content, Err(problem), "{line}");
        }
        let both = parse(&format!("Alice:{DIGEST}\nalice:{DIGEST}"));
        assert_eq!(both[0].content, Err(username(UsernameProblem::Characters, None)), "the name is another's");
    }

    #[test]
    fn a_digest_in_the_place_of_a_name_is_not_shown() {
        for line in [format!("{DIGEST}:alice"), DIGEST.to_owned(), "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=:alice".to_owned()]
        {
            assert_eq!(parse(&line)[0].name, None, "{line}");
        }
        let shown = parse(&format!("Alice Smith:{DIGEST}\n"));
        assert_eq!(shown[0].name.as_deref(), Some("Alice Smith"));
        assert!(!format!("{shown:?}").contains("$2b$"), "{shown:?}");
    }
}
