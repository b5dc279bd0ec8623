//! A registry's challenge: the `WWW-Authenticate` of its `/v2/` (RFC 9110 section 11.6.1).

/// How a registry asks for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// With a token from this realm for this service; empty where it names none.
    Bearer {
        /// Where clients are sent.
        realm: String,
        /// The audience that it expects.
        service: String,
    },
    /// In another way: the scheme's name.
    Other(String),
}

/// Reads the header's values; a Bearer challenge is preferred. `None` where none names a scheme.
pub fn read<'a>(values: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> = values.filter_map(one).collect();
    let bearer = all.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or(all.first()).cloned()
}

fn one(value: &str) -> Option<Challenge> {
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    if scheme.is_empty() {
        return None;
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Some(Challenge::Other(scheme.to_owned()));
    }
    let parameters = parameters(rest);
    let named = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    Some(Challenge::Bearer { realm: named("realm"), service: named("service") })
}

/// `name="value"` or `name=value`, separated by commas; a backslash in quotes takes the next character as it stands.
fn parameters(text: &str) -> Vec<(String, String)> {
    let (mut all, mut characters) = (Vec::new(), text.chars().peekable());
    while characters.peek().is_some() {
        let name: String = characters.by_ref().take_while(|c| *c != '=').collect();
        let mut value = String::new();
        let is_quoted = characters.next_if_eq(&'"').is_some();
        while let Some(c) = characters.next() {
            match c {
                '"' if is_quoted => break,
                '\\' if is_quoted => value.extend(characters.next()),
                ',' if !is_quoted => break,
                _ => value.push(c),
            }
        }
        if is_quoted {
            let _ = characters.by_ref().take_while(|c| *c != ',').count();
        }
        all.push((name.trim().to_owned(), value.trim_end().to_owned()));
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: &str) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.to_owned() })
    }

    #[test]
    fn realm_and_service_are_read_in_any_order_and_form() {
        let cases = [
            (r#"Bearer realm="http://a/token",service="x""#, bearer("http://a/token", "x")),
            (r#"bearer service="a, b" , scope="s", realm="r""#, bearer("r", "a, b")),
            (r#"Bearer realm="a \"b\" c",service=plain"#, bearer("a \"b\" c", "plain")),
            ("Bearer", bearer("", "")),
            (r#"Bearer realm="unclosed"#, bearer("unclosed", "")),
            (r#"Basic realm="x""#, Some(Challenge::Other("Basic".into()))),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read([text].into_iter()), expected, "{text}");
        }
        assert_eq!(read(["Basic realm=\"x\"", "Bearer realm=\"r\""].into_iter()), bearer("r", ""));
        assert_eq!(read([].into_iter()), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,80}") {
            let _ = read([text.as_str(), &format!("Bearer {text}")].into_iter());
        }
    }
}
