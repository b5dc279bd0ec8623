//! Reading requests to the OAuth endpoints, and refusing them (RFC 6749 section 5.2).

use axum::Json;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dockpass_core::client_name::{ClientName, DeviceClient};
use serde_json::json;

use crate::web::page::{private, retry_after};

/// The grant type with which a program polls (RFC 8628 section 3.4).
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The grant type with which it renews its token.
pub const REFRESH_GRANT: &str = "refresh_token";

#[derive(Debug)]
pub struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    wait: Option<std::time::Duration>,
}

impl OAuthError {
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.into(), wait: None }
    }

    /// 429: too many codes wait for a decision.
    pub fn full(wait: time::Duration) -> Self {
        let wait = std::time::Duration::from_secs(wait.whole_seconds().max(0).unsigned_abs() + 1);
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "temporarily_unavailable",
            description: format!("too many sign-ins wait for a decision: try again in {} seconds", wait.as_secs()),
            wait: Some(wait),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.error, "error_description": self.description}));
        let mut response = private((self.status, body));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"dockpass\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        retry_after(response, self.wait)
    }
}

#[derive(Debug)]
pub struct Parameters<'f>(pub &'f [(String, String)]);

impl<'f> Parameters<'f> {
    /// An optional parameter. Without a value it counts as missing, and twice it is an error (RFC 6749 section 3.2).
    pub fn optional(&self, name: &str) -> Result<Option<&'f str>, OAuthError> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next().filter(|value| !value.is_empty());
        match values.next() {
            None => Ok(first),
            Some(_) => Err(OAuthError::new("invalid_request", format!("the parameter {name} is there twice"))),
        }
    }

    pub fn required(&self, name: &str) -> Result<&'f str, OAuthError> {
        let missing = || OAuthError::new("invalid_request", format!("the parameter {name} is missing"));
        self.optional(name)?.ok_or_else(missing)
    }

    /// The program, by the name it gives itself. Any name is accepted, but no secret: this server gives out none, so a
    /// program that sends one means another server.
    pub fn program(&self, headers: &HeaderMap) -> Result<ClientName, OAuthError> {
        let public = "this server knows only public clients: send client_id without a secret";
        if headers.contains_key(AUTHORIZATION) {
            return Err(OAuthError { status: StatusCode::UNAUTHORIZED, ..OAuthError::new("invalid_client", public) });
        }
        if self.optional("client_secret")?.is_some() {
            return Err(OAuthError::new("invalid_client", public));
        }
        let name = self.required("client_id")?;
        ClientName::parse(name)
            .ok_or_else(|| OAuthError::new("invalid_client", "client_id has no printable characters"))
    }
}

pub fn client(headers: &HeaderMap, form: &Parameters<'_>) -> Result<DeviceClient, OAuthError> {
    let program = form.program(headers)?;
    Ok(DeviceClient { program, device: form.optional("device_name")?.and_then(ClientName::parse) })
}

/// A request to the token endpoint, with its code.
pub enum OAuthGrant<'f> {
    Device(&'f str),
    Refresh(&'f str),
}

pub fn grant<'f>(headers: &HeaderMap, form: &Parameters<'f>) -> Result<(ClientName, OAuthGrant<'f>), OAuthError> {
    let kind = form.required("grant_type")?;
    if kind != DEVICE_GRANT && kind != REFRESH_GRANT {
        let description = "this endpoint knows only the grants of devices: device_code and refresh_token";
        return Err(OAuthError::new("unsupported_grant_type", description));
    }
    let program = form.program(headers)?;
    Ok(match kind {
        DEVICE_GRANT => (program, OAuthGrant::Device(form.required("device_code")?)),
        _ => (program, OAuthGrant::Refresh(form.required("refresh_token")?)),
    })
}
