//! From where a request comes, as the security log says it.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header::USER_AGENT, request::Parts},
};
use dockpass_core::{activity::ClientInfo, user_agent};

use super::extract::ClientAddress;
use crate::app::App;

impl FromRequestParts<App> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(ClientInfo { address: address.to_string(), client: user_agent::shorten(agent) })
    }
}
