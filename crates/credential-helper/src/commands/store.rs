//! `store`: stores what `docker login` was given.

use std::path::Path;

use crate::credential_format::StoredSecrets;
use crate::credential_store::{Credential, CredentialStore, choose_storage};
use crate::error::Error;
use crate::host::RegistryHost;
use crate::protocol::CredentialBody;
use crate::revocation::revoke;
use crate::secret::Secret;
use crate::terminal::warn;

pub async fn store(input: &str, folder: &Path) -> Result<(), Error> {
    // serde's own words could quote the secret.
    let body: CredentialBody =
        serde_json::from_str(input).map_err(|_| Error::message("the credentials on standard input are not JSON"))?;
    let host = RegistryHost::parse(&body.server_url)?;
    if body.username.is_empty() {
        return Err(Error::NoUsername);
    }
    let CredentialBody { username, secret, .. } = body;
    let mut store = CredentialStore::open(folder)?;
    let before = store.get(&host).await.ok().flatten();
    if before.as_ref().is_some_and(|before| is_from_session(before, &username, &secret)) {
        return Ok(());
    }
    let storage = match store.storage() {
        Some(storage) => storage,
        None => {
            let (storage, reason) = choose_storage().await;
            let path = store.path().display();
            match reason {
                Some(reason) => warn(format!("credentials are stored in {path} ({reason})")),
                None => warn("credentials are stored in your keyring"),
            }
            storage
        }
    };
    let secrets = StoredSecrets { secret, refresh_token: None };
    store.put(&host, Credential { username, secrets, session: None }, storage).await?;
    drop(store);
    if let Some(before) = before
        && let Some(sentence) = revoke(before, &host).await
    {
        warn(sentence);
    }
    Ok(())
}

/// `docker login` stores again what `get` gave it, and another process may have refreshed the token meanwhile: the
/// session stays. Any other secret replaces the session.
fn is_from_session(before: &Credential, username: &str, secret: &Secret) -> bool {
    let previous = before.session.as_ref().and_then(|session| session.previous_fingerprint.as_ref());
    let is_previous = previous.is_some_and(|previous| *previous == secret.fingerprint());
    before.username == username && (before.secrets.secret == *secret || is_previous)
}
