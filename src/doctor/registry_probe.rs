//! The registry as its clients see it: its challenge, and what it makes of a token.

use dockpass_core::timestamp::Timestamp;
use url::Url;

use super::{
    Expected, Report,
    challenge::{self, Challenge},
    http::{self, Answer},
    registry_config::ConfigVerdict,
};
use crate::platform::{
    jwt::{Access, Claims},
    rng::SystemRng,
};

/// A token for trying lives this long.
const LIFE_SECONDS: i64 = 60;
/// A repository that need not exist: it is only asked about.
const REPOSITORY: &str = "dockpass/doctor";

/// Asks the registry at `url`, which ends with `/v2/`. `file` is what its configuration file came to.
pub async fn check(
    url: &Url,
    expected: &Expected<'_>,
    file: Option<ConfigVerdict>,
    rng: SystemRng,
    report: &mut Report,
) {
    let answer = match http::get(url.as_str(), None).await {
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
            let advice = format!("write `realm: {right:?}` below auth, token, or give the server's --public-url");
            report.same("registry's realm", &realm, &right, advice);
        }
        None => report.skipped("registry's realm", format_args!("it is {realm:?}: give the server's --public-url")),
    }
    let right = &expected.config.registry_service;
    let advice = format!("write `service: {right:?}` below auth, token, or give the server's --registry-service");
    report.same("registry's service", &service, right, advice);
    http::check_clock("registry's clock", &answer, expected.now, report);
    // Dated by its own clock and made out to the service that it names: if this one is refused, it is for its issuer
    // or its certificate.
    let at = answer.clock().unwrap_or(expected.now);
    check_token(url, expected, &service, at, file, rng, report).await;
}

/// Realm and service of a registry that works with tokens; of anything else a sentence.
fn asks_for_a_token(url: &Url, answer: &Answer) -> Result<(String, String), String> {
    let write = "put there what `dockpass registry-config` prints, in the place of its auth section";
    let challenges = answer.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
    match (answer.status, challenge::read(challenges)) {
        (401, Some(Challenge::Bearer { realm, service })) => Ok((realm, service)),
        (401, Some(Challenge::Other(scheme))) => {
            Err(format!("{url} asks for {scheme} credentials and knows no tokens: {write}"))
        }
        (401, Some(Challenge::Malformed(header))) => {
            Err(format!("{url} sends a WWW-Authenticate header that clients cannot read, {header:?}: {write}"))
        }
        (401, None) => {
            Err(format!("{url} refuses (401) without a WWW-Authenticate header: a proxy before it drops it"))
        }
        (200, _) if answer.header("docker-distribution-api-version").is_empty() => {
            Err(format!("{url} is no registry: it answers {}", answer.kind()))
        }
        (200, _) => Err(format!("{url} lets everyone in: its configuration has no auth section; {write}")),
        (300..400, _) => {
            let to = answer.header("location");
            Err(format!("{url} leads on to {to:?}: give that address, clients must be given it too"))
        }
        (400, _) if answer.body.contains("HTTP request to an HTTPS server") => {
            Err(format!("{url} speaks TLS: write https://"))
        }
        _ => Err(format!("{url} is no registry: it answers {}", answer.kind())),
    }
}

async fn check_token(
    url: &Url,
    expected: &Expected<'_>,
    service: &str,
    at: Timestamp,
    file: Option<ConfigVerdict>,
    rng: SystemRng,
    report: &mut Report,
) {
    const CHECK: &str = "token";
    let Some(keys) = expected.keys else {
        return report.skipped(CHECK, "there are no keys to sign one with");
    };
    let access = Access { kind: "repository".into(), name: REPOSITORY.into(), actions: vec!["pull".into()] };
    let token = keys.signing_keys.sign(&Claims {
        iss: expected.config.issuer.clone(),
        sub: "dockpass-doctor".to_owned(),
        aud: service.to_owned(),
        exp: at.seconds() + LIFE_SECONDS,
        nbf: at.seconds() - LIFE_SECONDS,
        iat: at.seconds(),
        jti: rng.id(expected.now),
        access: vec![access],
    });
    let answer = match http::get(url.as_str(), Some(&token)).await {
        Ok(answer) => answer,
        Err(sentence) => return report.wrong(CHECK, sentence),
    };
    match answer.status {
        200 if is_the_token_server(url, &token).await => {
            report.wrong(CHECK, format_args!("{url} is Dockpass itself: give the registry's own address"));
        }
        200 => report.ok(CHECK, "the registry takes one that was signed here: issuer and certificate agree"),
        401 => report.wrong(CHECK, refused(expected, file)),
        _ => report.wrong(CHECK, format_args!("the registry answers {} to a token", answer.kind())),
    }
}

/// What remains where a token with the right service and date is refused.
fn refused(expected: &Expected<'_>, file: Option<ConfigVerdict>) -> String {
    let issuer = &expected.config.issuer;
    let refused = "the registry refuses one that was signed here";
    match file {
        Some(ConfigVerdict::Wrong) => {
            format!("{refused}: mend its configuration file as said above and restart the registry")
        }
        Some(ConfigVerdict::Right) => format!(
            "{refused}, although its configuration file is right: restart the registry, which reads it only then, and \
             look whether its environment sets REGISTRY_AUTH_TOKEN_ISSUER or REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE"
        ),
        Some(ConfigVerdict::Unread) => format!(
            "{refused}, although realm, service and issuer in its configuration file are right: what remains is the \
             certificate, which could not be read here. In the file that the registry has as its rootcertbundle must \
             stand what `dockpass registry-config` writes to bundle.pem; then restart the registry (its log names the \
             reason, too)"
        ),
        None => format!(
            "{refused}: it hides whether for the issuer, which must be {issuer:?}, or for the certificate, which must \
             be in the file of its rootcertbundle; write both as `dockpass registry-config` prints them and restart \
             the registry, or give --registry-config FILE to have them compared (its log names the reason, too)"
        ),
    }
}

/// Dockpass answers `/v2/` as a registry does, so that `docker login` works against it alone.
async fn is_the_token_server(url: &Url, token: &str) -> bool {
    let below = http::get(&format!("{url}{REPOSITORY}/tags/list"), Some(token)).await;
    below.is_ok_and(|answer| answer.body.contains("this is the token server"))
}
