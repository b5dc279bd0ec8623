//! The settings: flags and environment variables, all checked together.

mod checks;
mod given;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser};
use dockpass_core::device_session::DeviceRules;
use dockpass_core::expiry::Lifetimes;
use dockpass_core::quota::TokenQuota;
use dockpass_core::secret::SecretHash;
use ipnet::IpNet;
use time::Duration;
use url::Url;

use crate::platform::database::DatabaseLocation;
use crate::platform::http_client::is_loopback;
use crate::platform::session_store::SessionLifetime;

use self::checks::{Mistakes, address, events_secret, host, name, network, public_url};
pub use self::given::{GivenSetting, absolute_path};

/// The settings before they are checked. Most are text, so that all mistakes can be reported at once.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// File with settings, a NAME=value a line; flags and variables win [default: /etc/dockpass/dockpass.conf if it exists]
    #[arg(long, env = "DOCKPASS_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Address and port to listen on; port 0 means any free port
    #[arg(long, env = "DOCKPASS_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: String,
    /// Folder for the SQLite database and the secret key file
    #[arg(long, env = "DOCKPASS_DATA", default_value = "./data", global = true)]
    pub data: PathBuf,
    /// postgres://… for PostgreSQL [default: an SQLite file in the data folder]
    #[arg(long, env = "DOCKPASS_DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// URL that people and registry clients use, such as `https://hub.example.com`
    #[arg(long, env = "DOCKPASS_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Host that people type after `docker login` [default: host and port of the public URL]
    #[arg(long, env = "DOCKPASS_REGISTRY_HOST", global = true)]
    pub registry_host: Option<String>,
    /// Service name of the registry (`aud` in registry tokens)
    #[arg(long, env = "DOCKPASS_REGISTRY_SERVICE", default_value = "dockpass", global = true)]
    pub registry_service: String,
    /// Issuer of registry tokens (`iss`)
    #[arg(long, env = "DOCKPASS_ISSUER", default_value = "dockpass", global = true)]
    pub issuer: String,
    /// Proxies whose X-Forwarded-For header is trusted: addresses or CIDRs, separated by commas
    #[arg(long, env = "DOCKPASS_TRUSTED_PROXIES", global = true)]
    pub trusted_proxies: Option<String>,
    /// File with the key that encrypts secrets in the database [default: secret.key in the data folder]
    #[arg(long, env = "DOCKPASS_SECRET_KEY_FILE", global = true)]
    pub secret_key_file: Option<PathBuf>,
    /// Unexpired manual tokens that an account may have
    #[arg(long, env = "DOCKPASS_MAX_TOKENS", default_value = "200", global = true)]
    pub max_tokens: String,
    /// Tokens that an account may generate per hour
    #[arg(long, env = "DOCKPASS_TOKEN_CREATIONS_PER_HOUR", default_value = "30", global = true)]
    pub token_creations_per_hour: String,
    /// Whether people can create accounts themselves: closed or open
    #[arg(long, env = "DOCKPASS_SIGNUP", default_value = "closed", global = true)]
    pub signup: String,
    /// Whether every account must turn on two-factor authentication: true or false
    #[arg(long, env = "DOCKPASS_REQUIRE_2FA", default_value = "false", global = true, num_args = 0..=1, default_missing_value = "true")]
    pub require_2fa: String,
    /// Longest lifetime of new tokens in days, including tokens of devices
    #[arg(long, env = "DOCKPASS_MAX_TOKEN_LIFETIME_DAYS", global = true)]
    pub max_token_lifetime_days: Option<String>,
    /// Auto-generated tokens that an account keeps; one more replaces the least recently used one
    #[arg(long, env = "DOCKPASS_AUTO_TOKEN_SLOTS", default_value = "5", global = true)]
    pub auto_token_slots: String,
    /// Days without use after which a device is signed out
    #[arg(long, env = "DOCKPASS_DEVICE_IDLE_DAYS", default_value = "30", global = true)]
    pub device_idle_days: String,
    /// Days after which a device is signed out in any case
    #[arg(long, env = "DOCKPASS_DEVICE_MAX_DAYS", default_value = "180", global = true)]
    pub device_max_days: String,
    /// Hours without use after which a browser session ends
    #[arg(long, env = "DOCKPASS_SESSION_IDLE_HOURS", default_value = "24", global = true)]
    pub session_idle_hours: String,
    /// Days after which a browser session ends in any case
    #[arg(long, env = "DOCKPASS_SESSION_MAX_DAYS", default_value = "30", global = true)]
    pub session_max_days: String,
    /// Address and port of /metrics for Prometheus; port 0 means any free port
    #[arg(long, env = "DOCKPASS_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<String>,
    /// File with the secret that the registry sends with notifications; without it /registry/events is closed
    #[arg(long, env = "DOCKPASS_EVENTS_SECRET_FILE", global = true)]
    pub events_secret_file: Option<PathBuf>,
    /// Log format: text or json
    #[arg(long, env = "DOCKPASS_LOG_FORMAT", default_value = "text", global = true)]
    pub log_format: String,
    #[arg(skip)]
    pub asks_server: bool,
    #[arg(skip)]
    pub given: Vec<GivenSetting>,
}

impl Default for Settings {
    fn default() -> Self {
        #[derive(Parser)]
        struct Program {
            #[command(flatten)]
            settings: Settings,
        }
        Program::parse_from(["dockpass"]).settings
    }
}

/// The checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that the settings came from, if there is one.
    pub settings_file: Option<PathBuf>,
    /// The settings that came from flags and environment variables, without passwords.
    pub given: Vec<GivenSetting>,
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub database: DatabaseLocation,
    /// The public URL, if one is set; see [`Config::urls`].
    pub public_url: Option<Url>,
    pub registry_host: Option<String>,
    /// `aud` of registry tokens.
    pub registry_service: String,
    /// `iss` of registry tokens.
    pub issuer: String,
    pub trusted_proxies: Vec<IpNet>,
    pub secret_key_file: PathBuf,
    pub token_limits: TokenQuota,
    pub requires_second_factor: bool,
    pub signup_is_open: bool,
    pub token_lifetimes: Lifetimes,
    pub devices: DeviceRules,
    pub session_lifetime: SessionLifetime,
    pub metrics_listen: Option<SocketAddr>,
    pub events_secret: Option<SecretHash>,
    pub events_secret_file: Option<PathBuf>,
    pub log_is_json: bool,
}

/// The addresses that others use for this server and its registry.
#[derive(Debug, Clone)]
pub struct Urls {
    /// The public URL without a trailing slash.
    pub public: String,
    /// The port in the public URL, if it is not the scheme's own.
    pub port: Option<u16>,
    /// Whether the public URL is https. It turns on secure cookies and HSTS.
    pub is_secure: bool,
    /// The host that people type after `docker login`.
    pub registry_host: String,
}

impl Config {
    /// Checks all settings. The error has a sentence for every mistake.
    pub fn check(settings: &Settings) -> Result<Self, Vec<String>> {
        let mut mistakes = Mistakes::default();
        let listen = mistakes.take("--listen", &settings.listen, address);
        let metrics_listen =
            settings.metrics_listen.as_ref().and_then(|text| mistakes.take("--metrics-listen", text, address));
        let public_url = settings.public_url.as_ref().and_then(|text| mistakes.take("--public-url", text, public_url));
        if let (Some(listen), None, false) = (listen, &settings.public_url, settings.asks_server)
            && !listen.ip().is_loopback()
        {
            mistakes.0.push(format!("--public-url must be given, because --listen {listen} is not a loopback address"));
        }
        let database_url = settings
            .database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", settings.data.join("dockpass.db").display()));
        let database = database_url.parse::<DatabaseLocation>().map_err(|reason| {
            // The value may contain a password, so the message does not repeat it.
            mistakes.0.push(format!("--database-url {reason}"));
        });
        let registry_host =
            settings.registry_host.as_ref().and_then(|text| mistakes.take("--registry-host", text, host));
        for (flag, text) in [("--registry-service", &settings.registry_service), ("--issuer", &settings.issuer)] {
            mistakes.take(flag, text, name);
        }
        let trusted_proxies = settings
            .trusted_proxies
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .filter_map(|text| mistakes.take("--trusted-proxies", text, network))
            .collect();
        let days = settings.max_token_lifetime_days.as_ref();
        let days = days.map(|text| mistakes.number("--max-token-lifetime-days", text, 3650));
        let token_limits = TokenQuota {
            tokens: mistakes.number("--max-tokens", &settings.max_tokens, 50_000).into(),
            creations_per_hour: mistakes
                .number("--token-creations-per-hour", &settings.token_creations_per_hour, 50_000)
                .into(),
        };
        let device_days = mistakes.number("--device-max-days", &settings.device_max_days, 3650);
        let devices = DeviceRules {
            slots: mistakes.number("--auto-token-slots", &settings.auto_token_slots, 1000).into(),
            idle: Duration::days(mistakes.number("--device-idle-days", &settings.device_idle_days, 3650).into()),
            // The limit for tokens applies to the tokens of devices too.
            longest: Duration::days(device_days.min(days.unwrap_or(u16::MAX)).into()),
        };
        let idle_hours = mistakes.number("--session-idle-hours", &settings.session_idle_hours, 24 * 365);
        let session_lifetime = SessionLifetime {
            idle: Duration::hours(idle_hours.into()),
            longest: Duration::days(mistakes.number("--session-max-days", &settings.session_max_days, 365).into()),
        };
        let signup_is_open = mistakes.second_of("--signup", &settings.signup, ["closed", "open"]);
        let requires_second_factor = mistakes.second_of("--require-2fa", &settings.require_2fa, ["false", "true"]);
        let log_is_json = mistakes.second_of("--log-format", &settings.log_format, ["text", "json"]);
        let events_secret = settings.events_secret_file.as_ref().and_then(|path| {
            mistakes.take("--events-secret-file", &path.display().to_string(), |_| events_secret(path))
        });
        let (Some(listen), Ok(database), []) = (listen, database, &*mistakes.0) else {
            return Err(mistakes.0);
        };
        Ok(Self {
            settings_file: settings.config.clone(),
            given: settings.given.clone(),
            listen,
            database,
            public_url,
            registry_host,
            registry_service: settings.registry_service.clone(),
            issuer: settings.issuer.clone(),
            trusted_proxies,
            secret_key_file: settings.secret_key_file.clone().unwrap_or_else(|| settings.data.join("secret.key")),
            token_limits,
            devices,
            requires_second_factor,
            signup_is_open,
            token_lifetimes: Lifetimes { longest_days: days },
            session_lifetime,
            metrics_listen,
            events_secret,
            events_secret_file: settings.events_secret_file.clone(),
            log_is_json,
            data: settings.data.clone(),
        })
    }

    /// The addresses of a server that listens on `listening`.
    pub fn urls(&self, listening: SocketAddr) -> Urls {
        let public = match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{listening}"),
        };
        let is_secure = public.starts_with("https://");
        let host = public.split_once("://").map_or(public.as_str(), |(_, rest)| rest);
        let registry_host = self.registry_host.clone().unwrap_or_else(|| host.to_owned());
        let port = Url::parse(&public).ok().and_then(|url| url.port());
        Urls { registry_host, port, is_secure, public }
    }

    /// What is allowed but most likely a mistake, as sentences for the log.
    pub fn warnings(&self) -> Vec<String> {
        let plain = self.public_url.iter().filter(|url| url.scheme() == "http" && !url.host().is_some_and(is_loopback));
        let warn = |url: &Url| {
            format!("--public-url {url} is plain http: passwords and tokens can be read on the way; put https in front")
        };
        plain.map(warn).collect()
    }

    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { listen: "127.0.0.1:0".into(), ..Settings::default() }
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = Config::check(&settings()).unwrap();
        let urls = config.urls("127.0.0.1:4321".parse().unwrap());
        assert_eq!(urls.public, "http://127.0.0.1:4321");
        assert_eq!(urls.registry_host, "127.0.0.1:4321");
        assert!(!urls.is_secure);
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let wrong = Settings {
            listen: "0.0.0.0:80".into(),
            log_format: "xml".into(),
            session_idle_hours: "0".into(),
            trusted_proxies: Some("10.0.0.0/8, nowhere".into()),
            database_url: Some("mysql://root:hunter2@db".into()),
            max_token_lifetime_days: Some("many".into()),
            ..settings()
        };
        let mistakes = Config::check(&wrong).unwrap_err();
        assert_eq!(mistakes.len(), 6, "{mistakes:#?}");
        assert!(!mistakes.join(" ").contains("hunter2"));
    }

    #[test]
    fn plain_http_on_another_machine_is_warned_of() {
        let warnings = |url: &str| {
            let settings = Settings { public_url: Some(url.into()), ..settings() };
            Config::check(&settings).unwrap().warnings().len()
        };
        for fine in ["https://hub.example.com", "http://localhost:8080", "http://127.0.0.9", "http://[::1]:1"] {
            assert_eq!(warnings(fine), 0, "{fine}");
        }
        for plain in ["http://hub.example.com", "http://192.168.1.5:8080", "http://localhost.example.com"] {
            assert_eq!(warnings(plain), 1, "{plain}");
        }
    }

    #[test]
    fn a_public_url_has_no_path_and_no_credentials() {
        let with = |url: &str| Config::check(&Settings { public_url: Some(url.into()), ..settings() });
        let urls = with("https://hub.example.com").unwrap().urls("127.0.0.1:1".parse().unwrap());
        assert!(urls.is_secure);
        assert_eq!((urls.public.as_str(), urls.registry_host.as_str()), ("https://hub.example.com", "hub.example.com"));
        for wrong in ["hub.example.com", "https://hub.example.com/dockpass", "ftp://hub", "https://a:b@hub"] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }
}
