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

/// Nobody gets anything but pulls of what is public, and alice exactly what she asked for and holds: as anyone and as an
/// administrator, with a token that reaches all and with one that is limited.
fn is_held(asked: &[Scope]) {
    let private = facts(asked, false);
    assert!(grant(asked, None, &private).is_empty());
    for open in grant(asked, None, &facts(asked, true)) {
        assert_eq!((open.kind.as_str(), open.actions.as_slice()), ("repository", ["pull"].as_slice()));
    }
    let reaches = [Reach::All, Reach::parse("alice/app alice/team-* team/*").unwrap()];
    for (is_admin, reach) in [false, true].into_iter().flat_map(|is_admin| reaches.each_ref().map(|r| (is_admin, r))) {
        for level in Level::ALL {
            let holder = Holder { username: "alice", is_admin, level, reach };
            let grants = grant(asked, Some(&holder), &private);
            grants.iter().filter(|grant| grant.kind == "repository").for_each(is_a_name);
            let held: Vec<Grant> = asked.iter().filter_map(|scope| held_of(scope, &holder)).collect();
            assert_eq!(grants, held, "{holder:?}");
            // What is public she may pull too, as far as the token reaches.
            for open in grant(asked, Some(&holder), &facts(asked, true)) {
                let is_more = open.actions != ["pull"];
                assert!(!is_more || grants.iter().any(|grant| grant.name == open.name), "{open:?}");
                assert!(open.kind == "registry" || is_reached(&open.name, reach), "{open:?}");
            }
        }
    }
}

/// What of a scope a holder holds of private repositories, said once more.
fn held_of(scope: &Scope, holder: &Holder<'_>) -> Option<Grant> {
    let asks = |word: &str| scope.actions.iter().any(|action| action == word || action == "*");
    let actions: Vec<&'static str> = match scope.kind.as_str() {
        "repository" if is_hers(&scope.name, holder.is_admin) && is_reached(&scope.name, holder.reach) => {
            let own = on_own(holder.level);
            let pushes = asks("push") && own.contains(&"push");
            let comes_along = |word: &str| word == Action::Pull.as_str() && pushes;
            own.iter().copied().filter(|word| asks(word) || comes_along(word)).collect()
        }
        "registry" if scope.name == "catalog" && asks("*") => {
            let sees_all = holder.is_admin && holder.level != Level::PublicRead && *holder.reach == Reach::All;
            if sees_all { vec!["*"] } else { Vec::new() }
        }
        _ => Vec::new(),
    };
    (!actions.is_empty()).then(|| Grant { kind: scope.kind.clone(), name: scope.name.clone(), actions })
}

/// Her own are below her name, and the administrators' are those of no account.
fn is_hers(name: &str, is_admin: bool) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    let is_own = name.starts_with("alice/");
    RepositoryName::parse(name).is_some() && (is_own || (is_admin && first != "alice" && first != "bob"))
}

/// What the two reaches above mean.
fn is_reached(name: &str, reach: &Reach) -> bool {
    *reach == Reach::All || name == "alice/app" || name.starts_with("alice/team-") || name.starts_with("team/")
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

/// Path components as distribution's reference grammar has them.
fn is_a_name(grant: &Grant) {
    assert!(!grant.actions.is_empty(), "{grant:?}");
    for component in grant.name.split('/') {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = [component.bytes().next(), component.bytes().last()];
        assert!(ends.iter().all(|byte| byte.is_some_and(is_plain)), "{grant:?}");
        assert!(component.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte)), "{grant:?}");
    }
}
