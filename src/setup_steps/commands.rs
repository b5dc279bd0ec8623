//! The command of each step, filled in with the values of this server.

use std::fs;
use std::path::{Path, absolute};

use url::Url;

use super::actions::{SetupStep, is_on_loopback};
use crate::config::Config;
use crate::platform::database::DatabaseLocation;

/// Stands for a name that only the operator knows.
const EXAMPLE_HOST: &str = "hub.example.com";
/// The settings file of the Debian package, whose server systemd runs.
const PACKAGE_SETTINGS: &str = "/etc/dockpass/dockpass.conf";
/// Where Debian's docker-registry has its configuration.
const REGISTRY_FOLDER: &str = "/etc/docker/registry";
/// The data folder of the container image.
const IMAGE_DATA: &str = "/data";

/// The commands of a step, one a line.
pub fn commands(step: SetupStep, config: &Config, public_url: &str) -> String {
    ServerShell { config, public_url, container: container(config) }.commands(step)
}

/// The name of the container in which a server of the image runs: docker and podman leave a file and set the host name.
fn container(config: &Config) -> Option<String> {
    let is_image = config.settings_file.is_none() && config.data == Path::new(IMAGE_DATA);
    let is_contained = || ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists());
    let name = (is_image && is_contained()).then(|| fs::read_to_string("/etc/hostname").ok())??;
    Some(name.trim().to_owned())
}

/// A shell on the server's machine.
struct ServerShell<'a> {
    config: &'a Config,
    public_url: &'a str,
    container: Option<String>,
}

impl ServerShell<'_> {
    fn commands(&self, step: SetupStep) -> String {
        match step {
            SetupStep::PublicUrl => self.set(&[("public-url", format!("https://{EXAMPLE_HOST}"))]),
            SetupStep::Https => self.https(),
            SetupStep::Registry => format!("{}\n{}", self.registry_config(""), self.doctor("")),
            SetupStep::Notifications => self.notifications(),
            SetupStep::Backup => self.backup(),
            SetupStep::SecretKey => {
                let file = quoted(&whole(&self.config.secret_key_file));
                match &self.container {
                    // The image has no other programs.
                    Some(name) => format!("docker cp {name}:{file} ."),
                    None => format!("{}cat {file}", self.sudo()),
                }
            }
        }
    }

    fn is_package(&self) -> bool {
        self.config.settings_file.as_deref() == Some(Path::new(PACKAGE_SETTINGS))
    }

    fn sudo(&self) -> &'static str {
        if self.is_package() { "sudo " } else { "" }
    }

    /// The program with the settings of this server, which it may have to be told.
    fn dockpass(&self) -> String {
        if let Some(name) = &self.container {
            return format!("docker exec {name} /usr/bin/dockpass");
        }
        match &self.config.settings_file {
            Some(_) if self.is_package() => "sudo dockpass".to_owned(),
            Some(file) => format!("dockpass --config {}", quoted(&whole(file))),
            None => {
                let data = quoted(&whole(&self.config.data));
                format!("dockpass --data {data} --listen {}", self.config.listen)
            }
        }
    }

    /// Changes settings of the server, which are named as flags without their dashes.
    fn set(&self, settings: &[(&str, String)]) -> String {
        let variable =
            |name: &str, value: &str| quoted(&format!("DOCKPASS_{}={value}", name.to_uppercase().replace('-', "_")));
        if self.container.is_some() {
            let lines = settings.iter().map(|(name, value)| format!("\n{}", variable(name, value)));
            return "# in the environment of the container".to_owned() + &lines.collect::<String>();
        }
        let Some(file) = &self.config.settings_file else {
            let flags = settings.iter().map(|(name, value)| format!(" --{name} {}", quoted(value)));
            return format!(
                "# restart the server with its other settings and:\n{}{}",
                self.dockpass(),
                flags.collect::<String>()
            );
        };
        let file = quoted(&whole(file));
        let append = if self.is_package() { format!("| sudo tee --append {file}") } else { format!(">> {file}") };
        let line = |(name, value): &(&str, String)| format!("echo {} {append}", variable(name, value));
        let mut lines: Vec<String> = settings.iter().map(line).collect();
        if self.is_package() {
            lines.push("sudo systemctl restart dockpass".to_owned());
        }
        lines.join("\n")
    }

    fn https(&self) -> String {
        let named = Url::parse(self.public_url).ok().filter(|_| !is_on_loopback(self.public_url));
        let host = named.as_ref().and_then(Url::host_str).unwrap_or(EXAMPLE_HOST).to_owned();
        let port = self.config.listen.port();
        let mut settings = vec![("public-url", format!("https://{host}"))];
        if self.config.trusted_proxies.is_empty() {
            settings.push(("trusted-proxies", "127.0.0.1".to_owned()));
        }
        format!(
            "sudo tee --append /etc/caddy/Caddyfile <<'END'\n{host} {{\n    reverse_proxy /v2/* 127.0.0.1:5000\n    \
             reverse_proxy 127.0.0.1:{port}\n}}\nEND\nsudo systemctl reload caddy\n{}",
            self.set(&settings)
        )
    }

    fn registry_config(&self, flags: &str) -> String {
        let command = format!("{}{flags} registry-config --registry-version 2 --out", self.dockpass());
        match &self.container {
            // It can write only into the data folder.
            Some(name) => format!(
                "{command} /data/registry  # or version 3\n\
                 docker cp {name}:/data/registry .  # in the configuration, write where the registry sees these files"
            ),
            None => format!("{command} {REGISTRY_FOLDER}/dockpass  # or version 3"),
        }
    }

    fn doctor(&self, flags: &str) -> String {
        let dockpass = self.dockpass();
        match self.container {
            Some(_) => format!("{dockpass}{flags} doctor --registry-url http://registry:5000"),
            None => format!(
                "{dockpass}{flags} doctor --registry-url http://127.0.0.1:5000 --registry-config {REGISTRY_FOLDER}/config.yml"
            ),
        }
    }

    fn notifications(&self) -> String {
        if self.config.events_secret_file.is_some() {
            let flags = self.events_secret_flag();
            return format!("{}\n{}", self.registry_config(&flags), self.doctor(&flags));
        }
        let (file, install) = match self.is_package() {
            true => ("/etc/dockpass/events.secret".to_owned(), "sudo install --group=dockpass --mode=640"),
            false => (whole(&self.config.data.join("events.secret")), "install --mode=600"),
        };
        let flags = match self.config.settings_file {
            Some(_) => String::new(),
            None => format!(" --events-secret-file {}", quoted(&file)),
        };
        if self.container.is_some() {
            // The image has no program that creates the secret, except for this.
            let create =
                "registry-config --registry-version 2 --out /data/registry --new-registry  # creates the secret";
            let (dockpass, config) = (self.dockpass(), self.registry_config(&flags));
            return format!("{dockpass}{flags} {create}\n{config}\n{}", self.set(&[("events-secret-file", file)]));
        }
        format!(
            "openssl rand -hex 32 | {install} /dev/stdin {}\n{}\n{}",
            quoted(&file),
            self.set(&[("events-secret-file", file)]),
            self.registry_config(&flags)
        )
    }

    /// A settings file names the secret's file already.
    fn events_secret_flag(&self) -> String {
        let file = self.config.events_secret_file.as_ref().filter(|_| self.config.settings_file.is_none());
        file.map_or(String::new(), |file| format!(" --events-secret-file {}", quoted(&whole(file))))
    }

    fn backup(&self) -> String {
        match &self.config.database {
            DatabaseLocation::Sqlite(_) if self.is_package() => {
                "sudo systemctl enable --now dockpass-backup.timer\nsudo systemctl start dockpass-backup.service"
                    .to_owned()
            }
            DatabaseLocation::Sqlite(_) => {
                let folder = whole(&self.config.data.join("backups"));
                format!("{} backup --keep 14 {}", self.dockpass(), quoted(&folder))
            }
            DatabaseLocation::Postgres(options) => {
                let user = options.get_username();
                format!(
                    "pg_dump --host={} --port={} --username={} --format=custom --file=dockpass.dump {}",
                    quoted(options.get_host()),
                    options.get_port(),
                    quoted(user),
                    quoted(options.get_database().unwrap_or(user))
                )
            }
        }
    }
}

/// A path that is right in every folder.
fn whole(path: &Path) -> String {
    absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::config::Settings;

    fn of(change: impl FnOnce(&mut Settings)) -> Config {
        let mut settings = Settings { data: "/srv/my data".into(), ..Settings::default() };
        change(&mut settings);
        Config::check(&settings).unwrap()
    }

    #[test]
    fn a_server_without_a_settings_file_is_named_by_its_flags() {
        let config = of(|_| {});
        let of_step = |step| commands(step, &config, "http://127.0.0.1:8080");
        let dockpass = "dockpass --data '/srv/my data' --listen 127.0.0.1:8080";
        let restart = format!(
            "# restart the server with its other settings and:\n{dockpass} --public-url https://hub.example.com"
        );
        assert_eq!(of_step(SetupStep::PublicUrl), restart);
        assert_eq!(of_step(SetupStep::Backup), format!("{dockpass} backup --keep 14 '/srv/my data/backups'"));
        assert_eq!(of_step(SetupStep::SecretKey), "cat '/srv/my data/secret.key'");
        let notifications = of_step(SetupStep::Notifications);
        let flag = "--events-secret-file '/srv/my data/events.secret'";
        assert!(
            notifications.contains(&format!("\n{dockpass} {flag}\n{dockpass} {flag} registry-config ")),
            "{notifications}"
        );
        let hub = commands(SetupStep::Https, &config, "http://hub.test:8080");
        assert!(
            hub.contains("\nhub.test {\n")
                && hub.ends_with(" --public-url https://hub.test --trusted-proxies 127.0.0.1")
        );
    }

    #[test]
    fn the_packages_server_is_changed_in_its_file_and_restarted() {
        let config = of(|settings| settings.config = Some(PACKAGE_SETTINGS.into()));
        let of_step = |step| commands(step, &config, "http://127.0.0.1:8080");
        assert_eq!(
            of_step(SetupStep::PublicUrl),
            "echo DOCKPASS_PUBLIC_URL=https://hub.example.com | sudo tee --append /etc/dockpass/dockpass.conf\n\
             sudo systemctl restart dockpass"
        );
        assert!(of_step(SetupStep::Registry).starts_with("sudo dockpass registry-config --registry-version 2 --out "));
        assert!(of_step(SetupStep::Backup).starts_with("sudo systemctl enable --now dockpass-backup.timer\n"));
    }

    #[test]
    fn a_container_is_entered_from_outside() {
        let config = of(|settings| settings.data = IMAGE_DATA.into());
        let shell =
            ServerShell { config: &config, public_url: "http://127.0.0.1:8080", container: Some("3f2a".to_owned()) };
        let backup = "docker exec 3f2a /usr/bin/dockpass backup --keep 14 /data/backups";
        assert_eq!(shell.commands(SetupStep::Backup), backup);
        assert_eq!(shell.commands(SetupStep::SecretKey), "docker cp 3f2a:/data/secret.key .");
        let set = "# in the environment of the container\nDOCKPASS_PUBLIC_URL=https://hub.example.com";
        assert_eq!(shell.commands(SetupStep::PublicUrl), set);
        let dockpass = "docker exec 3f2a /usr/bin/dockpass";
        let copied =
            "docker cp 3f2a:/data/registry .  # in the configuration, write where the registry sees these files";
        let registry = format!(
            "{dockpass} registry-config --registry-version 2 --out /data/registry  # or version 3\n{copied}\n\
             {dockpass} doctor --registry-url http://registry:5000"
        );
        assert_eq!(shell.commands(SetupStep::Registry), registry);
        let config = format!(
            "{dockpass} --events-secret-file /data/events.secret registry-config --registry-version 2 --out /data/registry"
        );
        let notifications = format!(
            "{config} --new-registry  # creates the secret\n{config}  # or version 3\n{copied}\n\
             # in the environment of the container\nDOCKPASS_EVENTS_SECRET_FILE=/data/events.secret"
        );
        assert_eq!(shell.commands(SetupStep::Notifications), notifications);
    }

    #[test]
    fn the_password_of_postgresql_is_in_no_command() {
        let url = "postgres://dockpass:hunter2@db.test:5433/tokens";
        let config = of(|settings| settings.database_url = Some(url.into()));
        let backup = commands(SetupStep::Backup, &config, "https://hub.test");
        let expected =
            "pg_dump --host=db.test --port=5433 --username=dockpass --format=custom --file=dockpass.dump tokens";
        assert_eq!(backup, expected);
        assert!(SetupStep::ALL.iter().all(|step| !commands(*step, &config, "https://hub.test").contains("hunter2")));
    }
}
