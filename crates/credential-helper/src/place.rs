//! Where files belong, by the person's environment.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Place {
    home: Option<PathBuf>,
    xdg_data_home: Option<PathBuf>,
    docker_config: Option<PathBuf>,
}

impl Place {
    /// Reads the environment.
    pub fn of_environment() -> Self {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            home: env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            xdg_data_home: path("XDG_DATA_HOME"),
            docker_config: path("DOCKER_CONFIG"),
        }
    }

    /// The folder for credentials. A relative `XDG_DATA_HOME` is to be ignored (XDG Base Directory Specification).
    pub fn data(&self) -> Result<PathBuf, Failure> {
        let xdg = self.xdg_data_home.as_ref().filter(|path| path.is_absolute());
        let data = xdg.cloned().map_or_else(|| self.home().map(|home| home.join(".local/share")), Ok)?;
        Ok(data.join("dockpass"))
    }

    /// docker's own folder.
    pub fn docker(&self) -> Result<PathBuf, Failure> {
        self.docker_config.clone().map_or_else(|| self.home().map(|home| home.join(".docker")), Ok)
    }

    fn home(&self) -> Result<&Path, Failure> {
        self.home.as_deref().ok_or_else(|| Failure::said("there is no home folder: HOME is not set"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_things_belong() {
        let home = Place { home: Some("/h".into()), ..Place::default() };
        assert_eq!(home.data().unwrap(), Path::new("/h/.local/share/dockpass"));
        assert_eq!(home.docker().unwrap(), Path::new("/h/.docker"));
        let xdg = Place { xdg_data_home: Some("/x".into()), docker_config: Some("/d".into()), ..home.clone() };
        assert_eq!(xdg.data().unwrap(), Path::new("/x/dockpass"));
        assert_eq!(xdg.docker().unwrap(), Path::new("/d"));
        let relative = Place { xdg_data_home: Some("x".into()), ..home };
        assert_eq!(relative.data().unwrap(), Path::new("/h/.local/share/dockpass"));
        assert!(Place::default().data().is_err() && Place::default().docker().is_err());
    }
}
