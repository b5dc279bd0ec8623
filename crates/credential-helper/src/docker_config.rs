//! docker's `config.json`, in which `credHelpers` names the credential helper of a host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::{self, AtomicFile};
use crate::host::RegistryHost;
use crate::json_edit::{self, JsonEditError};

const SECTION: &str = "credHelpers";
/// docker runs `docker-credential-` plus this.
const HELPER: &str = "dockpass";
const EMPTY: &str = "{}\n";

#[derive(Debug, PartialEq, Eq)]
pub enum ConfigChange {
    Unchanged,
    /// There was no file, or an empty one.
    Created,
    /// The former content is in this backup.
    Updated(PathBuf),
}

#[derive(Debug)]
pub struct DockerConfig {
    path: PathBuf,
    text: Option<String>,
    helpers: BTreeMap<String, String>,
}

impl DockerConfig {
    /// Reads the file and refuses one that cannot be edited.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        // People link the file to where they keep their dotfiles: docker follows the link, too.
        let path = path.canonicalize().unwrap_or_else(|_| files::follow_links(&path));
        let bytes = files::read_if_exists(&path).map_err(|error| Error::file(&path, "read", &error))?;
        let refused = |what: &str| Error::message(format!("{} {what}: it was left unchanged", path.display()));
        let text = bytes.map(String::from_utf8).transpose().map_err(|_| refused("is not JSON"))?;
        let text = text.filter(|text| !text.trim().is_empty());
        match json_edit::strings(text.as_deref().unwrap_or(EMPTY), SECTION) {
            Ok(helpers) => Ok(Self { path, text, helpers }),
            Err(JsonEditError::NotAnObject) => Err(refused("is not a JSON object")),
            Err(JsonEditError::SectionNotAnObject) => Err(refused("has a credHelpers that is not an object")),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn helper(&self, host: &RegistryHost) -> Option<String> {
        self.helpers.get(host.as_str()).cloned()
    }

    /// Makes docker use this program for a host.
    pub fn add(&self, host: &RegistryHost) -> Result<ConfigChange, Error> {
        if self.helper(host).as_deref() == Some(HELPER) {
            return Ok(ConfigChange::Unchanged);
        }
        self.write(json_edit::set(self.text(), SECTION, host.as_str(), HELPER))
    }

    /// Removes this program's entries for a host, in every spelling.
    pub fn remove(&self, host: &RegistryHost) -> Result<ConfigChange, Error> {
        let mut text = self.text().to_owned();
        let own = self.helpers.iter().filter(|(_, helper)| *helper == HELPER).map(|(key, _)| key);
        for key in own.filter(|key| key.eq_ignore_ascii_case(host.as_str())) {
            text = json_edit::remove(&text, SECTION, key).unwrap_or(text);
        }
        if text == self.text() { Ok(ConfigChange::Unchanged) } else { self.write(Ok(text)) }
    }

    fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(EMPTY)
    }

    fn write(&self, text: Result<String, JsonEditError>) -> Result<ConfigChange, Error> {
        let text = text.map_err(|_| Error::message(format!("{} cannot be changed", self.path.display())))?;
        files::create_private_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        let permissions = fs::metadata(&self.path).ok().map(|metadata| metadata.permissions());
        let change = match &self.text {
            Some(before) => ConfigChange::Updated(self.back_up(before, permissions.clone())?),
            None => ConfigChange::Created,
        };
        let written = AtomicFile::create(&self.path, permissions).and_then(|file| file.commit(text.as_bytes()));
        written.map_err(|error| Error::file(&self.path, "written", &error))?;
        Ok(change)
    }

    /// Writes `config.json.bak`, or the next free number: a backup is never overwritten.
    fn back_up(&self, before: &str, permissions: Option<fs::Permissions>) -> Result<PathBuf, Error> {
        for number in 0.. {
            let mut path = self.path.clone().into_os_string();
            path.push(".bak");
            if number > 0 {
                path.push(format!(".{number}"));
            }
            let path = PathBuf::from(path);
            match files::create_new(&path, before.as_bytes(), permissions.clone()) {
                Ok(()) => return Ok(path),
                Err(_) if fs::read(&path).is_ok_and(|bytes| bytes == before.as_bytes()) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::file(&path, "written", &error)),
            }
        }
        unreachable!("the numbers do not end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn host(text: &str) -> RegistryHost {
        RegistryHost::parse(text).unwrap()
    }

    #[test]
    fn backups_are_numbered_and_have_the_mode_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let add = |name: &str| DockerConfig::read(folder.path()).unwrap().add(&host(name)).unwrap();
        assert_eq!(add("a"), ConfigChange::Updated(folder.path().join("config.json.bak")));
        assert_eq!(add("a"), ConfigChange::Unchanged);
        assert_eq!(add("b"), ConfigChange::Updated(folder.path().join("config.json.bak.1")));
        assert_eq!(fs::read_to_string(folder.path().join("config.json.bak")).unwrap(), "{}");
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o640, "{entry:?}");
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, docker) = (folder.path().join("dotfiles.json"), folder.path().join("docker"));
        fs::create_dir(&docker).unwrap();
        fs::write(&real, "{}").unwrap();
        symlink(&real, docker.join("config.json")).unwrap();
        DockerConfig::read(&docker).unwrap().add(&host("hub")).unwrap();
        assert!(docker.join("config.json").is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("dockpass"));
    }

    #[test]
    fn a_link_to_a_missing_file_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let docker = folder.path().join("docker");
        fs::create_dir(&docker).unwrap();
        symlink("between.json", docker.join("config.json")).unwrap();
        symlink("../dotfiles/docker.json", docker.join("between.json")).unwrap();
        assert_eq!(DockerConfig::read(&docker).unwrap().add(&host("hub")).unwrap(), ConfigChange::Created);
        let link = |name: &str| fs::read_link(docker.join(name)).unwrap();
        assert_eq!(
            (link("config.json"), link("between.json")),
            ("between.json".into(), "../dotfiles/docker.json".into())
        );
        assert!(fs::read_to_string(folder.path().join("dotfiles/docker.json")).unwrap().contains("dockpass"));
        assert_eq!(DockerConfig::read(&docker).unwrap().add(&host("hub")).unwrap(), ConfigChange::Unchanged);
    }
}
