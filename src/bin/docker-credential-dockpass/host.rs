//! The registry's name, as docker passes and keys it.

use std::fmt;

use url::{Host as UrlHost, Url};

use crate::{failure::Failure, terminal::is_unseen};

/// A registry: `host` or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    text: String,
    url: Url,
}

impl Host {
    /// Reads what a person types or a client passes. Scheme and path go: docker passes them at times, and its
    /// `credHelpers` are keyed by `host[:port]`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::NoServer);
        }
        let lower = text.to_ascii_lowercase();
        let scheme = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
        let rest = &text[scheme.map_or(0, str::len)..];
        let text = rest.split('/').next().unwrap_or_default();
        let odd = |c: char| {
            c.is_whitespace() || c.is_control() || is_unseen(c) || matches!(c, '@' | '?' | '#' | '\\' | '%' | '"')
        };
        let url = Url::parse(&format!("https://{text}/")).ok().filter(|_| !text.is_empty() && !text.contains(odd));
        match url {
            Some(url) => Ok(Self { text: text.to_owned(), url }),
            None => Err(Failure::said("that is no registry host: it is written host or host:port")),
        }
    }

    /// As it was typed: docker compares its keys letter by letter.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One spelling for all: names of hosts know no case.
    pub fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// Whether it is this computer, where plain http is no risk.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// The address of a path on it.
    pub fn url(&self, scheme: &str, path: &str) -> Option<Url> {
        Url::parse(&format!("{scheme}://{}{path}", self.text)).ok()
    }
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
    fn scheme_and_path_go_and_the_port_stays() {
        for (given, host) in [
            ("hub.example.com", "hub.example.com"),
            ("https://hub.example.com/", "hub.example.com"),
            ("HTTPS://Hub.Example.com/v2/", "Hub.Example.com"),
            ("http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("  [::1]:5000\n", "[::1]:5000"),
            ("https://index.example.com/v1/", "index.example.com"),
            ("hub.example.com:443", "hub.example.com:443"),
        ] {
            assert_eq!(Host::parse(given).unwrap().as_str(), host, "{given}");
        }
        assert_eq!(Host::parse("Hub.Example.com").unwrap().key(), "hub.example.com");
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
