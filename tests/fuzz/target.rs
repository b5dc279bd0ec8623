//! What must hold of every request for a registry token, whoever wrote it.

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use data_encoding::BASE64;
use dockpass::{
    core::{
        level::{Action, Level},
        permission::{Facts, Grant, Holder, grant},
        repository::{Reach, RepositoryName},
        scope::Scope,
    },
    registry::request::{Credentials, TokenRequest, UnsupportedGrant, bearer},
};

/// Reads `input` as an HTTP request, by GET and by POST alike, and panics where anything does not hold.
pub fn holds(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (head, form) = text.split_once("\n\n").unwrap_or((&text, ""));
    let query = head.lines().next().and_then(|line| line.split_once('?')).map_or("", |(_, rest)| rest);
    let query = query.rsplit_once(" HTTP/").map_or(query, |(query, _)| query);
    let headers = headers(head);
    let _ = bearer(&headers);

    let get = TokenRequest::from_query(&headers, query);
    are_basic(&get.credentials, &headers);
    are_asked(&get.scopes, query);
    is_held(&get.scopes);

    let grant = values(form, "grant_type").pop().unwrap_or_default();
    match TokenRequest::from_form(&headers, form) {
        Err(UnsupportedGrant) => assert_ne!(grant, "password"),
        Ok(post) => {
            assert_eq!(grant, "password");
            are_of_the_form(&post.credentials, form, &headers);
            are_asked(&post.scopes, form);
            is_held(&post.scopes);
        }
    }
}

/// The Authorization header alone. `Plain` stands for Basic before its encoding, which hides all from a fuzzer.
fn headers(head: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    for (_, value) in lines.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        let value = match value.strip_prefix("Plain ") {
            Some(plain) => format!("Basic {}", BASE64.encode(plain.as_bytes())),
            None => value.to_owned(),
        };
        headers.extend(HeaderValue::from_str(&value).map(|value| (AUTHORIZATION, value)));
    }
    headers
}

fn values(pairs: &str, name: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(pairs.as_bytes());
    pairs.filter(|(known, _)| known == name).map(|(_, value)| value.into_owned()).collect()
}

fn are_basic(credentials: &Credentials, headers: &HeaderMap) {
    assert_eq!(format!("{credentials:?}"), "Credentials(…)", "a secret was printed");
    let header = headers.get(AUTHORIZATION);
    match credentials {
        Credentials::None => assert!(header.is_none()),
        Credentials::Unreadable => assert!(header.is_some()),
        Credentials::Given { username, secret } => {
            let header = header.unwrap().to_str().unwrap();
            assert!(header[..6].eq_ignore_ascii_case("basic "));
            assert!(!username.contains(':'), "the name ends at the first colon");
            let both = format!("{username}:{}", secret.as_str());
            assert_eq!(BASE64.decode(header[6..].trim().as_bytes()), Ok(both.into_bytes()));
        }
    }
}

fn are_of_the_form(credentials: &Credentials, form: &str, headers: &HeaderMap) {
    match (values(form, "username").pop(), values(form, "password").pop(), credentials) {
        (Some(name), Some(word), Credentials::Given { username, secret }) => {
            assert_eq!((username, secret.as_str()), (&name, word.as_str()));
        }
        (None, None, credentials) => are_basic(credentials, headers),
        (_, _, credentials) => assert!(matches!(credentials, Credentials::Unreadable)),
    }
}

/// Nothing is read that was not sent, and each resource once.
fn are_asked(scopes: &[Scope], pairs: &str) {
    let sent = values(pairs, "scope");
    let sent: Vec<&str> = sent.iter().flat_map(|value| value.split_whitespace()).collect();
    for (index, scope) in scopes.iter().enumerate() {
        assert!(!scope.kind.is_empty() && !scope.kind.contains([':', '(']), "{scope:?}");
        let same = |other: &Scope| (&other.kind, &other.name) == (&scope.kind, &scope.name);
        assert!(!scopes[..index].iter().any(same), "{scope:?} stands twice");
        let middle = format!(":{}:", scope.name);
        for action in scope.actions.iter().map(String::as_str) {
            let asks = |text: &&str| {
                let actions = text.rsplit(':').next().unwrap_or_default();
                text.starts_with(&scope.kind) && text.contains(&middle) && actions.split(',').any(|one| one == action)
            };
            assert!(sent.iter().any(asks), "{action:?} of {scope:?} was not sent");
        }
    }
}

/// What is known of the repositories that are asked for: all private, and shared with nobody.
fn facts(asked: &[Scope], is_public: bool) -> Vec<Facts> {
    let names = asked.iter().filter_map(|scope| RepositoryName::parse(&scope.name));
    let facts = |name: RepositoryName| {
        let is_an_accounts = ["alice", "bob"].contains(&name.namespace());
        Facts { name, is_public, share: None, is_an_accounts }
    };
    names.map(facts).collect()
}

/// Nobody gets anything but pulls of what is public, and alice no more than she asked for and holds.
fn is_held(asked: &[Scope]) {
    let private = facts(asked, false);
    assert!(grant(asked, None, &private).is_empty());
    for open in grant(asked, None, &facts(asked, true)) {
        assert_eq!((open.kind.as_str(), open.actions.as_slice()), ("repository", ["pull"].as_slice()));
    }
    let mut below: Vec<Grant> = Vec::new();
    for level in Level::ALL {
        let holder = Holder { username: "alice", is_admin: false, level, reach: &Reach::All };
        let grants = grant(asked, Some(&holder), &private);
        for grant in &grants {
            is_alices(grant);
            let scopes: Vec<&Scope> = asked.iter().filter(|scope| scope.name == grant.name).collect();
            let asks = |word: &str| scopes.iter().any(|scope| scope.actions.iter().any(|action| action == word));
            for action in &grant.actions {
                assert!(on_own(level).contains(action), "{action:?} at {level:?}: {grant:?}");
                let comes_along = *action == Action::Pull.as_str() && asks("push");
                assert!(asks(action) || asks("*") || comes_along, "{action:?} was not asked: {grant:?}");
            }
        }
        let has = |one: &Grant| {
            grants.iter().any(|grant| grant.name == one.name && one.actions.iter().all(|a| grant.actions.contains(a)))
        };
        assert!(below.iter().all(has), "{level:?} has less than the level below it");
        below = grants;
    }
}

/// What a level allows on the account's own private repositories, said once more.
fn on_own(level: Level) -> &'static [&'static str] {
    match level {
        Level::PublicRead => &[],
        Level::Read => &["pull"],
        Level::Write => &["pull", "push"],
        Level::Admin => &["pull", "push", "delete"],
    }
}

/// Path components as distribution's reference grammar has them, below her own name.
fn is_alices(grant: &Grant) {
    assert!(grant.kind == "repository" && !grant.actions.is_empty(), "{grant:?}");
    let mut components = grant.name.split('/');
    assert_eq!(components.next(), Some("alice"), "{grant:?}");
    let components: Vec<&str> = components.collect();
    assert!(!components.is_empty(), "{grant:?}");
    for component in components {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [component.bytes().next(), component.bytes().last()];
        assert!(ends.iter().all(|byte| byte.is_some_and(is_plain)), "{grant:?}");
        assert!(component.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte)), "{grant:?}");
    }
}
