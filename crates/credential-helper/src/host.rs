//! The registry's name, as docker passes and keys it.

use std::fmt;

use url::{Host as UrlHost, Url};

use crate::{failure::Failure, terminal::is_unseen};

/// What stands behind the host in addresses of one and the same registry.
const NO_PATHS: [&str; 6] = ["", "/", "/v1", "/v1/", "/v2", "/v2/"];
/// docker knows its Hub by this address alone, and looks it up in a helper's list.
const DOCKER_HUB: [&str; 2] = ["index.docker.io", "https://index.docker.io/v1/"];

/// A registry: `host` or `host:port`; or what else docker keeps secrets for, with a path behind that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    text: String,
    /// Where `text` goes on with a path, if it does.
    path: usize,
    url: Url,
}

impl Host {
    /// Reads what a person types or a client passes. The scheme goes and the path of the registry's own protocol:
    /// docker passes them at times, and its `credHelpers` are keyed by `host[:port]`. Any other path stays: docker keeps
    /// `…/v1/access-token` and `…/v1/refresh-token` beside `…/v1/`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::NoServer);
        }
        let lower = text.to_ascii_lowercase();
        let scheme = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
        let rest = &text[scheme.map_or(0, str::len)..];
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || is_unseen(c);
        let is_odd_in_host = |c: char| is_odd(c) || matches!(c, '@' | '?' | '#' | '\\' | '%' | '"');
        let url = Url::parse(&format!("https://{host}/")).ok();
        let url = url.filter(|_| !host.is_empty() && !host.contains(is_odd_in_host) && !path.contains(is_odd));
        let path = if NO_PATHS.contains(&path) { "" } else { path };
        match url {
            Some(url) => Ok(Self { text: format!("{host}{path}"), path: host.len(), url }),
            None => Err(no_host()),
        }
    }

    /// Makes sure that it is nothing but a registry: there is no signing in to a path.
    pub fn alone(self) -> Result<Self, Failure> {
        if self.path == self.text.len() { Ok(self) } else { Err(no_host()) }
    }

    /// As it was typed: docker compares its keys letter by letter.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One spelling for all: names of hosts know no case.
    pub fn key(&self) -> String {
        let (host, path) = self.text.split_at(self.path);
        host.to_ascii_lowercase() + path
    }

    /// Whether it is this computer, where plain http is no risk.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// The address of a path on it.
    pub fn url(&self, scheme: &str, path: &str) -> Option<Url> {
        Url::parse(&format!("{scheme}://{}{path}", &self.text[..self.path])).ok()
    }
}

/// What docker looks up for a [`Host::key`] among what `list` gives.
pub fn listed(key: &str) -> &str {
    let [hub, address] = DOCKER_HUB;
    if key == hub { address } else { key }
}

fn no_host() -> Failure {
    Failure::said("that is no registry host: it is written host or host:port")
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether an address leads to this computer: 127.0.0.0/8, ::1 or localhost.
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
    fn the_scheme_and_the_protocols_path_go_and_the_port_and_any_other_path_stay() {
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
            assert_eq!(Host::parse(given).unwrap().as_str(), host, "{given}");
        }
        assert_eq!(Host::parse("Hub.Example.com/A").unwrap().key(), "hub.example.com/A");
        let url = Host::parse("hub:5000/a/b").unwrap().url("https", "/v2/");
        assert_eq!(url.unwrap().as_str(), "https://hub:5000/v2/");
    }

    #[test]
    fn a_path_is_no_registry() {
        assert!(Host::parse("hub/v2/").unwrap().alone().is_ok());
        assert_eq!(Host::parse("hub/alice/app").unwrap().alone(), Err(no_host()));
    }

    #[test]
    fn docker_finds_its_hub_in_the_list() {
        assert_eq!(listed(&Host::parse("https://index.docker.io/v1/").unwrap().key()), "https://index.docker.io/v1/");
        assert_eq!(listed("hub:5000"), "hub:5000");
        assert_eq!(listed("index.docker.io/v1/access-token"), "index.docker.io/v1/access-token");
    }

    #[test]
    fn what_is_no_host_is_refused() {
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
            assert!(matches!(Host::parse(given), Err(Failure::Said(_))), "{given:?}");
        }
        for given in ["", " \n"] {
            assert_eq!(Host::parse(given), Err(Failure::NoServer));
        }
    }

    #[test]
    fn this_computer_is_known_by_its_addresses_alone() {
        for host in ["127.0.0.1", "127.9.9.9:80", "localhost:5000", "LOCALHOST", "[::1]:1"] {
            assert!(Host::parse(host).unwrap().is_loopback(), "{host}");
        }
        for host in ["128.0.0.1", "localhost.example.com", "10.0.0.1", "[::2]", "127.0.0.1.example.com"] {
            assert!(!Host::parse(host).unwrap().is_loopback(), "{host}");
        }
    }
}
