//! The keyring of the desktop: the Secret Service of freedesktop.org, which GNOME, KDE and KeePassXC offer.
//!
//! Callers hold the lock of [`crate::credentials`], except where a folder that can only be read lets nobody lock:
//! gnome-keyring 50 falls over when two programs open encrypted sessions at once.

use std::{collections::HashMap, time::Duration};

use secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use zeroize::Zeroizing;

use crate::terminal::{one_line, warn};

/// Time for a person to unlock the keyring. A prompt that nobody sees never ends by itself.
const LIMIT: Duration = Duration::from_secs(60);
/// Said before such a prompt: whoever looks at the terminal alone would wait for nothing that can be seen there.
const LOCKED: &str = "the keyring is locked: a window of your desktop asks for its password";
const APPLICATION: &str = "docker-credential-dockpass";
/// No host has this name: a colon is followed by a port.
const PROBE: &str = "probe:";

/// Whether secrets can be kept there: one is written, read and removed. The error is the reason, in words.
pub async fn probe() -> Result<(), String> {
    let text = "docker-credential-dockpass was here";
    write(PROBE, text).await?;
    let read = read(PROBE).await;
    remove(PROBE).await?;
    match read?.is_some_and(|found| *found == text.as_bytes()) {
        true => Ok(()),
        false => Err("the keyring does not keep what it is given".to_owned()),
    }
}

/// Keeps a secret for a host, in place of the one that it had.
pub async fn write(host: &str, secret: &str) -> Result<(), String> {
    within(async {
        let service = connect().await?;
        let collection = open(&service).await?;
        let label = format!("Sign-in of this computer to {host} (dockpass)");
        // The type that every keyring's own window can show.
        collection.create_item(&label, attributes(host), secret.as_bytes(), true, "text/plain").await?;
        Ok(())
    })
    .await
}

/// The secret of a host, if there is one.
pub async fn read(host: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    within(async {
        let service = connect().await?;
        let collection = open(&service).await?;
        let Some(item) = find(&collection, host).await?.into_iter().next() else { return Ok(None) };
        if item.is_locked().await? {
            warn(LOCKED);
            item.unlock().await?;
        }
        item.get_secret().await.map(|secret| Some(Zeroizing::new(secret)))
    })
    .await
}

/// Forgets the secret of a host.
pub async fn remove(host: &str) -> Result<(), String> {
    within(async {
        let service = connect().await?;
        let collection = open(&service).await?;
        for item in find(&collection, host).await? {
            item.delete().await?;
        }
        Ok(())
    })
    .await
}

async fn connect() -> Result<SecretService<'static>, Error> {
    // No bus, nobody on it who keeps secrets: the many words for it are one to a person.
    SecretService::connect(EncryptionType::Dh).await.map_err(|_| Error::Unavailable)
}

/// The default collection, unlocked: whoever sits at the computer is asked.
async fn open<'a>(service: &'a SecretService<'_>) -> Result<Collection<'a>, Error> {
    let collection = service.get_default_collection().await?;
    if collection.is_locked().await? {
        warn(LOCKED);
        collection.unlock().await?;
    }
    Ok(collection)
}

async fn find<'a>(collection: &'a Collection<'_>, host: &str) -> Result<Vec<Item<'a>>, Error> {
    collection.search_items(attributes(host)).await
}

fn attributes(host: &str) -> HashMap<&str, &str> {
    HashMap::from([("application", APPLICATION), ("host", host)])
}

async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done.map_err(|error| reason(&error)),
        Err(_) => Err("the keyring does not answer: it may wait to be unlocked".to_owned()),
    }
}

fn reason(error: &Error) -> String {
    match error {
        Error::Unavailable => "no keyring answers".to_owned(),
        Error::NoResult => "there is no default keyring".to_owned(),
        Error::Locked | Error::Prompt | Error::PromptDisconnected => "the keyring is locked".to_owned(),
        error => format!("the keyring cannot be used: {}", one_line(&error.to_string())),
    }
}
