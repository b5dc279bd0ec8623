//! `list`: prints hosts and usernames.

use std::collections::BTreeMap;
use std::path::Path;

use crate::credential_store::CredentialStore;
use crate::error::Error;
use crate::host::listed_name;
use crate::terminal::print_line;

pub fn list(folder: &Path) -> Result<(), Error> {
    let store = CredentialStore::read_if_exists(folder)?;
    let usernames = store.as_ref().map(CredentialStore::usernames).unwrap_or_default();
    let usernames: BTreeMap<&str, &str> = usernames.into_iter().map(|(key, name)| (listed_name(key), name)).collect();
    print_line(&serde_json::to_string(&usernames).map_err(|_| Error::message("the hosts cannot be written as JSON"))?)
}
