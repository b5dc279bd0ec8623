//! The checks of single settings.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use dockpass_core::secret::SecretHash;
use ipnet::IpNet;
use url::Url;

use crate::platform::text_input;

/// A sentence for every mistake.
#[derive(Default)]
pub(super) struct Mistakes(pub(super) Vec<String>);

impl Mistakes {
    pub(super) fn take<T, E: Display>(
        &mut self,
        flag: &str,
        text: &str,
        check: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        check(text).map_err(|reason| self.0.push(format!("{flag} {text:?} {reason}"))).ok()
    }

    /// Whether a text is the second of two words; a mistake if it is neither.
    pub(super) fn second_of(&mut self, flag: &str, text: &str, [first, second]: [&str; 2]) -> bool {
        let is_either = text == first || text == second;
        let check = |_: &str| is_either.then_some(()).ok_or_else(|| format!("must be {first} or {second}"));
        self.take(flag, text, check);
        text == second
    }

    pub(super) fn number(&mut self, flag: &str, text: &str, max: u16) -> u16 {
        let number = |text: &str| text.parse().ok().filter(|count| (1..=max).contains(count));
        let check = |text: &str| number(text).ok_or_else(|| format!("is not a whole number from 1 to {max}"));
        self.take(flag, text, check).unwrap_or_default()
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let first = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    first.ok_or("is not an address and port, such as 127.0.0.1:8080")
}

pub(super) fn public_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("must begin with http:// or https:// and name a host");
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    // A path would never work, because registry clients look for /v2/ at the root of a host.
    if bare && url.password().is_none() {
        Ok(url)
    } else {
        Err("must consist of scheme, host and port, without a path")
    }
}

pub(super) fn host(text: &str) -> Result<String, &'static str> {
    let is_invalid = |c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#');
    let is_host = !text.is_empty() && !text.contains(is_invalid);
    is_host.then(|| text.to_owned()).ok_or("is not a host with an optional port")
}

pub(super) fn name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        return Err("must not be empty or contain quotes, backslashes or control characters");
    }
    Ok(())
}

/// Peers are compared in their canonical form, so networks of IPv4 in IPv6 (`::ffff:10.0.0.0/104`) become IPv4 too.
pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = IpNet::from_str(text).or_else(|_| IpAddr::from_str(text).map(IpNet::from));
    let network = network.map_err(|_| "is not an address or a CIDR, such as 10.0.0.0/8")?;
    let prefix = network.prefix_len().checked_sub(96).filter(|_| matches!(network, IpNet::V6(_)));
    let mapped = prefix.and_then(|prefix| IpNet::new(network.addr().to_canonical(), prefix).ok());
    Ok(mapped.filter(|mapped| matches!(mapped, IpNet::V4(_))).unwrap_or(network))
}

/// The file contains one line. Short secrets are refused, because they could be guessed.
pub(super) fn events_secret(path: &std::path::Path) -> Result<SecretHash, &'static str> {
    let text = text_input::read_file(path).map_err(|_| "cannot be read")?;
    let secret = text.trim();
    let is_header = !secret.is_empty() && secret.chars().all(|c| c.is_ascii_graphic());
    let is_right = is_header && secret.len() >= 16;
    is_right
        .then(|| SecretHash::of(secret))
        .ok_or("must contain one line of at least 16 printable characters without spaces")
}
