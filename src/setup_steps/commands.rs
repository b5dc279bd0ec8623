//! The command of each step, filled in with the values of this server.

use std::fs;
use std::path::Path;

use url::Url;

use super::actions::{SetupStep, is_on_loopback};
use crate::config::{Config, GivenSetting, absolute_path};
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

/// A setting to change: the name of its flag without the dashes, and its new value.
type Change = (&'static str, String);

impl ServerShell<'_> {
    fn commands(&self, step: SetupStep) -> String {
        // The server in a container or in the package is restarted without its flags.
        let restarted = if self.has_environment() { String::new() } else { self.export() };
        match step {
            SetupStep::PublicUrl => restarted + &self.set(&[("public-url", format!("https://{EXAMPLE_HOST}"))], ""),
            SetupStep::Https => restarted + &self.https(),
            SetupStep::Registry => format!("{}{}\n{}", self.export(), self.registry_config(&[]), self.doctor()),
            SetupStep::Notifications => self.export() + &self.notifications(),
            SetupStep::Backup => self.backup(),
            SetupStep::SecretKey => {
                let file = quoted(&absolute_path(&self.config.secret_key_file));
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

    /// Whether commands have the variables of the server's environment.
    fn has_environment(&self) -> bool {
        self.container.is_some() || self.is_package()
    }

    fn is_in_environment(&self, given: &GivenSetting) -> bool {
        self.has_environment() && given.is_from_environment
    }

    /// The URL of the database, if it holds a password that commands must be told.
    fn exported(&self) -> Option<&GivenSetting> {
        self.config.given.iter().find(|given| given.has_password && !self.is_in_environment(given))
    }

    /// A line that sets the variable with the database's password, which no page shows and no argument should hold.
    fn export(&self) -> String {
        self.exported().map_or(String::new(), |GivenSetting { name, value, .. }| {
            format!("export {}  # write the database's password instead of PASSWORD\n", variable(name, value))
        })
    }

    /// The program with the settings of this server that it must be told, and with changed ones.
    fn dockpass(&self, changes: &[Change]) -> String {
        let file = self.config.settings_file.as_ref().filter(|_| !self.is_package());
        let mut flags: Vec<(&str, String)> = match (&self.container, file) {
            (Some(_), _) => Vec::new(),
            (None, Some(file)) => vec![("config", absolute_path(file))],
            (None, None) if self.is_package() => Vec::new(),
            (None, None) => vec![("data", absolute_path(&self.config.data))],
        };
        let is_needed = |given: &&GivenSetting| !given.has_password && !self.is_in_environment(given);
        for given in self.config.given.iter().filter(is_needed) {
            if !flags.iter().any(|(name, _)| *name == given.name) {
                flags.push((&given.name, given.value.clone()));
            }
        }
        for (name, value) in changes {
            match flags.iter_mut().find(|(known, _)| known == name) {
                Some(flag) => flag.1.clone_from(value),
                None if self.config.settings_file.is_none() => flags.push((name, value.clone())),
                None => {}
            }
        }
        let is_exported = self.exported().is_some();
        let program = match &self.container {
            Some(name) if is_exported => format!("docker exec --env DOCKPASS_DATABASE_URL {name} /usr/bin/dockpass"),
            Some(name) => format!("docker exec {name} /usr/bin/dockpass"),
            None if self.is_package() && is_exported => "sudo --preserve-env=DOCKPASS_DATABASE_URL dockpass".to_owned(),
            None => format!("{}dockpass", self.sudo()),
        };
        let flag = |(name, value): (&str, String)| format!(" --{name} {}", quoted(&value));
        program + &flags.into_iter().map(flag).collect::<String>()
    }

    /// Changes settings of the server and restarts it. The commands in `between` need the new settings and the running server,
    /// which they ask for its public URL.
    fn set(&self, changes: &[Change], between: &str) -> String {
        if self.container.is_some() {
            let is_flag =
                |name: &str| self.config.given.iter().any(|given| given.name == name && !given.is_from_environment);
            let (flags, variables): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|(name, _)| is_flag(name));
            let mut lines = Vec::new();
            if !flags.is_empty() {
                lines.push("# among the arguments of the container".to_owned());
                lines.extend(flags.iter().map(|(name, value)| format!("--{name} {}", quoted(value))));
            }
            if !variables.is_empty() {
                lines.push("# in the environment of the container".to_owned());
                lines.extend(variables.iter().map(|(name, value)| variable(name, value)));
            }
            return between.to_owned() + &lines.join("\n");
        }
        let restart = if self.is_package() {
            "sudo systemctl restart dockpass".to_owned()
        } else {
            format!("# stop the server, and start it again with:\n{}", self.dockpass(changes))
        };
        let Some(file) = &self.config.settings_file else { return format!("{between}{restart}") };
        let file = quoted(&absolute_path(file));
        let append = if self.is_package() { format!("| sudo tee --append {file}") } else { format!(">> {file}") };
        let line = |(name, value): &Change| format!("echo {} {append}\n", variable(name, value));
        format!("{}{between}{restart}", changes.iter().map(line).collect::<String>())
    }

    fn https(&self) -> String {
        let named = Url::parse(self.public_url).ok().filter(|_| !is_on_loopback(self.public_url));
        let host = named.as_ref().and_then(Url::host_str).unwrap_or(EXAMPLE_HOST).to_owned();
        let port = self.config.listen.port();
        let mut changes = vec![("public-url", format!("https://{host}"))];
        if self.config.trusted_proxies.is_empty() {
            changes.push(("trusted-proxies", "127.0.0.1".to_owned()));
        }
        format!(
            "sudo tee --append /etc/caddy/Caddyfile <<'END'\n{host} {{\n    reverse_proxy /v2/* 127.0.0.1:5000\n    \
             reverse_proxy 127.0.0.1:{port}\n}}\nEND\nsudo systemctl reload caddy\n{}",
            self.set(&changes, "")
        )
    }

    fn registry_config(&self, changes: &[Change]) -> String {
        let command = format!("{} registry-config --registry-version 2 --out", self.dockpass(changes));
        match &self.container {
            // It can write only into the data folder.
            Some(name) => format!(
                "{command} /data/registry  # or version 3\n\
                 docker cp {name}:/data/registry .  # in the configuration, write where the registry sees these files"
            ),
            None => format!("{command} {REGISTRY_FOLDER}/dockpass  # or version 3"),
        }
    }

    fn doctor(&self) -> String {
        let dockpass = self.dockpass(&[]);
        match self.container {
            Some(_) => format!("{dockpass} doctor --registry-url http://registry:5000"),
            None => format!(
                "{dockpass} doctor --registry-url http://127.0.0.1:5000 --registry-config {REGISTRY_FOLDER}/config.yml"
            ),
        }
    }

    fn notifications(&self) -> String {
        if self.config.events_secret_file.is_some() {
            return format!("{}\n{}", self.registry_config(&[]), self.doctor());
        }
        let (file, install) = match self.is_package() {
            true => ("/etc/dockpass/events.secret".to_owned(), "sudo install --group=dockpass --mode=640"),
            false => (absolute_path(&self.config.data.join("events.secret")), "install --mode=600"),
        };
        let changes = [("events-secret-file", file.clone())];
        let create = match self.container {
            // The image has no program that creates the secret, except for this.
            Some(_) => format!(
                "{} registry-config --registry-version 2 --out /data/registry --new-registry  # creates the secret",
                self.dockpass(&changes)
            ),
            None => format!("openssl rand -hex 32 | {install} /dev/stdin {}", quoted(&file)),
        };
        format!("{create}\n{}", self.set(&changes, &format!("{}\n", self.registry_config(&changes))))
    }

    fn backup(&self) -> String {
        match &self.config.database {
            DatabaseLocation::Sqlite(_) if self.is_package() => {
                "sudo systemctl enable --now dockpass-backup.timer\nsudo systemctl start dockpass-backup.service"
                    .to_owned()
            }
            DatabaseLocation::Sqlite(_) => {
                let folder = absolute_path(&self.config.data.join("backups"));
                format!("{} backup --keep 14 {}", self.dockpass(&[]), quoted(&folder))
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

/// A setting as an assignment, which shells and settings files read.
fn variable(name: &str, value: &str) -> String {
    quoted(&format!("DOCKPASS_{}={value}", name.to_uppercase().replace('-', "_")))
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

    fn given(name: &str, value: &str) -> GivenSetting {
        GivenSetting { name: name.into(), value: value.into(), has_password: false, is_from_environment: false }
    }

    #[test]
    fn a_server_without_a_settings_file_is_named_by_all_its_flags() {
        let config = of(|settings| {
            settings.given = vec![
                given("listen", "127.0.0.1:9000"),
                given("public-url", "http://hub.test:9000"),
                GivenSetting { is_from_environment: true, ..given("registry-service", "hub & co") },
            ];
        });
        let of_step = |step| commands(step, &config, "http://hub.test:9000");
        let dockpass = |url: &str| {
            format!(
                "dockpass --data '/srv/my data' --listen 127.0.0.1:9000 --public-url {url} --registry-service 'hub & co'"
            )
        };
        let now = dockpass("http://hub.test:9000");
        let restart = "# stop the server, and start it again with:\n";
        let expected = format!("{restart}{}", dockpass("https://hub.example.com"));
        assert_eq!(of_step(SetupStep::PublicUrl), expected);
        let config_file = "/etc/docker/registry/config.yml";
        let doctor = format!("{now} doctor --registry-url http://127.0.0.1:5000 --registry-config {config_file}");
        assert!(of_step(SetupStep::Registry).ends_with(&format!("\n{doctor}")));
        assert_eq!(of_step(SetupStep::Backup), format!("{now} backup --keep 14 '/srv/my data/backups'"));
        assert_eq!(of_step(SetupStep::SecretKey), "cat '/srv/my data/secret.key'");
        let with = format!("{now} --events-secret-file '/srv/my data/events.secret'");
        let notifications = format!(
            "openssl rand -hex 32 | install --mode=600 /dev/stdin '/srv/my data/events.secret'\n\
             {with} registry-config --registry-version 2 --out /etc/docker/registry/dockpass  # or version 3\n{restart}{with}"
        );
        assert_eq!(of_step(SetupStep::Notifications), notifications);
        let https = of_step(SetupStep::Https);
        let end = format!("{restart}{} --trusted-proxies 127.0.0.1", dockpass("https://hub.test"));
        assert!(https.contains("\nhub.test {\n") && https.ends_with(&end), "{https}");
    }

    #[test]
    fn what_a_settings_file_says_is_changed_there() {
        let config = of(|settings| {
            settings.config = Some("/srv/my.conf".into());
            settings.given = vec![given("config", "/srv/my.conf"), given("listen", "127.0.0.1:9000")];
        });
        let expected = "echo DOCKPASS_PUBLIC_URL=https://hub.example.com >> /srv/my.conf\n\
                        # stop the server, and start it again with:\n\
                        dockpass --config /srv/my.conf --listen 127.0.0.1:9000";
        assert_eq!(commands(SetupStep::PublicUrl, &config, "http://127.0.0.1:9000"), expected);
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
    fn what_a_container_got_as_flags_is_given_and_changed_as_flags() {
        let config = of(|settings| {
            settings.data = IMAGE_DATA.into();
            let url = given("database-url", "postgres://dockpass:PASSWORD@db.test/tokens");
            settings.given = vec![
                GivenSetting { has_password: true, ..url },
                given("public-url", "http://hub.test"),
                given("issuer", "hub"),
            ];
        });
        let shell = ServerShell { config: &config, public_url: "http://hub.test", container: Some("3f2a".to_owned()) };
        let set = "# among the arguments of the container\n--public-url https://hub.example.com";
        assert_eq!(shell.commands(SetupStep::PublicUrl), set);
        let registry = shell.commands(SetupStep::Registry);
        let command =
            "docker exec --env DOCKPASS_DATABASE_URL 3f2a /usr/bin/dockpass --public-url http://hub.test --issuer hub";
        assert!(registry.starts_with("export DOCKPASS_DATABASE_URL=") && registry.contains(command), "{registry}");
        assert!(!registry.contains("--database-url"), "{registry}");
    }

    #[test]
    fn the_password_of_postgresql_is_in_no_command() {
        let url = "postgres://dockpass:hunter2@db.test:5433/tokens";
        let config = of(|settings| {
            settings.database_url = Some(url.into());
            let shown = given("database-url", "postgres://dockpass:PASSWORD@db.test:5433/tokens");
            settings.given = vec![GivenSetting { has_password: true, ..shown }];
        });
        let backup = commands(SetupStep::Backup, &config, "https://hub.test");
        let expected =
            "pg_dump --host=db.test --port=5433 --username=dockpass --format=custom --file=dockpass.dump tokens";
        assert_eq!(backup, expected);
        let registry = commands(SetupStep::Registry, &config, "https://hub.test");
        let export = "export DOCKPASS_DATABASE_URL=postgres://dockpass:PASSWORD@db.test:5433/tokens  # write ";
        assert!(registry.starts_with(export) && !registry.contains("--database-url"), "{registry}");
        assert!(SetupStep::ALL.iter().all(|step| !commands(*step, &config, "https://hub.test").contains("hunter2")));
    }
}
