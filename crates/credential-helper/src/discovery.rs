//! Finds the token server behind a registry: its own challenge names it.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::{
    failure::Failure,
    host::{Host, is_loopback},
    http::{Answer, Http},
    terminal::one_line,
};

const LIMIT: Duration = Duration::from_secs(15);

/// What the server's metadata (RFC 8414) say of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Server {
    /// Where a sign-in begins (RFC 8628).
    pub device_authorization_endpoint: Url,
    /// Where codes and refresh tokens become tokens.
    pub token_endpoint: Url,
    /// Where tokens end (RFC 7009).
    pub revocation_endpoint: Url,
}

#[derive(Deserialize)]
struct MetadataBody {
    issuer: Option<Url>,
    #[serde(flatten)]
    server: Server,
}

/// Asks the registry who its token server is, and that server where its endpoints are.
pub async fn discover(http: &Http, host: &Host, limit: Duration) -> Result<Server, Failure> {
    let base = server_of(host, &ping(http, host, limit).await?)?;
    let metadata = base.join("/.well-known/oauth-authorization-server").map_err(|_| no_device_sign_in(&base))?;
    let answer = http.get(&metadata, limit).await.map_err(|trouble| trouble.about(&name(&base)))?;
    let metadata: Option<MetadataBody> = answer.json().filter(|_| answer.status == 200);
    let MetadataBody { issuer, server } = metadata.ok_or_else(|| no_device_sign_in(&base))?;
    // RFC 8414 section 3.3: such metadata are not to be used.
    if let Some(issuer) = issuer.filter(|issuer| issuer.origin() != base.origin()) {
        return Err(Failure::said(format!(
            "{} gives the metadata of another server, {}: they are not used",
            name(&base),
            one_line(issuer.as_str())
        )));
    }
    let endpoints = [&server.device_authorization_endpoint, &server.token_endpoint, &server.revocation_endpoint];
    // RFC 8414 section 6.2: metadata that lead elsewhere would hand the tokens to somebody else.
    if endpoints.iter().any(|endpoint| endpoint.origin() != base.origin()) {
        return Err(Failure::said(format!("{} names endpoints of another server, which are not used", name(&base))));
    }
    Ok(server)
}

/// With the time that a person waits.
pub async fn find(http: &Http, host: &Host) -> Result<Server, Failure> {
    discover(http, host, LIMIT).await
}

/// `GET /v2/`: by https, and on this computer by http where https does not work, as docker does it.
async fn ping(http: &Http, host: &Host, limit: Duration) -> Result<Answer, Failure> {
    let url = |scheme| host.url(scheme, "/v2/").ok_or(Failure::NoServer);
    let safe = http.get(&url("https")?, limit).await;
    let answer = match safe {
        // Where neither works, what https says is the more telling: a certificate that nobody trusts, for one.
        Err(_) if host.is_loopback() => http.get(&url("http")?, limit).await.or(safe),
        safe => safe,
    };
    answer.map_err(|trouble| trouble.about(host.as_str()))
}

/// The server that the challenge names: the origin of its realm.
fn server_of(host: &Host, answer: &Answer) -> Result<Url, Failure> {
    let realm = answer.challenges.iter().find_map(|challenge| realm(challenge));
    let Some(realm) = realm.filter(|_| answer.status == 401) else {
        return Err(Failure::said(format!("{host} names no token server: it is no registry that asks for a token")));
    };
    let odd = || Failure::said(format!("{host} names a token server that is no address"));
    let mut base = Url::parse(&realm).map_err(|_| odd())?;
    match base.scheme() {
        "https" => {}
        "http" if is_loopback(&base) && host.is_loopback() => {}
        "http" => {
            let server = name(&base);
            return Err(Failure::said(format!(
                "{host} names the token server {server}, which is not reached by https"
            )));
        }
        _ => return Err(odd()),
    }
    let _ = base.set_username("").and_then(|()| base.set_password(None));
    base.set_path("/");
    base.set_query(None);
    base.set_fragment(None);
    Ok(base)
}

/// An origin for people.
pub fn name(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn no_device_sign_in(base: &Url) -> Failure {
    Failure::said(format!("{} offers no sign-in for devices", name(base)))
}

/// The realm of a Bearer challenge (RFC 9110 section 11.2). One header may hold several challenges.
fn realm(header: &str) -> Option<String> {
    let (mut rest, mut is_bearer) = (header, false);
    while !rest.is_empty() {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix('=') else {
            is_bearer = word.eq_ignore_ascii_case("bearer");
            // A character that belongs to no challenge must not hold up the reading.
            rest = if word.is_empty() { skip_one(after) } else { after };
            continue;
        };
        let (value, after) = value_of(value.trim_start_matches([' ', '\t']));
        if is_bearer && word.eq_ignore_ascii_case("realm") {
            return Some(value);
        }
        rest = after;
    }
    None
}

fn skip_one(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

/// RFC 9110 section 5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A parameter's value, quoted or not, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if is_escaped => {
                is_escaped = false;
                value.push(c);
            }
            '\\' => is_escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, challenge: &str) -> Result<String, String> {
        let answer = Answer::of(401, &[challenge]);
        let base = server_of(&Host::parse(host).unwrap(), &answer);
        base.map(|base| base.to_string()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_realm_is_found_in_every_form_of_the_header() {
        for header in [
            "Bearer realm=\"https://t/token\",service=\"s\"",
            "bearer service=\"a, realm=b\", realm = \"https://t/token\"",
            "Basic realm=\"r\", Bearer realm=\"https://t/token\"",
            "Negotiate, Bearer  realm=https://t/token",
            "Bearer realm=\"https:\\/\\/t\\/token\"",
            "\u{7f}; Bearer realm=\"https://t/token\"",
        ] {
            assert_eq!(realm(header).as_deref(), Some("https://t/token"), "{header}");
        }
        for header in ["", "Bearer", "Basic realm=\"r\"", "Bearer service=\"s\"", "= = =", "realm=\"x\"", "\"\"\"\""] {
            assert_eq!(realm(header), None, "{header}");
        }
    }

    #[test]
    fn the_origin_of_the_realm_is_the_server() {
        let base = server("hub.example.com", "Bearer realm=\"https://u:p@tokens.example.com:8443/a/token?x#y\"");
        assert_eq!(base.unwrap(), "https://tokens.example.com:8443/");
        assert_eq!(
            server("localhost:5000", "Bearer realm=\"http://127.0.0.1:1/token\"").unwrap(),
            "http://127.0.0.1:1/"
        );
    }

    #[test]
    fn plain_http_is_for_this_computer_alone() {
        for (host, realm) in [
            ("hub.example.com", "http://hub.example.com/token"),
            ("127.0.0.1:5000", "http://hub.example.com/token"),
            // A registry elsewhere has no business with what listens on this computer.
            ("hub.example.com", "http://127.0.0.1:8080/token"),
        ] {
            let said = server(host, &format!("Bearer realm=\"{realm}\"")).unwrap_err();
            assert!(said.ends_with("which is not reached by https"), "{said}");
        }
        assert!(server("hub", "Bearer realm=\"file:///etc/passwd\"").is_err());
        assert!(server("hub", "Bearer realm=\"/token\"").is_err());
    }

    #[test]
    fn an_answer_without_a_challenge_is_no_token_registry() {
        let host = Host::parse("hub").unwrap();
        for answer in [Answer::of(200, &[]), Answer::of(200, &["Bearer realm=\"https://t/\""]), Answer::of(401, &[])] {
            assert!(server_of(&host, &answer).unwrap_err().to_string().contains("names no token server"));
        }
    }
}
