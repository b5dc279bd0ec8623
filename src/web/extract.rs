//! What handlers take from a request.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, Path};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use dockpass_core::activity::ClientInfo;
use dockpass_core::timestamp::Timestamp;
use dockpass_core::user_agent;

use super::proxies;
use crate::app::App;
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
        Ok(ClientAddress(proxies::client(proxies::peer(&parts.extensions), &parts.headers, &app.config)))
    }
}

impl FromRequestParts<App> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(ClientInfo { address: address.to_string(), client: user_agent::shorten(agent) })
    }
}
