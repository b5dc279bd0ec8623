//! Reading requests to the OAuth endpoints, and refusing them (RFC 6749 section 5.2).

use axum::Json;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dockpass_core::client_name::ClientName;
use serde_json::json;
use zeroize::Zeroizing;

use super::tokens::actions::DeviceClient;
use crate::web::page::{private, retry_after};

/// The grant type with which a program polls (RFC 8628 section 3.4).
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The grant type with which it renews its token.
pub const REFRESH_GRANT: &str = "refresh_token";

/// An OAuth error response.
#[derive(Debug)]
pub struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    wait: Option<std::time::Duration>,
}

impl OAuthError {
    /// 400 with an error code and a sentence.
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

    fn missing(name: &str) -> Self {
        Self::new("invalid_request", format!("the parameter {name} is missing"))
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

/// The parameters of a form.
#[derive(Debug)]
pub struct Parameters<'f>(pub &'f [(String, String)]);

impl Parameters<'_> {
    /// An optional parameter. Without a value it counts as missing, and twice it is an error (RFC 6749 section 3.2).
    pub fn optional(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next().filter(|value| !value.is_empty());
        match values.next() {
            None => Ok(first),
            Some(_) => Err(OAuthError::new("invalid_request", format!("the parameter {name} is there twice"))),
        }
    }

    /// A required parameter.
    pub fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.optional(name)?.ok_or_else(|| OAuthError::missing(name))
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

/// The program and the device of a request for codes.
pub fn client(headers: &HeaderMap, form: &Parameters<'_>) -> Result<DeviceClient, OAuthError> {
    let program = form.program(headers)?;
    Ok(DeviceClient { program, device: form.optional("device_name")?.and_then(ClientName::parse) })
}

/// A request to the token endpoint. `Debug` hides the codes.
pub enum OAuthGrant {
    /// A poll with a device code.
    Device(Zeroizing<String>),
    /// A refresh with a refresh token.
    Refresh(Zeroizing<String>),
}

impl std::fmt::Debug for OAuthGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OAuthGrant(…)")
    }
}

/// The program and the grant of a request to the token endpoint.
pub fn grant(headers: &HeaderMap, form: &Parameters<'_>) -> Result<(ClientName, OAuthGrant), OAuthError> {
    let secret = |text: &str| Zeroizing::new(text.to_owned());
    let kind = form.required("grant_type")?;
    if kind != DEVICE_GRANT && kind != REFRESH_GRANT {
        let description = "this endpoint knows only the grants of devices: device_code and refresh_token";
        return Err(OAuthError::new("unsupported_grant_type", description));
    }
    let program = form.program(headers)?;
    let grant = if kind == DEVICE_GRANT {
        OAuthGrant::Device(secret(form.required("device_code")?))
    } else {
        OAuthGrant::Refresh(secret(form.required("refresh_token")?))
    };
    Ok((program, grant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<(ClientName, OAuthGrant), &'static str> {
        let form: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        grant(&HeaderMap::new(), &Parameters(&form)).map_err(|error| error.error)
    }

    #[test]
    fn parameters_are_there_once_and_have_a_value() {
        let (kind, client) = (("grant_type", DEVICE_GRANT), ("client_id", "helper"));
        assert!(read(&[kind, client, ("device_code", "x"), ("extra", "1"), ("extra", "2")]).is_ok());
        for wrong in [
            &[client, ("device_code", "x")][..],
            &[kind, ("device_code", "x")],
            &[kind, ("client_id", ""), ("device_code", "x")],
            &[kind, client],
            &[kind, client, ("device_code", "x"), ("device_code", "x")],
            &[("grant_type", REFRESH_GRANT), client, ("device_code", "x")],
        ] {
            assert_eq!(read(wrong).unwrap_err(), "invalid_request", "{wrong:?}");
        }
        assert_eq!(read(&[("grant_type", "password"), client]).unwrap_err(), "unsupported_grant_type");
        let secret = [kind, client, ("device_code", "x"), ("client_secret", "s")];
        assert_eq!(read(&secret).unwrap_err(), "invalid_client");
    }
}
