//! The registry's catalog: the names of all its repositories, a page at a time.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use url::Url;

use super::keys::actions as keys;
use super::www_authenticate::{self, Challenge};
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::platform::database::Db;
use crate::platform::http_client::{self, Credentials, HttpResponse};
use crate::platform::jwt::{Access, Claims};
use crate::platform::rng::SystemRng;
use crate::platform::signing_keys::SigningKeys;

/// The names of one page. Registries may allow fewer, and then choose the number themselves.
const NAMES: &str = "1000";
/// The lifetime of a token for one page, in seconds.
const LIFE_SECONDS: i64 = 60;

/// What opens the catalog.
pub enum CatalogAccess<'a> {
    /// A token of this server.
    Token(&'a dyn Fn() -> String),
    /// An account of a registry that does not ask for tokens yet.
    Password { username: &'a str, password: &'a str },
}

/// Why the catalog was not read.
#[derive(Debug)]
pub enum CatalogError {
    /// There is no answer; the sentence begins with the URL.
    NoAnswer(String),
    Refused(HttpResponse),
    /// A page leads to an earlier one.
    Loop,
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatalogError::NoAnswer(sentence) => f.write_str(sentence),
            CatalogError::Refused(answer) => {
                write!(f, "the registry does not list its repositories: it answers {}", answer.kind())
            }
            CatalogError::Loop => f.write_str("the registry's catalog leads from one of its pages to an earlier one"),
        }
    }
}

/// Reads the catalog of the registry at `url`, which ends with `/v2/`, up to a number of pages.
pub async fn read(url: &Url, access: &CatalogAccess<'_>, most_pages: usize) -> Result<BTreeSet<String>, CatalogError> {
    let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut query = Some(format!("n={NAMES}"));
    for _ in 0..most_pages {
        let mut answer = page(url, query.as_deref(), access).await?;
        if answer.status == 400 && seen.is_empty() {
            answer = page(url, None, access).await?;
        }
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let Some(found) = body["repositories"].as_array().filter(|_| answer.status == 200) else {
            return Err(CatalogError::Refused(answer));
        };
        names.extend(found.iter().filter_map(Value::as_str).map(str::to_owned));
        query = next(url, &answer);
        match &query {
            None => break,
            Some(next) if seen.insert(next.clone()) => {}
            Some(_) => return Err(CatalogError::Loop),
        }
    }
    Ok(names)
}

async fn page(url: &Url, query: Option<&str>, access: &CatalogAccess<'_>) -> Result<HttpResponse, CatalogError> {
    let mut page = url.clone();
    page.set_path("/v2/_catalog");
    page.set_query(query);
    let token;
    let credentials = match access {
        CatalogAccess::Token(sign) => {
            token = sign();
            Credentials::Bearer(&token)
        }
        CatalogAccess::Password { username, password } => Credentials::Basic { username, password },
    };
    http_client::get(page.as_str(), credentials).await.map_err(CatalogError::NoAnswer)
}

/// The query of the next page (RFC 8288). A registry behind a proxy may name another host or scheme, so these stay.
fn next(url: &Url, answer: &HttpResponse) -> Option<String> {
    let links = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    let targets = links.flat_map(|links| links.split('<').skip(1)).filter_map(|link| link.split_once('>'));
    let is_next = |parameters: &str| {
        let mut all = parameters.split([';', ',']).filter_map(|parameter| parameter.split_once('='));
        all.any(|(name, value)| name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"') == "next")
    };
    let (target, _) = targets.into_iter().find(|(_, parameters)| is_next(parameters))?;
    url.join(target).ok()?.query().map(str::to_owned)
}

/// Reads all pages for an import: with the credentials of an account, or else with tokens of this server. An error is a
/// sentence that says what to do.
pub async fn read_all(
    url: &Url,
    account: Option<(&str, &str)>,
    config: &Config,
    db: &Db,
    rng: SystemRng,
) -> Result<BTreeSet<String>, String> {
    let Some((username, password)) = account else {
        let keys = keys::load(db, &config.secret_key_file, Clock::System.now(), rng).await;
        let keys = keys.map_err(|error| error.to_string())?.signing_keys;
        let access = CatalogAccess::Token(&|| sign(&keys, config, rng));
        return read(url, &access, usize::MAX).await.map_err(|error| explain(url, &access, error));
    };
    let access = CatalogAccess::Password { username, password };
    read(url, &access, usize::MAX).await.map_err(|error| explain(url, &access, error))
}

fn sign(keys: &SigningKeys, config: &Config, rng: SystemRng) -> String {
    let now = Clock::System.now();
    keys.sign(&Claims {
        iss: config.issuer.clone(),
        sub: "dockpass-import".to_owned(),
        aud: config.registry_service.clone(),
        exp: now.seconds() + LIFE_SECONDS,
        nbf: now.seconds() - LIFE_SECONDS,
        iat: now.seconds(),
        jti: rng.id(now),
        access: vec![catalog_access()],
    })
}

/// The access of a token that opens the catalog.
pub fn catalog_access() -> Access {
    Access { kind: "registry".into(), name: "catalog".into(), actions: vec!["*".into()] }
}

fn explain(url: &Url, access: &CatalogAccess<'_>, error: CatalogError) -> String {
    let CatalogError::Refused(answer) = &error else { return error.to_string() };
    let challenges = answer.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
    let challenge = www_authenticate::read(challenges).filter(|_| answer.status == 401);
    if answer.body.contains("this is the token server") {
        return format!("{url} is Dockpass itself: give the registry's own address");
    }
    match (challenge, access) {
        (Some(Challenge::Bearer { .. }), CatalogAccess::Token(_)) => format!(
            "{url} refuses a token of this server: `dockpass doctor --registry-url` says why; if the registry is not \
             connected yet, use --username and --password-stdin"
        ),
        (Some(Challenge::Bearer { .. }), CatalogAccess::Password { .. }) => {
            format!("{url} asks for a token: leave out --username and --password-stdin")
        }
        (Some(Challenge::Other(scheme)), CatalogAccess::Token(_)) => {
            format!("{url} asks for {scheme} credentials and not for a token: use --username and --password-stdin")
        }
        (Some(Challenge::Other(_)), CatalogAccess::Password { .. }) => {
            format!("{url} refuses this username or password")
        }
        _ if (300..400).contains(&answer.status) => {
            format!("{url} redirects to {:?}: use that address", answer.header("location"))
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, LINK};

    use super::*;

    #[test]
    fn the_next_page_is_found_in_links_of_every_form() {
        let url = Url::parse("https://hub.example.com/v2/").unwrap();
        let next = |links: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for link in links {
                headers.append(LINK, HeaderValue::from_static(link));
            }
            next(&url, &HttpResponse { status: 200, headers, body: String::new() })
        };
        let query = Some("last=bob%2Fapp&n=2".to_owned());
        assert_eq!(next(&[r#"</v2/_catalog?last=bob%2Fapp&n=2>; rel="next""#]), query);
        assert_eq!(next(&["<http://10.0.0.1:5000/v2/_catalog?last=bob%2Fapp&n=2>;rel=next"]), query);
        assert_eq!(next(&["</a>; rel=prev, <?last=bob%2Fapp&n=2>; title=x; REL=\"next\""]), query);
        assert_eq!(next(&["</a?b>; rel=prev", "<?last=bob%2Fapp&n=2>; rel=next"]), query);
        for none in [&[][..], &["</v2/_catalog?n=2>; rel=\"prev\""], &["</v2/_catalog>; rel=next"], &["nonsense"]] {
            assert_eq!(next(none), None, "{none:?}");
        }
    }
}
