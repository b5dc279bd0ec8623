//! What proxies in front of the server say about the client.
//!
//! Only `X-Forwarded-For` and `X-Forwarded-Proto` of trusted proxies are believed. `Forwarded` and `X-Real-IP` never are:
//! a proxy that does not set them passes on what the client sent.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::ConnectInfo;
use axum::http::header::{FORWARDED, HOST, ORIGIN, USER_AGENT, VIA};
use axum::http::{Extensions, HeaderMap, HeaderName};

use crate::config::{Config, Urls};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Where the connection comes from.
pub fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(address)| address.ip().to_canonical())
}

/// The address of the client. Reads `X-Forwarded-For` from its end, where the nearest proxy wrote, up to the first address
/// that is not a trusted proxy. Anyone could have sent what comes before it.
pub fn client(peer: IpAddr, headers: &HeaderMap, config: &Config) -> IpAddr {
    static UNTRUSTED: Once = Once::new();
    static UNREADABLE: Once = Once::new();
    let mut client = peer;
    if !config.trusts(peer) {
        if is_forwarded(headers) {
            UNTRUSTED.call_once(|| {
                tracing::warn!(%peer, "forwarded headers of a peer that is not in --trusted-proxies are not believed");
            });
        }
        return client;
    }
    let lines = headers.get_all(FOR);
    let elements: Vec<&[u8]> = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).collect();
    for element in elements.into_iter().rev().map(<[u8]>::trim_ascii).filter(|element| !element.is_empty()) {
        if !config.trusts(client) {
            break;
        }
        let Some(address) = address(element) else {
            UNREADABLE.call_once(|| {
                let element = element.escape_ascii().to_string();
                tracing::warn!(%peer, element, "X-Forwarded-For of a trusted proxy cannot be read: clients count as one");
            });
            break;
        };
        client = address;
    }
    client
}

/// An element of `X-Forwarded-For`: `a`, `a:port`, `[v6]` or `[v6]:port`.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?;
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok().or_else(in_brackets);
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    [FOR, PROTO, REAL_IP, FORWARDED, VIA].iter().any(|name| headers.contains_key(name))
}

/// Whether the browser came by plain http although the public URL is https. It then keeps no cookie of ours, and would
/// come back to the sign-in page for ever.
///
/// Proxies need not say the scheme. Where none does, the `Origin` tells it, or a `Host` that is not the public URL's in a
/// request that no proxy forwarded, or the missing `Sec-Fetch-Site`: browsers send it by https and to loopback only.
pub fn is_plain_http(peer: IpAddr, headers: &HeaderMap, config: &Config, urls: &Urls) -> bool {
    if !urls.is_secure {
        return false;
    }
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(schemes) = text(&PROTO).filter(|_| config.trusts(peer)) {
        return !schemes.rsplit(',').next().is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
    }
    if let Some((scheme, _)) = text(&ORIGIN).and_then(|origin| origin.split_once("://")) {
        return scheme == "http";
    }
    let host = text(&HOST).unwrap_or_default().to_ascii_lowercase();
    let public = urls.public.trim_start_matches("https://");
    if !is_forwarded(headers) && host.strip_suffix(":443").unwrap_or(&host) != public {
        return true;
    }
    let agent = text(&USER_AGENT).unwrap_or_default();
    let sends_fetch_metadata = agent.contains("Chrome/") || agent.contains("Firefox/");
    sends_fetch_metadata && !headers.contains_key("sec-fetch-site")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn config(trusted: &str) -> Config {
        let (listen, public_url) = ("127.0.0.1:0".into(), Some("https://hub.example.com".into()));
        let settings = Settings { listen, public_url, trusted_proxies: Some(trusted.into()), ..Settings::default() };
        Config::check(&settings).unwrap()
    }

    fn seen(trusted: &str, forwarded: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FOR, axum::http::HeaderValue::from_bytes(line).unwrap());
        }
        headers.insert(REAL_IP, "9.9.9.9".parse().unwrap());
        headers.insert(FORWARDED, "for=9.9.9.9".parse().unwrap());
        client("10.0.0.1".parse().unwrap(), &headers, &config(trusted)).to_string()
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        assert_eq!(seen("", &[b"1.2.3.4"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.0/8", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.0/8", &[b"1.2.3.4"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.0/8", &[b"6.6.6.6, 1.2.3.4, 10.0.0.9"]), "1.2.3.4");
        assert_eq!(seen("10.0.0.0/8", &[b"6.6.6.6", b"1.2.3.4", b" , 10.0.0.9 ,"]), "1.2.3.4");
        assert_eq!(seen("::ffff:10.0.0.0/104", &[b"1.2.3.4"]), "1.2.3.4");
        assert_eq!(seen("::ffff:10.0.0.1", &[b"::ffff:1.2.3.4"]), "1.2.3.4");
    }

    #[test]
    fn every_form_of_an_address_is_read() {
        for (element, address) in [
            ("198.51.100.7:40001", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:40001", "2001:db8::7"),
            ("[::ffff:198.51.100.7]:1", "198.51.100.7"),
            ("\t198.51.100.7 ", "198.51.100.7"),
            ("nonsense", "10.0.0.1"),
            ("unknown, 198.51.100.7", "198.51.100.7"),
            ("198.51.100.7, unknown", "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.0/8", &[element.as_bytes()]), address, "{element}");
        }
        assert_eq!(seen("10.0.0.0/8", &[b"\xff\xfe, 198.51.100.7"]), "198.51.100.7", "a client sends any bytes");
    }

    #[test]
    fn plain_http_is_noticed() {
        let is_plain = |lines: &[(&'static str, &str)]| {
            let headers = lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            let (config, peer) = (config("10.0.0.1"), "10.0.0.1".parse().unwrap());
            is_plain_http(peer, &headers.collect(), &config, &config.urls("127.0.0.1:1".parse().unwrap()))
        };
        let (host, agent) = (("host", "hub.example.com"), ("user-agent", "Mozilla/5.0 Firefox/140.0"));
        assert!(is_plain(&[("host", "10.0.0.2:8080")]));
        assert!(is_plain(&[host, ("origin", "http://hub.example.com")]));
        assert!(is_plain(&[host, ("x-forwarded-proto", "http")]));
        assert!(is_plain(&[host, agent]));
        assert!(!is_plain(&[host, agent, ("sec-fetch-site", "none")]));
        assert!(!is_plain(&[host, ("origin", "https://hub.example.com")]));
        assert!(!is_plain(&[("host", "127.0.0.1:8080"), ("x-forwarded-proto", "https")]));
        assert!(
            !is_plain(&[("host", "127.0.0.1:8080"), ("x-forwarded-for", "1.2.3.4")]),
            "a proxy may change the host"
        );
        assert!(!is_plain(&[("host", "HUB.example.com:443")]));
    }
}
