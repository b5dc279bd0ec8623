//! The checks of the running registry: its challenge, and whether it accepts a token.

use std::net::Ipv4Addr;

use dockpass_core::timestamp::Timestamp;
use url::{Host, Url};

use super::registry_config::ConfigVerdict;
use super::{Expected, Report, catalog, clock};
use crate::platform::http_client::{self, HttpResponse};
use crate::platform::jwt::{Access, Claims};
use crate::registry::catalog::catalog_access;
use crate::registry::www_authenticate::{self, Challenge};

/// The lifetime of the token for the check.
const LIFE_SECONDS: i64 = 60;
/// It need not exist.
const REPOSITORY: &str = "dockpass/doctor";

/// Checks the registry at `url`, which ends with `/v2/`. `file` is the result for its configuration file.
pub async fn check(url: &Url, expected: &Expected<'_>, file: Option<ConfigVerdict>, report: &mut Report) {
    let answer = match http_client::get(url.as_str(), None).await {
        Ok(answer) => answer,
        Err(sentence) => return report.wrong("registry", sentence),
    };
    let (realm, service) = match asks_for_a_token(url, &answer) {
        Ok(asked) => asked,
        Err(sentence) => return report.wrong("registry", sentence),
    };
    report.ok("registry", format_args!("{url} asks for a token"));
    match expected.realm() {
        Some(right) => {
            let advice = format!("write `realm: {right:?}` below auth.token, or give the server's --public-url");
            report.same("registry's realm", &realm, &right, advice);
        }
        None => report.skipped("registry's realm", format_args!("it is {realm:?}: give the server's --public-url")),
    }
    check_addresses(url, &realm, report);
    let right = &expected.config.registry_service;
    let advice = format!("write `service: {right:?}` below auth.token, or give the server's --registry-service");
    report.same("registry's service", &service, right, advice);
    clock::check("registry's clock", &answer, expected.now, report);
    // The token has the registry's own time and service, so if it is refused, only issuer or certificate can be wrong.
    let at = answer.clock().unwrap_or(expected.now);
    if check_token(url, expected, &service, at, file, report).await
        && let Some(token) = sign(expected, &service, at, catalog_access())
    {
        catalog::check(url, &token, expected, report).await;
    }
}

/// The realm and the service that the registry names, or a sentence that says what is wrong with its response.
fn asks_for_a_token(url: &Url, answer: &HttpResponse) -> Result<(String, String), String> {
    let challenges = answer.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
    match (answer.status, www_authenticate::read(challenges)) {
        (401, Some(Challenge::Bearer { realm, service })) => Ok((realm, service)),
        (401, Some(Challenge::Other(scheme))) => Err(format!(
            "{url} asks for {scheme} credentials and not for a token: replace its auth section with what `dockpass \
             registry-config` prints"
        )),
        (401, Some(Challenge::Malformed(header))) => Err(format!(
            "{url} sends a WWW-Authenticate header that clients cannot read, {header:?}: replace its auth section with \
             what `dockpass registry-config` prints"
        )),
        (401, None) => Err(format!("{url} answers 401 without a WWW-Authenticate header: perhaps a proxy drops it")),
        (200, _) if answer.header("docker-distribution-api-version").is_empty() => {
            Err(format!("{url} is not a registry: it answers {}", answer.kind()))
        }
        (200, _) => Err(format!(
            "{url} lets everyone in, because its configuration has no auth section: add what `dockpass registry-config` \
             prints"
        )),
        (300..400, _) => {
            let to = answer.header("location");
            Err(format!("{url} redirects to {to:?}: use that address, here and in the clients"))
        }
        (400, _) if answer.body.contains("HTTP request to an HTTPS server") => {
            Err(format!("{url} speaks TLS: use https://"))
        }
        _ => Err(format!("{url} is not a registry: it answers {}", answer.kind())),
    }
}

/// Warns of addresses that some clients refuse.
fn check_addresses(url: &Url, realm: &str, report: &mut Report) {
    const ADVICE: &str = "give the registry and this server one host name, behind https";
    let Ok(realm) = Url::parse(realm) else { return };
    let authority = |url: &Url| (url.host().map(|host| host.to_owned()), url.port_or_known_default());
    if is_private_address(&realm) && authority(&realm) != authority(url) {
        let said = "is a private or loopback address and not the registry's own, which crane from 0.21.5 on and oras";
        report.warning("registry's realm", format_args!("{realm} {said} refuse: {ADVICE}"));
    }
    if [&realm, url].iter().any(|url| url.scheme() == "http") {
        let said = "docker's CLI from 28.5 on refuses it where no Docker Engine runs";
        report.warning("plain http", format_args!("{said}: {ADVICE}"));
    }
}

fn is_private_address(url: &Url) -> bool {
    let is_private = |ip: Ipv4Addr| ip.is_private() || ip.is_loopback() || ip.is_link_local();
    match url.host() {
        Some(Host::Ipv4(ip)) => is_private(ip),
        Some(Host::Ipv6(ip)) => {
            let is_local = ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local();
            is_local || ip.to_ipv4_mapped().is_some_and(is_private)
        }
        _ => false,
    }
}

/// A token of this server, or `None` without keys.
fn sign(expected: &Expected<'_>, service: &str, at: Timestamp, access: Access) -> Option<String> {
    Some(expected.keys?.signing_keys.sign(&Claims {
        iss: expected.config.issuer.clone(),
        sub: "dockpass-doctor".to_owned(),
        aud: service.to_owned(),
        exp: at.seconds() + LIFE_SECONDS,
        nbf: at.seconds() - LIFE_SECONDS,
        iat: at.seconds(),
        jti: expected.rng.id(expected.now),
        access: vec![access],
    }))
}

/// Whether the registry accepts a token of this server.
async fn check_token(
    url: &Url,
    expected: &Expected<'_>,
    service: &str,
    at: Timestamp,
    file: Option<ConfigVerdict>,
    report: &mut Report,
) -> bool {
    const CHECK: &str = "token";
    let access = Access { kind: "repository".into(), name: REPOSITORY.into(), actions: vec!["pull".into()] };
    let Some(token) = sign(expected, service, at, access) else {
        report.skipped(CHECK, "there are no keys to sign one with");
        return false;
    };
    match http_client::get(url.as_str(), Some(token.as_str())).await {
        Err(sentence) => report.wrong(CHECK, sentence),
        Ok(answer) => match answer.status {
            200 if is_the_token_server(url, &token).await => {
                report.wrong(CHECK, format_args!("{url} is Dockpass itself: give the registry's own address"));
            }
            200 => {
                report.ok(CHECK, "the registry accepts one from this server: issuer and certificate match");
                return true;
            }
            401 => report.wrong(CHECK, refused(expected, file)),
            _ => report.wrong(CHECK, format_args!("the registry answers {} to a token", answer.kind())),
        },
    }
    false
}

/// The possible causes if the registry refuses a token with the right service and time.
fn refused(expected: &Expected<'_>, file: Option<ConfigVerdict>) -> String {
    let issuer = &expected.config.issuer;
    let refused = "the registry refuses one from this server";
    match file {
        Some(ConfigVerdict::Wrong) => {
            format!("{refused}: change its configuration file as described above and restart the registry")
        }
        Some(ConfigVerdict::Right) => format!(
            "{refused} although its configuration file is right: restart the registry, because it reads the file only \
             at its start, and check that its environment does not set REGISTRY_AUTH_TOKEN_ISSUER or \
             REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE"
        ),
        Some(ConfigVerdict::Unread) => format!(
            "{refused} although realm, service and issuer in its configuration file are right: check the certificate, \
             which cannot be read here. The registry's rootcertbundle must be the bundle.pem that `dockpass \
             registry-config` writes. Restart the registry after a change; its log also names the reason"
        ),
        None => format!(
            "{refused}: either the issuer is wrong, which must be {issuer:?}, or the certificate is not in the \
             registry's rootcertbundle. Configure both as `dockpass registry-config` prints them and restart the \
             registry, or give --registry-config FILE to compare them; the registry's log also names the reason"
        ),
    }
}

/// Dockpass answers `/v2/` like a registry, so that `docker login` works without one.
async fn is_the_token_server(url: &Url, token: &str) -> bool {
    let below = http_client::get(&format!("{url}{REPOSITORY}/tags/list"), Some(token)).await;
    below.is_ok_and(|answer| answer.body.contains("this is the token server"))
}
