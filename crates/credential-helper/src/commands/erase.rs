//! `erase`: removes a host's credentials here and revokes them on the server.

use std::path::Path;

use crate::credential_store::CredentialStore;
use crate::error::Error;
use crate::host::RegistryHost;
use crate::revocation::{revoke, still_valid};
use crate::terminal::warn;

/// Runs the command. It succeeds where nothing is stored: podman 4 and skopeo 1.9 crash when a helper fails here.
pub async fn erase(host: &RegistryHost, folder: &Path) -> Result<(), Error> {
    remove(host, folder).await?.problems.iter().for_each(warn);
    Ok(())
}

#[derive(Default)]
pub struct Removal {
    pub existed: bool,
    /// What could not be removed, in sentences.
    pub problems: Vec<String>,
}

/// Removes a host's credentials here, then on the server.
pub async fn remove(host: &RegistryHost, folder: &Path) -> Result<Removal, Error> {
    let Some(mut store) = CredentialStore::open_if_exists(folder)? else { return Ok(Removal::default()) };
    let existed = store.usernames().contains_key(host.key().as_str());
    let has_session = store.has_session(host);
    let credential = store.get(host).await;
    let left_in_keyring = store.remove(host, false).await?;
    // Other processes need not wait for the server.
    drop(store);
    let left_in_keyring =
        left_in_keyring.map(|reason| format!("the token for {host} is still in the keyring: {reason}"));
    let left_on_server = match credential {
        Ok(Some(credential)) => revoke(credential, host).await,
        // Nothing can revoke a token without its secret.
        Ok(None) => has_session.then(|| still_valid("it is no longer in the keyring")),
        Err(error) => has_session.then(|| still_valid(error)),
    };
    Ok(Removal { existed, problems: left_in_keyring.into_iter().chain(left_on_server).collect() })
}
