//! What a client asks of the token endpoint, in every way that clients ask.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64;
use dockpass_core::repository::RepositoryName;
use dockpass_core::scope::{self, Scope};
use zeroize::Zeroizing;

/// A request for a registry token.
#[derive(Debug)]
pub struct TokenRequest {
    pub credentials: Credentials,
    pub scopes: Vec<Scope>,
}

/// The repositories of one request that can be granted anything. Each can cost a read.
const MOST_REPOSITORIES: usize = 100;

/// The credentials of a request. They never print themselves.
pub enum Credentials {
    None,
    /// A name and a secret.
    Given {
        /// As sent.
        username: String,
        /// A token or a password, as sent.
        secret: Zeroizing<String>,
    },
    Unreadable,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A POST asks for a grant that this server does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct UnsupportedGrant;

impl TokenRequest {
    /// A GET: Basic credentials and a query. `account` is ignored: clients leave it out or fill it differently.
    pub fn from_query(headers: &HeaderMap, query: &str) -> Self {
        let scopes: Vec<String> = pairs(query).filter(|(name, _)| name == "scope").map(|(_, value)| value).collect();
        Self { credentials: basic(headers), scopes: scope::parse(scopes.iter().map(String::as_str)) }
    }

    /// A POST: an OAuth 2 form with the password grant (distribution's token specification). This server issues no refresh
    /// tokens, so it accepts none.
    pub fn from_form(headers: &HeaderMap, form: &str) -> Result<Self, UnsupportedGrant> {
        let mut grant = String::new();
        let mut username = None;
        let mut password = None;
        let mut scopes = Vec::new();
        for (name, value) in pairs(form) {
            match name.as_str() {
                "grant_type" => grant = value,
                "username" => username = Some(value),
                "password" => password = Some(Zeroizing::new(value)),
                "scope" => scopes.push(value),
                _ => {}
            }
        }
        if grant != "password" {
            return Err(UnsupportedGrant);
        }
        let credentials = match (username, password) {
            (Some(username), Some(secret)) => Credentials::Given { username, secret },
            (None, None) => basic(headers),
            _ => Credentials::Unreadable,
        };
        Ok(Self { credentials, scopes: scope::parse(scopes.iter().map(String::as_str)) })
    }

    /// The repositories that it asks for; what cannot be a name is left out.
    pub fn repositories(&self) -> Vec<RepositoryName> {
        let repositories = self.scopes.iter().filter(|scope| scope.kind == "repository");
        repositories.filter_map(|scope| RepositoryName::parse(&scope.name)).take(MOST_REPOSITORIES).collect()
    }
}

/// `name=value` pairs in order, repeats kept, `+` read as a space.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned()
}

/// The secret of a bearer header (RFC 6750 section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Basic credentials (RFC 7617): the name ends at the first colon, so a secret may hold more of them.
fn basic(headers: &HeaderMap) -> Credentials {
    let Some(header) = headers.get(AUTHORIZATION) else { return Credentials::None };
    let read = || {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = Zeroizing::new(BASE64.decode(encoded.trim().as_bytes()).ok()?);
        let (username, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some(Credentials::Given { username: username.to_owned(), secret: Zeroizing::new(secret.to_owned()) })
    };
    read().unwrap_or(Credentials::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_header(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn basic_credentials_split_at_the_first_colon() {
        let header = format!("Basic {}", BASE64.encode(b"alice:a:b c"));
        let Credentials::Given { username, secret } = basic(&with_header(&header)) else { panic!("unreadable") };
        assert_eq!((username.as_str(), secret.as_str()), ("alice", "a:b c"));
    }

    proptest! {
        #[test]
        fn nothing_panics(header in "[ -~]{0,60}", text in "\\PC{0,120}") {
            let headers = with_header(&header);
            let _ = TokenRequest::from_query(&headers, &text);
            let _ = TokenRequest::from_form(&headers, &text);
            let _ = bearer(&headers);
        }
    }
}
