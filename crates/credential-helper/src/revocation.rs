//! Revokes tokens on the server when a sign-in ends on this computer (RFC 7009).

use std::fmt::Display;
use std::time::Duration;

use crate::credential_format::StoredSecrets;
use crate::credential_store::Credential;
use crate::host::RegistryHost;
use crate::secret::Secret;
use crate::{discovery, oauth};

/// While a registry client waits.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Revokes the tokens of a credential that were generated for this computer; a personal access token stays valid. Returns
/// a sentence if that fails.
pub async fn revoke(credential: Credential, host: &RegistryHost) -> Option<String> {
    let StoredSecrets { secret, refresh_token } = credential.secrets;
    // The refresh token comes first: the access token may have been replaced by a refresh elsewhere.
    let access_token = Some(secret).filter(Secret::is_auto_generated);
    let tokens: Vec<Secret> = refresh_token.into_iter().chain(access_token).collect();
    if tokens.is_empty() {
        return None;
    }
    let endpoint = match credential.session {
        Some(session) => session.revocation_endpoint,
        // The host's own challenge names it.
        None => match discovery::discover(host, TIMEOUT).await {
            Ok(server) => server.revocation_endpoint,
            Err(error) => return Some(still_valid(error)),
        },
    };
    let mut is_revoked = false;
    for token in &tokens {
        match oauth::revoke(&endpoint, token).await {
            Ok(()) => is_revoked = true,
            // One token of a session is enough to end it.
            Err(_) if is_revoked => {}
            Err(error) => return Some(still_valid(error.about(&discovery::origin(&endpoint)))),
        }
    }
    None
}

/// What to say of a token that was removed here and not revoked.
pub fn still_valid(reason: impl Display) -> String {
    format!("the token is still valid on the server, where you can delete it: {reason}")
}
