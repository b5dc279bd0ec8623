//! The registry's name, as docker passes it and uses it as a key.

use std::fmt;

use url::{Host as UrlHost, Url};

use crate::error::Error;
use crate::text::is_invisible;

/// Paths that do not change which registry an address means.
const REGISTRY_PATHS: [&str; 6] = ["", "/", "/v1", "/v1/", "/v2", "/v2/"];
/// Docker Hub: the key under which this program stores it, and the address that docker looks for in a helper's list.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "https://index.docker.io/v1/");

/// A registry as `host` or `host:port`, or a host with a path for which docker stores other secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryHost {
    text: String,
    /// Where the path begins in `text`; its length where there is none.
    path_start: usize,
    url: Url,
}

impl RegistryHost {
    /// Reads what a person types or a client passes, without the scheme and a [`REGISTRY_PATHS`] path: docker passes
    /// them at times, and its `credHelpers` have `host[:port]` as key. Any other path stays: docker stores
    /// `…/v1/access-token` and `…/v1/refresh-token` beside `…/v1/`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::NoServer);
        }
        let lower = text.to_ascii_lowercase();
        let scheme = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
        let rest = &text[scheme.map_or(0, str::len)..];
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_invalid = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c);
        let is_invalid_in_host = |c: char| is_invalid(c) || matches!(c, '@' | '?' | '#' | '\\' | '%' | '"');
        let url = Url::parse(&format!("https://{host}/")).ok();
        let url = url.filter(|_| !host.is_empty() && !host.contains(is_invalid_in_host) && !path.contains(is_invalid));
        let path = if REGISTRY_PATHS.contains(&path) { "" } else { path };
        let url = url.ok_or_else(not_a_host)?;
        Ok(Self { text: format!("{host}{path}"), path_start: host.len(), url })
    }

    /// Refuses a host with a path: one can only sign in to a registry.
    pub fn without_path(self) -> Result<Self, Error> {
        if self.path_start == self.text.len() { Ok(self) } else { Err(not_a_host()) }
    }

    /// The host as it was typed: docker compares its keys byte by byte.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key under which its credentials are stored: host names are case-insensitive.
    pub fn key(&self) -> String {
        let (host, path) = self.text.split_at(self.path_start);
        host.to_ascii_lowercase() + path
    }

    /// Whether it is this computer, where plain http is safe.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    pub fn url(&self, scheme: &str, path: &str) -> Option<Url> {
        Url::parse(&format!("{scheme}://{}{path}", &self.text[..self.path_start])).ok()
    }
}

/// The name that `list` prints for a [`RegistryHost::key`].
pub fn listed_name(key: &str) -> &str {
    let (hub, address) = DOCKER_HUB;
    if key == hub { address } else { key }
}

fn not_a_host() -> Error {
    Error::message("that is not a registry host: write host or host:port")
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a URL leads to this computer: 127.0.0.0/8, ::1 or localhost.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(UrlHost::Domain(name)) => name == "localhost",
        Some(UrlHost::Ipv4(address)) => address.is_loopback(),
        Some(UrlHost::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_registry_path_are_dropped_and_port_and_other_paths_stay() {
        for (given, host) in [
            ("hub.example.com", "hub.example.com"),
            ("https://hub.example.com/", "hub.example.com"),
            ("HTTPS://Hub.Example.com/v2/", "Hub.Example.com"),
            ("http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("  [::1]:5000\n", "[::1]:5000"),
            ("https://index.example.com/v1/", "index.example.com"),
            ("index.example.com/v1", "index.example.com"),
            ("index.example.com/v2", "index.example.com"),
            ("https://index.docker.io/v1/access-token", "index.docker.io/v1/access-token"),
            ("https://index.docker.io/v1/refresh-token", "index.docker.io/v1/refresh-token"),
            ("hub.example.com/v3/", "hub.example.com/v3/"),
            ("hub.example.com:443", "hub.example.com:443"),
        ] {
            assert_eq!(RegistryHost::parse(given).unwrap().as_str(), host, "{given}");
        }
        assert_eq!(RegistryHost::parse("Hub.Example.com/A").unwrap().key(), "hub.example.com/A");
        let url = RegistryHost::parse("hub:5000/a/b").unwrap().url("https", "/v2/");
        assert_eq!(url.unwrap().as_str(), "https://hub:5000/v2/");
    }

    #[test]
    fn invalid_hosts_are_refused() {
        for given in [
            "https://",
            "a b",
            "alice@hub",
            "hub:port",
            "hub?x",
            "hub#x",
            "https:///x",
            "h\u{1b}[2J",
            "a%41b",
            "h\u{200b}ub",
            "hub/\u{1b}[2J",
            "hub/a b",
        ] {
            assert_eq!(RegistryHost::parse(given), Err(not_a_host()), "{given:?}");
        }
        for given in ["", " \n"] {
            assert_eq!(RegistryHost::parse(given), Err(Error::NoServer));
        }
    }

    #[test]
    fn only_loopback_addresses_and_localhost_are_this_computer() {
        for host in ["127.0.0.1", "127.9.9.9:80", "localhost:5000", "LOCALHOST", "[::1]:1"] {
            assert!(RegistryHost::parse(host).unwrap().is_loopback(), "{host}");
        }
        for host in ["128.0.0.1", "localhost.example.com", "10.0.0.1", "[::2]", "127.0.0.1.example.com"] {
            assert!(!RegistryHost::parse(host).unwrap().is_loopback(), "{host}");
        }
    }
}
