//! `dockpass doctor`, which checks the set-up and explains what is wrong.

mod challenge;
mod http;
mod registry_config;
mod registry_probe;
mod server;

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use dockpass_core::timestamp::Timestamp;
use url::Url;

use crate::config::Config;
use crate::platform::database::Db;
use crate::platform::rng::SystemRng;
use crate::registry::keys::actions::Keys;

/// `dockpass doctor …`
#[derive(Debug, Args)]
pub struct DoctorCommand {
    /// URL of the registry for its clients, such as https://hub.example.com
    #[arg(long, value_parser = registry_url)]
    pub registry_url: Option<Url>,
    /// Configuration file of the registry, to check what the registry itself does not reveal
    #[arg(long)]
    pub registry_config: Option<PathBuf>,
}

/// The results, one line per check.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<String>,
    wrong: usize,
}

impl Report {
    fn ok(&mut self, check: &str, said: impl fmt::Display) {
        self.lines.push(format!("OK       {check}: {said}"));
    }

    fn wrong(&mut self, check: &str, said: impl fmt::Display) {
        self.wrong += 1;
        self.lines.push(format!("WRONG    {check}: {said}"));
    }

    fn skipped(&mut self, check: &str, said: impl fmt::Display) {
        self.lines.push(format!("SKIPPED  {check}: {said}"));
    }

    /// Reports whether a value is as expected. `advice` says what to do if it is not.
    fn same(&mut self, check: &str, found: &str, expected: &str, advice: impl fmt::Display) {
        if found == expected {
            self.ok(check, format_args!("{found:?}"));
        } else {
            self.wrong(check, format_args!("it is {found:?} and must be {expected:?}: {advice}"));
        }
    }

    /// Whether everything is right.
    pub fn verdict(&self) -> Result<(), String> {
        match self.wrong {
            0 => Ok(()),
            1 => Err("one check found something wrong".to_owned()),
            many => Err(format!("{many} checks found something wrong")),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// What the checks compare with.
struct Expected<'a> {
    config: &'a Config,
    /// Without a trailing slash. `None` if it depends on a port that only the running server knows.
    public_url: Option<String>,
    /// `None` if the keys cannot be decrypted.
    keys: Option<&'a Keys>,
    now: Timestamp,
}

impl Expected<'_> {
    fn realm(&self) -> Option<String> {
        self.public_url.as_ref().map(|url| format!("{url}/token"))
    }
}

/// Checks everything that these settings allow. `db` is the database, or the reason why it cannot be opened.
pub async fn run(
    command: &DoctorCommand,
    config: &Config,
    db: &Result<Db, String>,
    now: Timestamp,
    rng: SystemRng,
) -> Report {
    let mut report = Report::default();
    let is_known = config.public_url.is_some() || config.listen.port() != 0;
    let public_url = is_known.then(|| config.urls(config.listen).public);
    server::check_settings(config, public_url.as_deref(), &mut report);
    let keys = server::check_keys(config, db, now, rng, &mut report).await;
    let expected = Expected { config, public_url, keys: keys.as_ref(), now };
    server::check_public_url(&expected, &mut report).await;
    let file = command.registry_config.as_deref().map(|path| registry_config::check(path, &expected, &mut report));
    match &command.registry_url {
        Some(url) => registry_probe::check(url, &expected, file, rng, &mut report).await,
        None => report.skipped("registry", "give its address with --registry-url to check it"),
    }
    report
}

/// Reads the URL of a registry. People may paste it with the `/v2/` that clients ask for.
fn registry_url(text: &str) -> Result<Url, String> {
    let wrong = || "must be http:// or https:// with a host and an optional port, and without a path".to_owned();
    let mut url = Url::parse(text).map_err(|_| wrong())?;
    let is_bare = matches!(url.path(), "/" | "/v2" | "/v2/") && url.query().is_none() && url.fragment().is_none();
    let has_no_credentials = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && has_no_credentials {
        url.set_path("/v2/");
        Ok(url)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_url_has_no_path_and_no_credentials() {
        for good in ["https://hub.example.com", "http://127.0.0.1:5000/", "http://hub:5000/v2", "http://[::1]:5000/v2/"]
        {
            assert_eq!(registry_url(good).unwrap().path(), "/v2/", "{good}");
        }
        for bad in ["hub.example.com", "localhost:5000", "ftp://hub", "http://hub/alice", "http://a:b@hub", "http://"] {
            assert!(registry_url(bad).is_err(), "{bad}");
        }
    }
}
