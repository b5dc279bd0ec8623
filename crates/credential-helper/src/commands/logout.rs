//! `logout HOST`: `erase`, and docker stops asking this program.

use std::path::Path;

use crate::commands::erase;
use crate::docker_config::DockerConfig;
use crate::error::Error;
use crate::host::RegistryHost;
use crate::terminal::print_line;
use crate::{files, paths};

pub async fn logout(host: &RegistryHost) -> Result<(), Error> {
    let folder = paths::data_folder()?;
    let removal = erase::remove(host, &folder).await?;
    removal.problems.iter().try_for_each(|sentence| print_line(sentence))?;
    if let Err(error) = unregister(host, &folder) {
        return Err(if removal.existed {
            Error::message(format!("{error}; you are signed out anyway"))
        } else {
            error
        });
    }
    match removal.existed {
        true => print_line(&format!("signed out of {host}")),
        false => print_line(&format!("you were not signed in to {host}")),
    }
}

fn unregister(host: &RegistryHost, folder: &Path) -> Result<(), Error> {
    let _lock = files::lock(folder)?;
    DockerConfig::read(&paths::docker_folder()?)?.remove(host).map(drop)
}
