//! What handlers take from a request.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use dockpass_core::activity::ClientInfo;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::user_agent;

use crate::app::App;
use crate::config::Config;
use crate::error::Error;

#[derive(Debug, Clone, Copy)]
pub struct Now(pub Timestamp);

impl FromRequestParts<App> for Now {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Now(app.clock.now()))
    }
}

/// The id in an address. Other texts are not found and never reach the database: PostgreSQL takes no NUL.
#[derive(Debug)]
pub struct Id(pub String);

impl FromRequestParts<App> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| Error::NotFound)?;
        Self::parse(id)
    }
}

impl Id {
    /// Reads an id from elsewhere, such as a query.
    pub fn parse(id: String) -> Result<Self, Error> {
        let is_uuid = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if is_uuid { Ok(Self(id)) } else { Err(Error::NotFound) }
    }
}

/// The address of the client, behind the proxies that the settings trust.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(address)| address.ip().to_canonical());
        Ok(ClientAddress(behind_proxies(peer, &parts.headers, &app.config)))
    }
}

/// Reads `X-Forwarded-For` from its end, where the nearest proxy wrote, up to the first address that is not a trusted
/// proxy. Anyone could have sent what comes before it.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, config: &Config) -> IpAddr {
    let mut client = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for text in forwarded.into_iter().rev() {
        if !config.trusts(client) {
            break;
        }
        match text.parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

impl FromRequestParts<App> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(ClientInfo { address: address.to_string(), client: user_agent::shorten(agent) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn config(trusted: &str) -> Config {
        let settings =
            Settings { listen: "127.0.0.1:0".into(), trusted_proxies: Some(trusted.into()), ..Settings::default() };
        Config::check(&settings).unwrap()
    }

    fn client(trusted: &str, forwarded: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        behind_proxies("10.0.0.1".parse().unwrap(), &headers, &config(trusted)).to_string()
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        assert_eq!(client("", "1.2.3.4"), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "1.2.3.4"), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "6.6.6.6, 1.2.3.4, 10.0.0.9"), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "nonsense"), "10.0.0.1");
    }
}
