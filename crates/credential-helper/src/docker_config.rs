//! docker's `config.json`, where `credHelpers` says which program knows the credentials of a host.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::Failure,
    files,
    host::Host,
    json_text::{self, Odd},
};

const SECTION: &str = "credHelpers";
/// docker runs `docker-credential-` and this.
const HELPER: &str = "dockpass";

/// What happened to the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// It said so already.
    None,
    /// There was no file.
    Made,
    /// It was changed, and this is what it was before.
    Backup(PathBuf),
}

/// The file, and its text when it was read.
#[derive(Debug)]
pub struct DockerConfig {
    path: PathBuf,
    text: Option<String>,
}

impl DockerConfig {
    /// Reads it and makes sure that it can be changed. What is no JSON is refused before anything is done.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("config.json");
        // A link is followed, as docker does: whoever keeps the file elsewhere goes on doing so, also before it is there.
        let path = path.canonicalize().unwrap_or_else(|_| files::behind_links(&path));
        let bytes = files::read_if_there(&path).map_err(|error| Failure::file(&path, "read", &error))?;
        let odd = |what: &str| Failure::said(format!("{} {what}: it was left as it is", path.display()));
        let text = bytes.map(String::from_utf8).transpose().map_err(|_| odd("is no JSON"))?;
        let config = Self { text: text.filter(|text| !text.trim().is_empty()), path: path.clone() };
        match json_text::get(config.text(), SECTION, "") {
            Ok(_) => Ok(config),
            Err(Odd::NoObject) => Err(odd("is no JSON object")),
            Err(Odd::NoSection) => Err(odd("has a credHelpers that is no object")),
        }
    }

    /// The file, to be shown.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The helper that it names for a host.
    pub fn helper(&self, host: &Host) -> Option<String> {
        json_text::get(self.text(), SECTION, host.as_str()).ok().flatten()
    }

    /// Makes docker ask this program for a host.
    pub fn add(&self, host: &Host) -> Result<Change, Failure> {
        if self.helper(host).as_deref() == Some(HELPER) {
            return Ok(Change::None);
        }
        self.write(json_text::set(self.text(), SECTION, host.as_str(), HELPER))
    }

    /// Makes docker ask it no more, under whichever spelling the host was added. Another program's entry stays.
    pub fn remove(&self, host: &Host) -> Result<Change, Failure> {
        let mut text = self.text().to_owned();
        let keys = json_text::keys_with(&text, SECTION, HELPER).unwrap_or_default();
        for key in keys.iter().filter(|key| key.eq_ignore_ascii_case(host.as_str())) {
            text = json_text::remove(&text, SECTION, key).unwrap_or(text);
        }
        if text == self.text() { Ok(Change::None) } else { self.write(Ok(text)) }
    }

    fn text(&self) -> &str {
        self.text.as_deref().unwrap_or("{}\n")
    }

    fn write(&self, text: Result<String, Odd>) -> Result<Change, Failure> {
        let failed = |error: std::io::Error| Failure::file(&self.path, "written", &error);
        let text = text.map_err(|_| Failure::said(format!("{} cannot be changed", self.path.display())))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        files::make_private_folder(folder).map_err(|error| Failure::file(folder, "made", &error))?;
        let permissions = fs::metadata(&self.path).ok().map(|metadata| metadata.permissions());
        let change = match &self.text {
            Some(before) => Change::Backup(self.back_up(before, permissions.clone())?),
            None => Change::Made,
        };
        files::replace(&self.path, text.as_bytes(), permissions).map_err(failed)?;
        Ok(change)
    }

    /// `config.json.bak`, or the next free number: a backup is never written over.
    fn back_up(&self, before: &str, permissions: Option<fs::Permissions>) -> Result<PathBuf, Failure> {
        for number in 0.. {
            let mut path = self.path.clone().into_os_string();
            path.push(".bak");
            if number > 0 {
                path.push(format!(".{number}"));
            }
            let path = PathBuf::from(path);
            match files::write_new(&path, before.as_bytes(), permissions.clone()) {
                Ok(()) => return Ok(path),
                Err(_) if fs::read(&path).is_ok_and(|bytes| bytes == before.as_bytes()) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::file(&path, "written", &error)),
            }
        }
        unreachable!("the numbers do not end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn a_missing_and_an_empty_file_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let docker = folder.path().join("docker");
        for _ in 0..2 {
            assert_eq!(DockerConfig::read(&docker).unwrap().add(&host("hub")).unwrap(), Change::Made);
            let text = fs::read_to_string(docker.join("config.json")).unwrap();
            assert_eq!(text, "{\n\t\"credHelpers\": {\n\t\t\"hub\": \"dockpass\"\n\t}\n}\n");
            fs::write(docker.join("config.json"), " \n").unwrap();
        }
    }

    #[test]
    fn backups_are_kept_side_by_side_with_the_modes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let add = |name: &str| DockerConfig::read(folder.path()).unwrap().add(&host(name)).unwrap();
        assert_eq!(add("a"), Change::Backup(folder.path().join("config.json.bak")));
        assert_eq!(add("a"), Change::None);
        assert_eq!(add("b"), Change::Backup(folder.path().join("config.json.bak.1")));
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
    fn a_link_to_a_file_that_is_not_there_yet_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let docker = folder.path().join("docker");
        fs::create_dir(&docker).unwrap();
        symlink("between.json", docker.join("config.json")).unwrap();
        symlink("../dotfiles/docker.json", docker.join("between.json")).unwrap();
        assert_eq!(DockerConfig::read(&docker).unwrap().add(&host("hub")).unwrap(), Change::Made);
        let link = |name: &str| fs::read_link(docker.join(name)).unwrap();
        assert_eq!(
            (link("config.json"), link("between.json")),
            ("between.json".into(), "../dotfiles/docker.json".into())
        );
        assert!(fs::read_to_string(folder.path().join("dotfiles/docker.json")).unwrap().contains("dockpass"));
        assert_eq!(DockerConfig::read(&docker).unwrap().add(&host("hub")).unwrap(), Change::None);
    }

    #[test]
    fn only_its_own_entries_are_taken_out_under_every_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let text = "{\"credHelpers\":{\"Hub\":\"dockpass\",\"hub\":\"dockpass\",\"other\":\"pass\"}}";
        fs::write(&path, text).unwrap();
        let remove = |name: &str| DockerConfig::read(folder.path()).unwrap().remove(&host(name)).unwrap();
        assert_eq!(remove("other"), Change::None);
        assert!(matches!(remove("HUB"), Change::Backup(_)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"credHelpers\":{\"other\":\"pass\"}}");
    }
}
