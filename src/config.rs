//! The settings: flags and environment variables, all checked together.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser};
use dockpass_core::device_session::DeviceRules;
use dockpass_core::expiry::Lifetimes;
use dockpass_core::quota::TokenQuota;
use dockpass_core::secret::SecretHash;
use ipnet::IpNet;
use time::Duration;
use url::Url;

use crate::platform::database::DatabaseLocation;
use crate::platform::session_store::SessionLifetime;

/// The settings before they are checked. Most are text, so that all mistakes can be reported at once.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Address and port to listen on; port 0 means any free port
    #[arg(long, env = "DOCKPASS_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: String,
    /// Folder for the SQLite database and the secret key file
    #[arg(long, env = "DOCKPASS_DATA", default_value = "./data", global = true)]
    pub data: PathBuf,
    /// postgres://… for PostgreSQL [default: an SQLite file in the data folder]
    #[arg(long, env = "DOCKPASS_DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// URL that people and registry clients use, such as https://hub.example.com
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
}

impl Default for Settings {
    /// The defaults of all flags.
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
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// The database.
    pub database: DatabaseLocation,
    /// The public URL, if one is set; see [`Config::urls`].
    pub public_url: Option<Url>,
    /// The registry's host, if one is set; see [`Config::urls`].
    pub registry_host: Option<String>,
    /// `aud` of registry tokens.
    pub registry_service: String,
    /// `iss` of registry tokens.
    pub issuer: String,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The secret key file.
    pub secret_key_file: PathBuf,
    /// The limits for manual tokens.
    pub token_limits: TokenQuota,
    /// Whether accounts must have two-factor authentication.
    pub requires_second_factor: bool,
    /// Whether people can create accounts themselves.
    pub signup_is_open: bool,
    /// The limit for the lifetime of tokens.
    pub token_lifetimes: Lifetimes,
    /// The limits for devices.
    pub devices: DeviceRules,
    /// The limits for browser sessions.
    pub session_lifetime: SessionLifetime,
    /// The address and port of the metrics, if they are served.
    pub metrics_listen: Option<SocketAddr>,
    /// The hash of the secret that the registry sends with notifications.
    pub events_secret: Option<SecretHash>,
    /// The file with that secret.
    pub events_secret_file: Option<PathBuf>,
    /// The log format.
    pub log_format: LogFormat,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The addresses that others use for this server and its registry.
#[derive(Debug, Clone)]
pub struct Urls {
    /// The public URL without a trailing slash.
    pub public: String,
    /// Whether the public URL is https. It turns on secure cookies and HSTS.
    pub is_secure: bool,
    /// The host that people type after `docker login`.
    pub registry_host: String,
}

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    /// A sentence for every mistake.
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
        let registry_host = settings
            .registry_host
            .as_ref()
            .and_then(|text| mistakes.take("--registry-host", text, |text| host(text).map(str::to_owned)));
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
        let days = settings
            .max_token_lifetime_days
            .as_ref()
            .and_then(|text| mistakes.take("--max-token-lifetime-days", text, |text| count(text, 3650)));
        let tokens = mistakes.take("--max-tokens", &settings.max_tokens, |text| count(text, 50_000));
        let creations =
            mistakes.take("--token-creations-per-hour", &settings.token_creations_per_hour, |text| count(text, 50_000));
        let slots = mistakes.take("--auto-token-slots", &settings.auto_token_slots, |text| count(text, 1000));
        let device_idle = mistakes.take("--device-idle-days", &settings.device_idle_days, |text| count(text, 3650));
        let device_longest = mistakes.take("--device-max-days", &settings.device_max_days, |text| count(text, 3650));
        let signup = mistakes.take("--signup", &settings.signup, |text| match text {
            "closed" => Ok(false),
            "open" => Ok(true),
            _ => Err("must be closed or open"),
        });
        let required = mistakes.take("--require-2fa", &settings.require_2fa, |text| {
            text.parse::<bool>().map_err(|_| "must be true or false")
        });
        let idle = mistakes.take("--session-idle-hours", &settings.session_idle_hours, |text| count(text, 24 * 365));
        let longest = mistakes.take("--session-max-days", &settings.session_max_days, |text| count(text, 365));
        let log_format = mistakes.take("--log-format", &settings.log_format, |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json"),
        });
        let events_secret = settings.events_secret_file.as_ref().and_then(|path| {
            mistakes.take("--events-secret-file", &path.display().to_string(), |_| events_secret(path))
        });
        let checked = (listen, database.ok(), idle, longest, log_format);
        let (Some(listen), Some(database), Some(idle), Some(longest), Some(log_format), []) =
            (checked.0, checked.1, checked.2, checked.3, checked.4, mistakes.0.as_slice())
        else {
            return Err(mistakes.0);
        };
        Ok(Self {
            listen,
            database,
            public_url,
            registry_host,
            registry_service: settings.registry_service.clone(),
            issuer: settings.issuer.clone(),
            trusted_proxies,
            secret_key_file: settings.secret_key_file.clone().unwrap_or_else(|| settings.data.join("secret.key")),
            token_limits: TokenQuota {
                tokens: tokens.unwrap_or_default().into(),
                creations_per_hour: creations.unwrap_or_default().into(),
            },
            devices: DeviceRules {
                slots: slots.unwrap_or_default().into(),
                idle: Duration::days(device_idle.unwrap_or_default().into()),
                // The limit for tokens applies to the tokens of devices too.
                longest: Duration::days(device_longest.unwrap_or_default().min(days.unwrap_or(u16::MAX)).into()),
            },
            requires_second_factor: required.unwrap_or_default(),
            signup_is_open: signup.unwrap_or_default(),
            token_lifetimes: Lifetimes { longest_days: days },
            session_lifetime: SessionLifetime {
                idle: Duration::hours(idle.into()),
                longest: Duration::days(longest.into()),
            },
            metrics_listen,
            events_secret,
            events_secret_file: settings.events_secret_file.clone(),
            log_format,
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
        Urls { registry_host, is_secure, public }
    }

    /// Whether `address` is a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

#[derive(Default)]
struct Mistakes(Vec<String>);

impl Mistakes {
    fn take<T, E: Display>(&mut self, flag: &str, text: &str, check: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        check(text).map_err(|reason| self.0.push(format!("{flag} {text:?} {reason}"))).ok()
    }
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let first = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    first.ok_or("is not an address and port, such as 127.0.0.1:8080")
}

fn public_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("must begin with http:// or https:// and name a host");
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    // A path would never work, because registry clients look for /v2/ at the root of a host.
    if bare && url.password().is_none() {
        Ok(url)
    } else {
        Err("must consist of scheme, host and port, without a path")
    }
}

fn host(text: &str) -> Result<&str, &'static str> {
    let is_invalid = |c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#');
    if text.is_empty() || text.contains(is_invalid) { Err("is not a host with an optional port") } else { Ok(text) }
}

fn name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.contains(|c: char| c.is_control() || matches!(c, '"' | '\\')) {
        return Err("must not be empty or contain quotes, backslashes or control characters");
    }
    Ok(())
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    IpNet::from_str(text)
        .or_else(|_| IpAddr::from_str(text).map(IpNet::from))
        .map_err(|_| "is not an address or a CIDR, such as 10.0.0.0/8")
}

/// The file contains one line. Short secrets are refused, because they could be guessed.
fn events_secret(path: &std::path::Path) -> Result<SecretHash, &'static str> {
    let text = std::fs::read_to_string(path).map_err(|_| "cannot be read")?;
    let secret = text.trim();
    let is_header = !secret.is_empty() && secret.chars().all(|c| c.is_ascii_graphic());
    match is_header && secret.len() >= 16 {
        true => Ok(SecretHash::of(secret)),
        false => Err("must contain one line of at least 16 printable characters without spaces"),
    }
}

fn count(text: &str, max: u16) -> Result<u16, String> {
    let count = text.parse().ok().filter(|count| (1..=max).contains(count));
    count.ok_or_else(|| format!("is not a whole number from 1 to {max}"))
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
