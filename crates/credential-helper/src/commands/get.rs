//! `get`: prints the username and a valid token, and refreshes the token when it is due.

use std::path::Path;

use url::Url;
use zeroize::Zeroizing;

use crate::credential_format::{DeviceSession, Storage, StoredSecrets};
use crate::credential_store::{Credential, CredentialStore};
use crate::discovery;
use crate::error::Error;
use crate::host::RegistryHost;
use crate::oauth::{self, OAuthError, TokenBody};
use crate::protocol::CredentialBody;
use crate::secret::Secret;
use crate::terminal::{PROGRAM, print_line, warn};

/// A token is refreshed at this age, in seconds.
const REFRESH_AGE: i64 = 24 * 60 * 60;
/// Seconds without a refresh after one that failed: less than the minute for which the server repeats an answer that was
/// lost on the way.
const BACK_OFF: i64 = 30;

pub async fn get(host: &RegistryHost, folder: &Path, now: i64) -> Result<(), Error> {
    let Some(mut store) = CredentialStore::read_if_exists(folder)? else { return Err(Error::NotFound) };
    let mut credential = store.get(host).await?.ok_or(Error::NotFound)?;
    if let Some((endpoint, refresh_token)) = due_refresh(&credential, now).filter(|_| store.is_locked()) {
        match store.prepare_write() {
            Ok(()) => credential = refresh(&mut store, host, credential, &endpoint, &refresh_token, now).await?,
            // A refresh replaces the stored tokens: without a place for the new ones the sign-in would be lost.
            Err(error) => warn(error),
        }
    }
    drop(store);
    let (username, secret) = (credential.username, credential.secrets.secret);
    let body = CredentialBody { server_url: host.to_string(), username, secret };
    let text = serde_json::to_string(&body).map(Zeroizing::new);
    print_line(&text.map_err(|_| Error::message("the credentials cannot be written as JSON"))?)
}

/// Returns the refreshed credential, or the present one where the refresh fails and the sign-in goes on.
async fn refresh(
    store: &mut CredentialStore,
    host: &RegistryHost,
    credential: Credential,
    endpoint: &Url,
    refresh_token: &Secret,
    now: i64,
) -> Result<Credential, Error> {
    match oauth::refresh(endpoint, refresh_token).await {
        Ok(token) => {
            let refreshed = refreshed(credential.clone(), token, now);
            let storage = store.storage().unwrap_or(Storage::File);
            match store.put(host, refreshed.clone(), storage).await {
                Ok(()) => Ok(refreshed),
                // The server repeats its answer until the new token is used: the next call stores it.
                Err(error) => {
                    warn(error);
                    Ok(credential)
                }
            }
        }
        Err(OAuthError::Refused { code, description }) if code == "invalid_grant" => {
            store.remove(host, true).await?;
            let reason = if description == oauth::USED_ELSEWHERE {
                description
            } else {
                format!("the sign-in to {host} expired")
            };
            Err(Error::SignInEnded(format!("{reason}: run {PROGRAM} login {host}")))
        }
        Err(error) => {
            // The token or the account is deactivated and can be activated again. The registry tells its client why.
            if matches!(&error, OAuthError::Refused { code, .. } if code == "access_denied") {
                warn(error.about(&discovery::origin(endpoint)));
            }
            store.back_off(host, now + BACK_OFF).unwrap_or_default();
            Ok(credential)
        }
    }
}

/// Where and with what a token must be refreshed: at [`REFRESH_AGE`], or after half its life if that is shorter.
fn due_refresh(credential: &Credential, now: i64) -> Option<(Url, Secret)> {
    let session = credential.session.as_ref()?;
    let refresh_token = credential.secrets.refresh_token.as_ref()?;
    let age = now - session.issued_at;
    let limit = REFRESH_AGE.min(i64::try_from(session.expires_in / 2).unwrap_or(REFRESH_AGE));
    // A negative age comes from a clock that was set back: the real age is unknown.
    let is_due = age >= limit || age < 0;
    let backs_off = (now + 1..=now + BACK_OFF).contains(&session.back_off_until);
    (is_due && !backs_off).then(|| (session.token_endpoint.clone(), refresh_token.clone()))
}

fn refreshed(credential: Credential, token: TokenBody, now: i64) -> Credential {
    let session = credential.session.map(|session| DeviceSession {
        issued_at: now,
        expires_in: token.expires_in,
        back_off_until: 0,
        previous_fingerprint: Some(credential.secrets.secret.fingerprint()),
        ..session
    });
    let secrets = StoredSecrets { secret: token.access_token, refresh_token: Some(token.refresh_token) };
    Credential { username: token.username, secrets, session }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn credential(age: i64, expires_in: u64, back_off_until: i64) -> Credential {
        let url: Url = "https://hub/".parse().unwrap();
        let session = DeviceSession { back_off_until, ..DeviceSession::new(NOW - age, expires_in, url.clone(), url) };
        let secrets = StoredSecrets { secret: Secret::from("dp_dev_x"), refresh_token: Some(Secret::from("dp_ref_x")) };
        Credential { username: "alice".to_owned(), secrets, session: Some(session) }
    }

    #[test]
    fn a_token_is_due_after_a_day_or_half_its_life() {
        let month = 30 * 86_400;
        for (age, expires_in, is_due) in [
            (0, month, false),
            (86_399, month, false),
            (86_400, month, true),
            (1_799, 3_600, false),
            (1_800, 3_600, true),
            (0, 0, true),
            (86_400, u64::MAX, true),
            (-1, month, true),
        ] {
            assert_eq!(due_refresh(&credential(age, expires_in, 0), NOW).is_some(), is_due, "{age} of {expires_in}");
        }
    }

    #[test]
    fn after_a_failure_it_backs_off_but_never_for_long() {
        for (back_off_until, is_due) in
            [(NOW + 30, false), (NOW + 1, false), (NOW, true), (NOW - 5, true), (NOW + 31, true)]
        {
            let credential = credential(86_400, 3_600, back_off_until);
            assert_eq!(due_refresh(&credential, NOW).is_some(), is_due, "{back_off_until}");
        }
    }
}
