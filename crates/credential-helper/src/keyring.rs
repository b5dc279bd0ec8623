//! The Secret Service of freedesktop.org: the keyring of GNOME, KDE and KeePassXC.
//!
//! Callers hold the lock of [`crate::files::lock`], except in a read-only folder: gnome-keyring 50 crashes when two
//! programs open encrypted sessions at the same time.

use std::collections::HashMap;
use std::time::Duration;

use secret_service::{Collection, EncryptionType, Item, SecretService};
use zeroize::Zeroizing;

use crate::terminal::{PROGRAM, warn};
use crate::text::one_line;

/// Time for a person to unlock the keyring: a prompt that nobody sees never ends by itself.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Printed before a prompt opens, for a person who only looks at the terminal.
const LOCKED: &str = "the keyring is locked: your desktop asks for its password in a window";
/// Cannot be a host: a port follows a colon.
const PROBE: &str = "probe:";

/// Writes, reads and removes a secret, to see whether the keyring works; the error is a reason in words.
pub async fn probe() -> Result<(), String> {
    let text = "docker-credential-dockpass was here";
    write(PROBE, text).await?;
    let read = read(PROBE).await;
    remove(PROBE).await?;
    match read?.is_some_and(|found| *found == text.as_bytes()) {
        true => Ok(()),
        false => Err("the keyring does not store what it is given".to_owned()),
    }
}

/// Stores a host's secret in place of the former one.
pub async fn write(host: &str, secret: &str) -> Result<(), String> {
    with_timeout(async {
        let service = connect().await?;
        let collection = unlocked_collection(&service).await?;
        let label = format!("Sign-in of this computer to {host} (dockpass)");
        // Keyring managers can show text/plain.
        collection.create_item(&label, attributes(host), secret.as_bytes(), true, "text/plain").await?;
        Ok(())
    })
    .await
}

pub async fn read(host: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    with_timeout(async {
        let service = connect().await?;
        let collection = unlocked_collection(&service).await?;
        let Some(item) = find(&collection, host).await?.into_iter().next() else { return Ok(None) };
        if item.is_locked().await? {
            warn(LOCKED);
            item.unlock().await?;
        }
        item.get_secret().await.map(|secret| Some(Zeroizing::new(secret)))
    })
    .await
}

pub async fn remove(host: &str) -> Result<(), String> {
    with_timeout(async {
        let service = connect().await?;
        let collection = unlocked_collection(&service).await?;
        for item in find(&collection, host).await? {
            item.delete().await?;
        }
        Ok(())
    })
    .await
}

async fn connect() -> Result<SecretService<'static>, secret_service::Error> {
    // Without a bus or without a keyring on it: to a person it is the same.
    SecretService::connect(EncryptionType::Dh).await.map_err(|_| secret_service::Error::Unavailable)
}

async fn unlocked_collection<'a>(service: &'a SecretService<'_>) -> Result<Collection<'a>, secret_service::Error> {
    let collection = service.get_default_collection().await?;
    if collection.is_locked().await? {
        warn(LOCKED);
        collection.unlock().await?;
    }
    Ok(collection)
}

async fn find<'a>(collection: &'a Collection<'_>, host: &str) -> Result<Vec<Item<'a>>, secret_service::Error> {
    collection.search_items(attributes(host)).await
}

fn attributes(host: &str) -> HashMap<&str, &str> {
    HashMap::from([("application", PROGRAM), ("host", host)])
}

async fn with_timeout<T>(work: impl Future<Output = Result<T, secret_service::Error>>) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(done) => done.map_err(|error| reason(&error)),
        Err(_) => Err("the keyring does not answer: it may be waiting for you to unlock it".to_owned()),
    }
}

fn reason(error: &secret_service::Error) -> String {
    use secret_service::Error;
    match error {
        Error::Unavailable => "no keyring is available".to_owned(),
        Error::NoResult => "there is no default keyring".to_owned(),
        Error::Locked | Error::Prompt | Error::PromptDisconnected => "the keyring is locked".to_owned(),
        error => format!("the keyring cannot be used: {}", one_line(&error.to_string())),
    }
}
