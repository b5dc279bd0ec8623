//! The folders of this program and of docker.

use std::env;
use std::path::PathBuf;

use etcetera::base_strategy::{BaseStrategy as _, Xdg};

use crate::error::Error;

/// This program's folder, by the XDG Base Directory Specification.
pub fn data_folder() -> Result<PathBuf, Error> {
    Ok(xdg()?.data_dir().join("dockpass"))
}

pub fn docker_folder() -> Result<PathBuf, Error> {
    match env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(folder.into()),
        None => Ok(xdg()?.home_dir().join(".docker")),
    }
}

fn xdg() -> Result<Xdg, Error> {
    // A relative HOME would put secrets into the current folder.
    let xdg = Xdg::new().ok().filter(|xdg| xdg.home_dir().is_absolute());
    xdg.ok_or_else(|| Error::message("there is no home folder: set HOME to its absolute path"))
}
