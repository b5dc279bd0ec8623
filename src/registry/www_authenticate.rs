//! A registry's challenge: the `WWW-Authenticate` headers of its `/v2/` (RFC 9110 section 11.6.1).

use http_auth::{ChallengeRef, parse_challenges};

/// How a registry asks for credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// With a token.
    Bearer {
        /// Where clients get the token; may be empty.
        realm: String,
        /// The audience of the token; may be empty.
        service: String,
    },
    Other(String),
    Malformed(String),
}

/// Reads the headers and prefers a Bearer challenge; `None` if they name no scheme.
pub fn read<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> = headers.flat_map(challenges).collect();
    let bearer = all.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or(all.first()).cloned()
}

fn challenges(header: &str) -> Vec<Challenge> {
    match parse_challenges(header) {
        Ok(challenges) => challenges.iter().map(challenge).collect(),
        // The parser takes an empty header for an error.
        Err(_) if header.trim().is_empty() => Vec::new(),
        Err(_) => vec![Challenge::Malformed(header.to_owned())],
    }
}

fn challenge(challenge: &ChallengeRef<'_>) -> Challenge {
    if !challenge.scheme.eq_ignore_ascii_case("bearer") {
        return Challenge::Other(challenge.scheme.to_owned());
    }
    let parameter = |name: &str| {
        let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped()).unwrap_or_default()
    };
    Challenge::Bearer { realm: parameter("realm"), service: parameter("service") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: &str) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.to_owned() })
    }

    #[test]
    fn realm_and_service_are_read_in_any_order_and_form() {
        let malformed = r#"Bearer realm="unclosed"#;
        let cases = [
            (r#"Bearer realm="http://a/token",service="x""#, bearer("http://a/token", "x")),
            (r#"bearer service="a, b" , scope="s", realm="r""#, bearer("r", "a, b")),
            (r#"Bearer realm="a \"b\" c",service=plain"#, bearer("a \"b\" c", "plain")),
            ("Bearer", bearer("", "")),
            (malformed, Some(Challenge::Malformed(malformed.into()))),
            (r#"Basic realm="x""#, Some(Challenge::Other("Basic".into()))),
            (r#"Basic realm="x", Bearer realm="r""#, bearer("r", "")),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read([text].into_iter()), expected, "{text}");
        }
        assert_eq!(read(["Basic realm=\"x\"", "Bearer realm=\"r\""].into_iter()), bearer("r", ""));
        assert_eq!(read([malformed, "Bearer realm=\"r\""].into_iter()), bearer("r", ""));
        assert_eq!(read([].into_iter()), None);
    }
}
