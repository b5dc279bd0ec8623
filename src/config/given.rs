//! The settings that flags and variables gave, so that commands for another shell can name them again.

use std::path::{Path, PathBuf, absolute};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use url::Url;

/// A setting as a flag.
#[derive(Debug, Clone)]
pub struct GivenSetting {
    /// The name of the flag, without its dashes.
    pub name: String,
    /// Paths are absolute, and `PASSWORD` stands for the password of a database.
    pub value: String,
    pub has_password: bool,
    pub is_from_environment: bool,
}

impl GivenSetting {
    /// All of them, in the order of the settings.
    pub fn all(command: &Command, matches: &ArgMatches) -> Vec<Self> {
        command.get_arguments().filter_map(|arg| Self::find(arg, matches)).collect()
    }

    fn find(arg: &Arg, matches: &ArgMatches) -> Option<Self> {
        let (id, name) = (arg.get_id().as_str(), arg.get_long()?.to_owned());
        let is_from_environment = match matches.value_source(id)? {
            ValueSource::CommandLine => false,
            ValueSource::EnvVariable => true,
            _ => return None,
        };
        let text = matches.get_raw(id)?.next_back()?.to_string_lossy();
        let (value, has_password) = match matches.try_get_one::<PathBuf>(id) {
            Ok(Some(path)) => (absolute_path(path), false),
            _ if name == "database-url" => database_url(&text),
            _ => (text.into_owned(), false),
        };
        Some(Self { name, value, has_password, is_from_environment })
    }
}

/// The absolute path, which means the same in every folder.
pub fn absolute_path(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// The URL of a database without its password, and whether it has one.
fn database_url(text: &str) -> (String, bool) {
    if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
        return (format!("sqlite:{}", absolute_path(Path::new(path))), false);
    }
    let Ok(mut url) = Url::parse(text) else { return ("postgres://PASSWORD".to_owned(), true) };
    let is_password = |name: &str| name == "password";
    let is_in_query = url.query_pairs().any(|(name, _)| is_password(&name));
    if is_in_query {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let shown = |(name, value): (String, String)| {
            let value = if is_password(&name) { "PASSWORD".to_owned() } else { value };
            (name, value)
        };
        url.query_pairs_mut().clear().extend_pairs(pairs.into_iter().map(shown));
    }
    let has_password = url.password().is_some();
    if has_password && url.set_password(Some("PASSWORD")).is_err() {
        return ("postgres://PASSWORD".to_owned(), true);
    }
    (url.to_string(), has_password || is_in_query)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;
    use crate::config::Settings;

    #[test]
    fn flags_are_named_again_with_absolute_paths_and_without_passwords() {
        let command = Settings::augment_args(Command::new("dockpass"));
        let given = |flags: &[&str]| {
            let matches = command.clone().get_matches_from([&["dockpass"], flags].concat());
            let all = GivenSetting::all(&command, &matches).into_iter().filter(|one| !one.is_from_environment);
            all.map(|one| (one.name, one.value, one.has_password)).collect::<Vec<_>>()
        };
        let folder = std::env::current_dir().unwrap().display().to_string();
        let expected = |name: &str, value: &str, has_password| (name.to_owned(), value.to_owned(), has_password);
        assert_eq!(given(&[]), []);
        assert_eq!(
            given(&["--require-2fa", "--registry-service", "hub", "--data", "d"]),
            [
                expected("data", &format!("{folder}/d"), false),
                expected("registry-service", "hub", false),
                expected("require-2fa", "true", false)
            ]
        );
        let urls = [
            ("sqlite:d/x.db", format!("sqlite:{folder}/d/x.db"), false),
            ("postgres://u@db/t", "postgres://u@db/t".to_owned(), false),
            (
                "postgres://u:hunter2@db/t?sslmode=require",
                "postgres://u:PASSWORD@db/t?sslmode=require".to_owned(),
                true,
            ),
            ("postgres://db/t?user=u&password=hunter2", "postgres://db/t?user=u&password=PASSWORD".to_owned(), true),
        ];
        for (url, shown, has_password) in urls {
            assert_eq!(given(&["--database-url", url]), [expected("database-url", &shown, has_password)]);
        }
    }
}
