//! The check of the registry's configuration file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Expected, Report};
use crate::platform::certificates;

/// Debian's docker-registry reads this file.
const DEFAULT_FILE: &str = "/etc/docker/registry/config.yml";

/// The registry's configuration file.
#[derive(Debug)]
pub struct RegistryFile {
    pub path: PathBuf,
    /// Whether it was named, and not only found at the default path.
    is_named: bool,
    /// Its content, or the part of a sentence after the file's name.
    pub document: Result<Value, String>,
}

impl RegistryFile {
    /// The named file, or the default one where it exists.
    pub fn open(named: Option<&Path>) -> Option<Self> {
        let default = Path::new(DEFAULT_FILE);
        let path = named.or_else(|| default.exists().then_some(default))?;
        Some(Self { path: path.to_owned(), is_named: named.is_some(), document: read(path) })
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    serde_saphyr::from_str(&text).map_err(|error| match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key, location } => format!(
            "has {} twice, again in line {}, and a registry reads only one of them: remove the other",
            key.as_deref().unwrap_or("a key"),
            location.line()
        ),
        _ => format!("is not valid YAML: {}", first_line(&error.to_string())),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigVerdict {
    Right,
    Wrong,
    /// It is right, but the certificate bundle cannot be read here.
    Unread,
}

/// Checks the file. `None` for a file at the default path that is not set up for tokens: the registry may have another.
pub fn check(file: &RegistryFile, expected: &Expected<'_>, report: &mut Report) -> Option<ConfigVerdict> {
    const CHECK: &str = "registry's file";
    let (before, path) = (report.number_wrong(), file.path.display());
    let mut verdict = ConfigVerdict::Right;
    match file.document.as_ref().map_err(Clone::clone).and_then(token_section) {
        Ok(section) => {
            check_texts(section, expected, report);
            if !check_bundle(section, &file.path, expected, report) {
                verdict = ConfigVerdict::Unread;
            }
            check_deleting(&file.document, report);
            let overrides = "REGISTRY_AUTH_TOKEN_… variables override the file, but cannot be read from here";
            report.skipped("registry's environment", overrides);
        }
        Err(sentence) if file.is_named => report.wrong(CHECK, format_args!("{path} {sentence}")),
        Err(sentence) => {
            let advice = "or give --registry-config if the registry has another file";
            report.skipped(CHECK, format_args!("{path} {sentence}, {advice}"));
            return None;
        }
    }
    Some(if report.number_wrong() > before { ConfigVerdict::Wrong } else { verdict })
}

/// The mapping below `auth.token`, or the part of a sentence after the file's name.
fn token_section(document: &Value) -> Result<&Value, String> {
    let (add, replace) = ("add what", "replace the auth section with what");
    let write = |verb: &str| format!("{verb} `dockpass registry-config` prints");
    let Some(auth) = document.get("auth").and_then(Value::as_object) else {
        return Err(format!("has no auth section, so the registry lets everyone in: {}", write(add)));
    };
    let other: Vec<&str> = auth.keys().map(String::as_str).filter(|name| *name != "token").collect();
    let others = other.join(", ");
    match auth.get("token") {
        Some(_) if !other.is_empty() => {
            Err(format!("has {others:?} beside token below auth, so the registry does not start: remove {others}"))
        }
        Some(section) if section.is_object() => Ok(section),
        Some(_) => Err(format!("has nothing below auth.token: {}", write(replace))),
        None => Err(format!("has {others:?} below auth instead of token: {}", write(replace))),
    }
}

/// Without this setting the registry refuses every delete, whatever a token may do.
fn check_deleting(document: &Result<Value, String>, report: &mut Report) {
    let delete = document.as_ref().ok().and_then(|document| document.get("storage")?.get("delete"));
    if delete.and_then(|delete| text(delete, "enabled")).as_deref() != Some("true") {
        let said = "images cannot be deleted, also with the level Read, Write, Delete: write `delete: {enabled: true}` below \
                    storage (or set REGISTRY_STORAGE_DELETE_ENABLED)";
        report.warning("file's storage.delete.enabled", said);
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A scalar. The registry reads numbers and booleans as text too.
pub fn text(section: &Value, key: &str) -> Option<String> {
    match section.get(key)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn check_texts(section: &Value, expected: &Expected<'_>, report: &mut Report) {
    let realm = expected.realm();
    let service = Some(expected.config.registry_service.clone());
    let issuer = Some(expected.config.issuer.clone());
    let all =
        [("realm", realm, "--public-url"), ("service", service, "--registry-service"), ("issuer", issuer, "--issuer")];
    for (key, right, flag) in all {
        let check = format!("file's {key}");
        let Some(right) = right else {
            report.skipped(&check, format_args!("give the server's {flag}"));
            continue;
        };
        match text(section, key) {
            Some(found) => {
                let advice = format!("write `{key}: {right:?}` below auth.token, or give the server's {flag}");
                report.same(&check, &found, &right, advice);
            }
            None => report.wrong(&check, format_args!("it is missing: write `{key}: {right:?}` below auth.token")),
        }
    }
    if text(section, "autoredirect").as_deref() == Some("true") {
        let said = "it is on, so clients are sent to the registry's own host and not to the realm: remove the line";
        report.wrong("file's autoredirect", said);
    }
    let algorithms = section.get("signingalgorithms").and_then(Value::as_array);
    if algorithms.is_some_and(|all| !all.iter().any(|name| name == "ES256")) {
        let said = "ES256 is missing, but tokens are signed with it: write `signingalgorithms: [ES256]`";
        report.wrong("file's signingalgorithms", said);
    }
}

/// Returns false if the bundle cannot be read here, because a registry in a container sees other files.
fn check_bundle(section: &Value, config: &Path, expected: &Expected<'_>, report: &mut Report) -> bool {
    const CHECK: &str = "file's rootcertbundle";
    let write = "write it with `dockpass registry-config` and restart the registry";
    let Some(named) = text(section, "rootcertbundle") else {
        let said = match section.get("jwks") {
            Some(_) => "it is missing: with only jwks, a registry refuses tokens that contain their certificate; ",
            None => "it is missing: ",
        };
        report.wrong(CHECK, format_args!("{said}{write}"));
        return true;
    };
    let Some((path, text)) = read_beside(Path::new(&named), config) else {
        let said = "cannot be read here; if the registry runs in a container, check the file inside it";
        report.skipped(CHECK, format_args!("{named} {said}"));
        return false;
    };
    let path = path.display();
    let Some(keys) = expected.keys else {
        report.skipped(CHECK, "there are no keys to compare with");
        return false;
    };
    let (certificates, root) = (certificates::from_pem(&text), certificates::from_pem(&keys.root_pem));
    if certificates.is_empty() {
        report.wrong(CHECK, format_args!("{path} contains no certificate: {write}"));
    } else if certificates.iter().any(|certificate| root.contains(certificate)) {
        report.ok(CHECK, format_args!("{path} contains this server's root certificate"));
    } else {
        let said = "does not contain this server's root certificate; perhaps it is from another database";
        report.wrong(CHECK, format_args!("{path} {said}: {write}"));
    }
    true
}

/// The registry resolves relative paths from the folder in which it was started. That may be the current folder or that
/// of the configuration file.
fn read_beside(named: &Path, config: &Path) -> Option<(PathBuf, String)> {
    let beside = config.parent().map(|folder| folder.join(named));
    [Some(named.to_owned()), beside].into_iter().flatten().find_map(|path| {
        let bytes = fs::read(&path).ok()?;
        Some((path, String::from_utf8_lossy(&bytes).into_owned()))
    })
}
