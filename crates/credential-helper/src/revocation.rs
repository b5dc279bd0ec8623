//! Revokes tokens on the server when a sign-in ends on this computer (RFC 7009).

use std::fmt::Display;
use std::time::Duration;

use url::Url;

use crate::credential_file::StoredSecrets;
use crate::credential_store::Credential;
use crate::host::RegistryHost;
use crate::http::HttpClient;
use crate::secret::Secret;
use crate::{discovery, oauth};

/// While a registry client waits.
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Revocation {
    tokens: Vec<Secret>,
    /// `None` where the host's own challenge must name it.
    endpoint: Option<Url>,
}

impl Revocation {
    /// The tokens of a credential that were generated for this computer; a personal access token stays valid.
    pub fn of(credential: Credential) -> Option<Self> {
        let StoredSecrets { secret, refresh_token } = credential.secrets;
        // The refresh token comes first: the access token may have been replaced by a refresh elsewhere.
        let access_token = Some(secret).filter(Secret::is_auto_generated);
        let tokens: Vec<Secret> = refresh_token.into_iter().chain(access_token).collect();
        let endpoint = credential.session.map(|session| session.revocation_endpoint);
        (!tokens.is_empty()).then_some(Self { tokens, endpoint })
    }

    /// Revokes the tokens; returns a sentence if that fails.
    pub async fn send(self, http: &HttpClient, host: &RegistryHost) -> Option<String> {
        let endpoint = match self.endpoint {
            Some(endpoint) => endpoint,
            None => match discovery::discover(http, host, TIMEOUT).await {
                Ok(server) => server.revocation_endpoint,
                Err(error) => return Some(still_valid(error)),
            },
        };
        let mut is_revoked = false;
        for token in &self.tokens {
            match oauth::revoke(http, &endpoint, token).await {
                Ok(()) => is_revoked = true,
                // One token of a session is enough to end it.
                Err(_) if is_revoked => {}
                Err(error) => return Some(still_valid(error.about(&discovery::origin(&endpoint)))),
            }
        }
        None
    }
}

/// What to say of a token that was removed here and not revoked.
pub fn still_valid(reason: impl Display) -> String {
    format!("the token is still valid on the server, where you can delete it: {reason}")
}
