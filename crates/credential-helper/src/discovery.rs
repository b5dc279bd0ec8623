//! Finds a registry's token server: the registry's own challenge names it.

use std::time::Duration;

use http_auth::parser::ChallengeParser;
use serde::Deserialize;
use url::Url;

use crate::error::Error;
use crate::host::{RegistryHost, is_loopback};
use crate::http::{self, HttpResponse};
use crate::text::one_line;

/// The endpoints from the server's metadata (RFC 8414).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenServer {
    pub device_authorization_endpoint: Url,
    /// Where device codes and refresh tokens are exchanged for tokens.
    pub token_endpoint: Url,
    pub revocation_endpoint: Url,
}

#[derive(Deserialize)]
struct MetadataBody {
    issuer: Option<Url>,
    #[serde(flatten)]
    server: TokenServer,
}

/// Asks the registry for its token server, and that server for its endpoints.
pub async fn discover(host: &RegistryHost, timeout: Duration) -> Result<TokenServer, Error> {
    let base = token_server_url(host, &ping(host, timeout).await?)?;
    let no_device_sign_in = || Error::message(format!("{} does not offer device sign-in", origin(&base)));
    let url = base.join("/.well-known/oauth-authorization-server").map_err(|_| no_device_sign_in())?;
    let response = http::get(&url, timeout).await.map_err(|error| error.about(&origin(&base)))?;
    let metadata: Option<MetadataBody> = response.json().filter(|_| response.status == 200);
    let MetadataBody { issuer, server } = metadata.ok_or_else(no_device_sign_in)?;
    // RFC 8414 section 3.3: such metadata must not be used.
    if let Some(issuer) = issuer.filter(|issuer| issuer.origin() != base.origin()) {
        return Err(Error::message(format!(
            "{} gives the metadata of another server, {}, which is not used",
            origin(&base),
            one_line(issuer.as_str())
        )));
    }
    let endpoints = [&server.device_authorization_endpoint, &server.token_endpoint, &server.revocation_endpoint];
    // RFC 8414 section 6.2: endpoints elsewhere would give the tokens to somebody else.
    if endpoints.iter().any(|endpoint| endpoint.origin() != base.origin()) {
        return Err(Error::message(format!("{} names endpoints of another server, which are not used", origin(&base))));
    }
    Ok(server)
}

/// Sends `GET /v2/` over https and, like docker, over plain http on this computer if https fails.
async fn ping(host: &RegistryHost, timeout: Duration) -> Result<HttpResponse, Error> {
    let url = |scheme| host.url(scheme, "/v2/").ok_or(Error::NoServer);
    let https = http::get(&url("https")?, timeout).await;
    let response = match https {
        // If both fail, the error of https says more: an untrusted certificate, for one.
        Err(_) if host.is_loopback() => http::get(&url("http")?, timeout).await.or(https),
        https => https,
    };
    response.map_err(|error| error.about(host.as_str()))
}

/// The token server: the origin of the challenge's realm.
fn token_server_url(host: &RegistryHost, response: &HttpResponse) -> Result<Url, Error> {
    let realm = response.challenges.iter().find_map(|challenge| bearer_realm(challenge));
    let Some(realm) = realm.filter(|_| response.status == 401) else {
        return Err(Error::message(format!("{host} names no token server: it is not a registry that uses tokens")));
    };
    let invalid = || Error::message(format!("{host} names a token server with an invalid address"));
    let mut base = Url::parse(&realm).map_err(|_| invalid())?;
    match base.scheme() {
        "https" => {}
        "http" if is_loopback(&base) && host.is_loopback() => {}
        "http" => {
            let server = origin(&base);
            return Err(Error::message(format!("{host} names the token server {server}, which does not use https")));
        }
        _ => return Err(invalid()),
    }
    let _ = base.set_username("").and_then(|()| base.set_password(None));
    base.set_path("/");
    base.set_query(None);
    base.set_fragment(None);
    Ok(base)
}

/// A server as people read it.
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The realm of a Bearer challenge; one header may hold several challenges (RFC 9110 section 11.6.1).
fn bearer_realm(header: &str) -> Option<String> {
    let challenges = ChallengeParser::new(header).map_while(Result::ok);
    let mut bearers = challenges.filter(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"));
    bearers.find_map(|bearer| {
        let (_, realm) = bearer.params.iter().find(|(name, _)| name.eq_ignore_ascii_case("realm"))?;
        Some(realm.to_unescaped())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_server(host: &str, challenge: &str) -> Result<String, String> {
        let response = HttpResponse::without_body(401, &[challenge]);
        let base = token_server_url(&RegistryHost::parse(host).unwrap(), &response);
        base.map(|base| base.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_realm_is_found_in_every_form_of_the_header() {
        for header in [
            "Bearer realm=\"https://t/token\",service=\"s\"",
            "bearer service=\"a, realm=b\", realm = \"https://t/token\"",
            "Basic realm=\"r\", Bearer realm=\"https://t/token\"",
            "Negotiate, Bearer realm=\"https://t/token\"",
            "Bearer error=invalid_token, realm=\"https://t/token\"",
            "Bearer realm=\"https:\\/\\/t\\/token\"",
        ] {
            assert_eq!(bearer_realm(header).as_deref(), Some("https://t/token"), "{header}");
        }
        for header in ["", "Bearer", "Basic realm=\"r\"", "Bearer service=\"s\"", "= = =", "realm=\"x\"", "\"\"\"\""] {
            assert_eq!(bearer_realm(header), None, "{header}");
        }
    }

    #[test]
    fn the_origin_of_the_realm_is_the_token_server() {
        let base = token_server("hub.example.com", "Bearer realm=\"https://u:p@tokens.example.com:8443/a/token?x#y\"");
        assert_eq!(base.unwrap(), "https://tokens.example.com:8443/");
        assert_eq!(
            token_server("localhost:5000", "Bearer realm=\"http://127.0.0.1:1/token\"").unwrap(),
            "http://127.0.0.1:1/"
        );
    }

    #[test]
    fn plain_http_is_only_for_this_computer() {
        for (host, realm) in [
            ("hub.example.com", "http://hub.example.com/token"),
            ("127.0.0.1:5000", "http://hub.example.com/token"),
            // A remote registry must not send secrets to a port of this computer.
            ("hub.example.com", "http://127.0.0.1:8080/token"),
        ] {
            let said = token_server(host, &format!("Bearer realm=\"{realm}\"")).unwrap_err();
            assert!(said.ends_with("which does not use https"), "{said}");
        }
        assert!(token_server("hub", "Bearer realm=\"file:///etc/passwd\"").is_err());
        assert!(token_server("hub", "Bearer realm=\"/token\"").is_err());
    }

    #[test]
    fn a_response_without_a_challenge_is_not_from_a_token_registry() {
        let host = RegistryHost::parse("hub").unwrap();
        for response in [
            HttpResponse::without_body(200, &[]),
            HttpResponse::without_body(200, &["Bearer realm=\"https://t/\""]),
            HttpResponse::without_body(401, &[]),
        ] {
            assert!(token_server_url(&host, &response).unwrap_err().to_string().contains("names no token server"));
        }
    }
}
